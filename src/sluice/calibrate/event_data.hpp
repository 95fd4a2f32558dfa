#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/base/npy.hpp"

namespace sluice::calibrate {

/// The events of a data file, one after the other.
struct EventData {
  std::vector<double> values;
  std::int64_t events = 0;
  std::size_t width = 0;  ///< elements of one event

  std::span<const double> event(std::int64_t i) const {
    return std::span(values).subspan(static_cast<std::size_t>(i) * width, width);
  }
};

/// `data` as events of `width` elements. Throws UsageError, naming event and element, for other
/// shapes and for numbers that are not finite.
EventData read_events(const NpyArray& data, std::size_t width);

}  // namespace sluice::calibrate
