#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/network/network.hpp"
#include "sluice/synth/parts.hpp"
#include "sluice/synth/taps.hpp"

namespace sluice::synth {

/// What a state begins with: one mantissa per element, on the grid of what it ends as.
using Beginning = std::vector<std::int64_t>;

/// The bias of a dense layer, as a sum begins with it.
Beginning bias_of(const network::Dense& dense, const network::TensorType& sum);

/// Appends two parts: one with a state that takes in what `terms` of part `from` are at each tick,
/// and one without loops that reads the end, which is returned. The end has the ranges of `layer`.
network::LayerId accumulate(std::vector<Part>& parts, const network::Layer& layer,
                            network::Reduce::Kind kind, const Beginning& beginning,
                            std::size_t from, network::LayerId terms, std::size_t origin);

/// The elements of one position's vector that each output of a reduction takes, [outputs,
/// elements]. Nothing where they are not the same at all `positions`.
std::optional<network::Gather> taken_at_each_position(const std::vector<Moved>& elements,
                                                      std::int64_t outputs, std::int64_t positions,
                                                      std::int64_t vector_size);

}  // namespace sluice::synth
