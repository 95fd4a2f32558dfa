#include "sluice/synth/sharing.hpp"

#include <algorithm>
#include <variant>

#include "sluice/synth/lower_shared.hpp"

namespace sluice::synth {

using network::Dense;
using network::Layer;
using network::Network;

std::int64_t reuse_of(const Layer& layer, const LowerOptions& options) {
  const auto* dense = std::get_if<Dense>(&layer.op);
  if (dense == nullptr) return kNoReuse;
  const auto own = options.layer_reuse.find(layer.name);
  const std::int64_t reuse = own != options.layer_reuse.end() ? own->second : options.reuse;
  return std::min(reuse, dense->units);
}

std::int64_t positions_of(const Network& network, const Layer& layer, const Dense& dense) {
  return std::ssize(network.layer(layer.operands.front()).type.ranges) / dense.inputs;
}

bool streams(const Network& network, const LowerOptions& options) {
  if (options.form != Form::automatic) return options.form == Form::streaming;
  return std::ranges::any_of(network.layers(), [&](const Layer& layer) {
    const auto* dense = std::get_if<Dense>(&layer.op);
    if (dense == nullptr) return false;
    const std::int64_t positions = positions_of(network, layer, *dense);
    const std::int64_t products =
        positions * (std::ssize(dense->weights) - std::ranges::count(dense->weights, 0));
    return positions > 1 &&
           (reuse_of(layer, options) > kNoReuse || products > options.most_parallel_products);
  });
}

bool shares_hardware(const Network& network, const LowerOptions& options) {
  return streams(network, options) ||
         std::ranges::any_of(network.layers(), [&](const Layer& layer) {
           return reuse_of(layer, options) > kNoReuse;
         });
}

}  // namespace sluice::synth
