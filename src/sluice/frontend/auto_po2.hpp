#pragma once

#include <cstdint>
#include <vector>

#include "sluice/frontend/hdf5_reader.hpp"

namespace sluice::frontend {

/// Integers and, for each index of the last axis, log2 of their scale:
/// weight = mantissa * 2^exponent.
struct AutoPo2Weights {
  std::vector<std::int64_t> mantissas;
  std::vector<int> exponents;
};

/// What QKeras's `quantized_bits(bits, integer, alpha='auto_po2')` makes of `weights`: a search for
/// the best power-of-two scale per output, from the weights themselves.
///
/// The framework sums in float32 in an order of its own. Each decision is taken here in double
/// precision and must keep a distance from its threshold that is larger than any such error.
/// Throws ModelError, without a subject, where it does not. `bits` is at least 2.
AutoPo2Weights quantize_auto_po2(const RealTensor& weights, int bits, int integer);

/// The same for `binary`, of values -1 and 1, or 0 and 1.
AutoPo2Weights binary_auto_po2(const RealTensor& weights, bool use_01);

/// The same for `ternary`: the search starts from the largest weight and takes `rounds`.
AutoPo2Weights ternary_auto_po2(const RealTensor& weights, int rounds);

}  // namespace sluice::frontend
