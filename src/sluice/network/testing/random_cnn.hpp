#pragma once

#include <cstdint>

#include "sluice/network/network.hpp"

namespace sluice::network::testing {

/// A small convolutional network drawn from a seed: one or two spatial axes, convolutions with
/// strides, dilation and zero padding, pooling, residual sums, slopes, tables, and at the end a
/// dense layer over all positions, a global pooling or the positions themselves. Satisfies
/// network::verify().
Network random_cnn(std::uint64_t seed);

}  // namespace sluice::network::testing
