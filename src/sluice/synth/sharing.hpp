#pragma once

#include <cstdint>

#include "sluice/network/network.hpp"
#include "sluice/synth/lower.hpp"

/// What the options ask of a network's layers.
namespace sluice::synth {

constexpr std::int64_t kNoReuse = 1;

/// Ticks in which a dense layer's outputs, of one position, are made.
std::int64_t reuse_of(const network::Layer& layer, const LowerOptions& options);

/// Rows that a dense layer multiplies with its matrix.
std::int64_t positions_of(const network::Network& network, const network::Layer& layer,
                          const network::Dense& dense);

/// Whether positions come one after the other.
bool streams(const network::Network& network, const LowerOptions& options);

}  // namespace sluice::synth
