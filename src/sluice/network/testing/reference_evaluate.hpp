#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/network/network.hpp"

namespace sluice::network::testing {

/// Mantissas of every layer for one event, by LayerId, each on its type's grid: the definitions of
/// the layers written out, in 128-bit integers. `event` holds the mantissas of the inputs, one
/// after the other. Throws InternalError when a value lies outside of its layer's range.
std::vector<std::vector<std::int64_t>> evaluate_layers(const Network& network,
                                                       std::span<const std::int64_t> event);

/// The mantissas of the outputs, one output after the other, in the formats of their types.
std::vector<std::int64_t> reference_evaluate(const Network& network,
                                             std::span<const std::int64_t> event);

}  // namespace sluice::network::testing
