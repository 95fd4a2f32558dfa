#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/network/network.hpp"

/// Layers over all positions of a tensor, as layers of the vector at one of them.
namespace sluice::synth {

/// Ranges of the vector's `size` elements over all positions.
std::vector<fixed::Interval> over_positions(const network::TensorType& type, std::int64_t size);

/// The layer for the vector `x`, if it is the same at all positions.
std::optional<network::LayerOp> at_each_position(const network::Layer& layer,
                                                 const network::TensorType& x);

/// Tables that answer for every operand of these ranges; what was not covered does not occur.
network::Lookup covering(network::Lookup lookup, const std::vector<fixed::Interval>& ranges);

}  // namespace sluice::synth
