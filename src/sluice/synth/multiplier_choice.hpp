#pragma once

#include <cstdint>
#include <vector>

#include "sluice/network/network.hpp"

namespace sluice::synth {

/// By layer and weight, as they lie in the layer: whether a multiplier takes it. Empty for layers
/// without weights.
using MultiplierChoice = std::vector<std::vector<bool>>;

/// Gives the weights whose adders would be most to the device's multipliers, at most `budget` of
/// them. A weight that several positions of a tensor meet takes one for each. Deterministic.
MultiplierChoice choose_multipliers(const network::Network& network, std::int64_t budget);

/// How many the network can use at all.
std::int64_t usable_multipliers(const network::Network& network);

}  // namespace sluice::synth
