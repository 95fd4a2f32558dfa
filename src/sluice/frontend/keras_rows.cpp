#include "sluice/frontend/keras_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

using network::Shape;

namespace {

Shape permuted_shape(const Shape& shape, const Axes& order) {
  Shape result;
  for (const std::int64_t axis : order) result.push_back(shape[static_cast<std::size_t>(axis)]);
  return result;
}

ResolvedOp permuted(const Shape& shape, const Axes& order) {
  if (std::ranges::is_sorted(order)) return network::LayerOp(network::Reshape{shape});
  return network::LayerOp(network::permute(shape, order));
}

}  // namespace

Axes order_of(const Axes& axes, const Shape& shape) {
  const auto rank = static_cast<std::int64_t>(shape.size());
  Axes last;
  for (const std::int64_t axis : axes) {
    const std::int64_t own = axis < 0 ? axis + rank : axis - 1;
    if (own < 0 || own >= rank) {
      refuse(codes::kModelConfig, fmt::format("axis {} does not exist", axis));
    }
    last.push_back(own);
  }
  std::ranges::sort(last);
  if (std::ranges::adjacent_find(last) != last.end() || last.empty()) {
    refuse(codes::kModelConfig, "its axes are not different ones");
  }
  Axes order;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    if (std::ranges::find(last, axis) == last.end()) order.push_back(axis);
  }
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

Shape rows_of(const Axes& axes, const Shape& shape) {
  const Axes order = order_of(axes, shape);
  std::int64_t count = 1;
  for (std::size_t i = order.size() - axes.size(); i < order.size(); ++i) {
    count *= shape[static_cast<std::size_t>(order[i])];
  }
  return {network::element_count(shape) / count, count};
}

void add_rows(LayerBuilder& layer, const Axes& axes) {
  layer.add_movement("order", [axes](const OpContext& at) -> ResolvedOp {
    return permuted(at.operand.shape, order_of(axes, at.operand.shape));
  });
  layer.add_movement("rows", [axes](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(network::Reshape{rows_of(axes, at.layer_operand.shape)});
  });
}

void add_original_axes(LayerBuilder& layer, const Axes& axes) {
  layer.add_movement("axes", [axes](const OpContext& at) -> ResolvedOp {
    const Shape& shape = at.layer_operand.shape;
    return network::LayerOp(network::Reshape{permuted_shape(shape, order_of(axes, shape))});
  });
  layer.add_movement("result_order", [axes](const OpContext& at) -> ResolvedOp {
    const Axes order = order_of(axes, at.layer_operand.shape);
    Axes back(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
    }
    return permuted(at.operand.shape, back);
  });
}

}  // namespace sluice::frontend
