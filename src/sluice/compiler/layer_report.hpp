#pragma once

#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/compiler/subject.hpp"

namespace sluice::compiler {

struct LayerReport {
  Json layers;                       ///< one row per layer of the exact network
  std::vector<Diagnostic> warnings;  ///< what looks like a mistake of the model
};

/// What the exact ranges say of every layer and, with events, what these show.
///
/// `shape`, `format`, `min`, `max`, `multiplications`; of a Dense `weights`, `zero_weights`,
/// `unused_inputs` and `constant_units` (no weight other than 0); of every layer
/// `constant_elements` (one value for all inputs) and of roundings `unused_bits` (above the range)
/// and `overflow` ("saturates", "wraps") where the operand exceeds the format. With events
/// `observed_min`, `observed_max` and, of roundings, `overflowed` values.
LayerReport report_layers(const Subject& subject, const NpyArray* data);

}  // namespace sluice::compiler
