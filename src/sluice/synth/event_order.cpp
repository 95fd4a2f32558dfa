#include "sluice/synth/event_order.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "sluice/synth/uniform_layers.hpp"

namespace sluice::synth {

namespace {

using network::Gather;
using network::Network;
using network::Shape;
using Elements = std::vector<std::int64_t>;  // of the event

/// The layer that reads layer `i` alone, if it is one and nothing else shows it.
std::optional<std::size_t> only_reader(const Network& network, std::size_t i) {
  const auto id = static_cast<network::LayerId>(i);
  const bool is_output = std::ranges::find(network.outputs(), id) != network.outputs().end();
  return is_output ? std::nullopt : only_user(network, i);
}

/// What the layer makes of `elements` of a tensor with `axes`, if it gives them another shape or
/// exchanges axes.
std::optional<Elements> moved(const network::LayerOp& op, const Elements& elements,
                              std::size_t axes) {
  if (std::holds_alternative<network::Reshape>(op)) return elements;
  const auto* gather = std::get_if<Gather>(&op);
  if (gather == nullptr || gather->indices.size() != elements.size() ||
      gather->shape.size() != axes) {
    return std::nullopt;
  }
  Elements made;
  std::vector<bool> is_taken(elements.size());
  for (const std::int64_t from : gather->indices) {
    if (from < 0 || from >= std::ssize(elements) || is_taken[static_cast<std::size_t>(from)]) {
      return std::nullopt;
    }
    is_taken[static_cast<std::size_t>(from)] = true;
    made.push_back(elements[static_cast<std::size_t>(from)]);
  }
  return made;
}

/// All but the last axis of `shape` as positions, if each is one step further in the event.
std::optional<EventOrder> in_steps(std::size_t layer, const Shape& shape,
                                   const Elements& elements) {
  EventOrder order{layer, {}, {}};
  if (shape.size() > 1) order.extents.assign(shape.begin(), shape.end() - 1);
  const std::size_t positions = static_cast<std::size_t>(network::element_count(order.extents));
  const std::size_t size = elements.size() / positions;
  order.first.assign(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(size));
  if (positions > 1) order.step = elements[size] - elements[0];
  if (order.step < 1) return std::nullopt;
  for (std::size_t i = size; i < elements.size(); ++i) {
    if (elements[i] != elements[i - size] + order.step) return std::nullopt;
  }
  return order;
}

}  // namespace

EventOrder event_order(const Network& network, std::size_t input) {
  Shape shape = network.layers()[input].type.shape;
  Elements elements(network.layers()[input].type.ranges.size());
  std::iota(elements.begin(), elements.end(), 0);
  EventOrder order = *in_steps(input, shape, elements);
  for (std::optional<std::size_t> i = only_reader(network, input); i;
       i = only_reader(network, *i)) {
    const network::Layer& layer = network.layers()[*i];
    std::optional<Elements> next =
        moved(layer.op, elements, network.layer(layer.operands.front()).type.shape.size());
    if (!next) break;
    elements = *std::move(next);
    // Fewer axes join positions, or positions and channels.
    if (layer.type.shape.size() < std::max<std::size_t>(shape.size(), 2)) continue;
    std::optional<EventOrder> found = in_steps(*i, layer.type.shape, elements);
    if (!found) continue;
    shape = layer.type.shape;
    order = *std::move(found);
  }
  return order;
}

}  // namespace sluice::synth
