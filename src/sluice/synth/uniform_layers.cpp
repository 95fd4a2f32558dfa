#include "sluice/synth/uniform_layers.hpp"

#include <algorithm>
#include <functional>
#include <variant>

namespace sluice::synth {

using network::Layer;
using network::LayerId;
using network::Network;

namespace {

bool is_uniform(const Layer& layer) {
  if (const auto* quantize = std::get_if<network::Quantize>(&layer.op)) {
    return std::ranges::adjacent_find(quantize->quantizers, std::not_equal_to()) ==
           quantize->quantizers.end();
  }
  return std::holds_alternative<network::Clamp>(layer.op);
}

bool is_output(const Network& network, std::size_t layer) {
  return std::ranges::find(network.outputs(), static_cast<LayerId>(layer)) !=
         network.outputs().end();
}

}  // namespace

std::optional<std::size_t> only_user(const Network& network, std::size_t layer) {
  std::optional<std::size_t> user;
  for (std::size_t k = layer + 1; k < network.layers().size(); ++k) {
    const std::vector<LayerId>& operands = network.layers()[k].operands;
    if (std::ranges::find(operands, static_cast<LayerId>(layer)) == operands.end()) continue;
    if (user) return std::nullopt;
    user = k;
  }
  return user;
}

std::vector<std::size_t> uniform_layers_after(const Network& network, std::size_t layer) {
  std::vector<std::size_t> after;
  while (!is_output(network, layer)) {
    const std::optional<std::size_t> user = only_user(network, layer);
    if (!user || !is_uniform(network.layers()[*user])) break;
    after.push_back(layer = *user);
  }
  return after;
}

network::LayerOp for_any_element(const Layer& layer) {
  const auto* quantize = std::get_if<network::Quantize>(&layer.op);
  if (quantize == nullptr) return layer.op;
  return network::Quantize{{quantize->quantizers.front()}};
}

}  // namespace sluice::synth
