#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "sluice/network/network.hpp"

namespace sluice::synth {

/// The only layer that reads layer `layer`.
std::optional<std::size_t> only_user(const network::Network& network, std::size_t layer);

/// The layers behind `layer` that do the same to every element, as far as nobody reads what is in
/// between.
std::vector<std::size_t> uniform_layers_after(const network::Network& network, std::size_t layer);

/// What such a layer does to however many elements.
network::LayerOp for_any_element(const network::Layer& layer);

}  // namespace sluice::synth
