#include "sluice/synth/siblings.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

namespace sluice::synth {

using network::Layer;
using network::LayerId;
using network::Network;

namespace {

constexpr std::size_t kNoDense = static_cast<std::size_t>(-1);

}  // namespace

std::vector<std::size_t> first_equal_layers(const Network& network) {
  std::vector<std::size_t> first;
  std::map<std::pair<std::size_t, std::vector<std::size_t>>, std::vector<std::size_t>> alike;
  for (const Layer& layer : network.layers()) {
    const std::size_t own = first.size();
    std::vector<std::size_t> operands;
    for (const LayerId id : layer.operands) operands.push_back(first[index(id)]);
    std::vector<std::size_t>& others = alike[{layer.op.index(), std::move(operands)}];
    const auto equal = std::ranges::find_if(
        others, [&](std::size_t other) { return network.layers()[other].op == layer.op; });
    const bool is_new = equal == others.end() || std::holds_alternative<network::Input>(layer.op);
    first.push_back(is_new ? own : *equal);
    if (is_new) others.push_back(own);
  }
  return first;
}

Siblings::Siblings(const Network& network) {
  const std::vector<std::size_t> first = first_equal_layers(network);
  for (const Layer& layer : network.layers()) {
    const bool is_dense = std::holds_alternative<network::Dense>(layer.op);
    operands_.push_back(is_dense ? first[index(layer.operands.front())] : kNoDense);
  }
}

std::vector<std::size_t> Siblings::from(std::size_t layer) const {
  std::vector<std::size_t> all;
  for (std::size_t other = layer; other < operands_.size(); ++other) {
    if (operands_[other] == operands_[layer]) all.push_back(other);
  }
  return all;
}

}  // namespace sluice::synth
