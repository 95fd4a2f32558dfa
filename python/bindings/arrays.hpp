#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/engine/events.hpp"
#include "sluice/package/manifest.hpp"

/// NumPy arrays as events, without copies.
namespace sluice::python {

/// True for a NumPy array that events_in takes and that holds what the caller says: integers where
/// `raw`, else float32 or float64.
bool is_plain_array(const pybind11::handle& object, bool raw);

/// `array` must be C-contiguous, aligned, in native byte order, of float32, float64 or a signed
/// integer type. `subject` names it in the UsageError E-PYTHON-004.
engine::ConstEvents events_in(const pybind11::array& array, const char* subject);
/// The same for an array that is written to.
engine::Events events_out(pybind11::array& array, const char* subject);

/// A new array for `events` events of `shape`: float64, or mantissas of `container_bits`.
pybind11::array make_output(std::int64_t events, std::span<const std::int64_t> shape,
                            int container_bits, bool raw);

/// Throws UsageError E-RUNTIME-003 unless `array` has the shape [events, ...`shape`], or one axis
/// per event with as many elements, and returns the number of events.
std::int64_t require_events(const pybind11::array& array, std::span<const std::int64_t> shape,
                            const std::string& subject);

/// NumPy's type of signed integers of so many bits.
pybind11::dtype integer_type(int bits);

}  // namespace sluice::python
