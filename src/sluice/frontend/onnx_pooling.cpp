#include <algorithm>
#include <numeric>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/onnx_constants.hpp"
#include "sluice/frontend/onnx_nodes.hpp"
#include "sluice/frontend/onnx_operands.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

using network::Shape;

ScaledTensor OnnxNodes::max_pool(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const std::string& name = call.node.label();
  const PoolingWindow window = read_pooling(call.node, x.shape);
  const std::int64_t channels = x.shape[1];
  bool falls = std::ranges::any_of(x.factor, [](const Rational& f) { return f < 0; });
  if (falls && x.axis) {
    builder_.materialize(x, name);
    falls = false;
  }
  slide_window(builder_, x, window.axes, network::WindowOrder::channels_taps, name,
               network::WindowPadding::repeat);
  const auto kind = falls ? network::Reduce::Kind::minimum : network::Reduce::Kind::maximum;
  x.layer = builder_.append(name, network::Reduce{kind}, {x.layer});
  channels_first(x, window.axes, channels);
  return x;
}

ScaledTensor OnnxNodes::average_pool(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const std::string& name = call.node.label();
  const PoolingWindow window = read_pooling(call.node, x.shape);
  const std::int64_t channels = x.shape[1];
  if (window.pads && call.node.attribute<std::int64_t>("count_include_pad", 0) == 0) {
    refuse(codes::kLayer, "averages over fewer elements at the border",
           "use count_include_pad=1, or no padding");
  }
  builder_.settle(x, name);
  if (window.pads && x.has_offset()) builder_.materialize(x, name);
  slide_window(builder_, x, window.axes, network::WindowOrder::channels_taps, name);
  x.layer = builder_.append(name, network::Reduce{network::Reduce::Kind::sum}, {x.layer});
  channels_first(x, window.axes, channels);
  average(call, x, window.taps());
  return x;
}

// The layer holds sums of `count` elements; their offsets were not part of them.
void OnnxNodes::average(const Call& call, ScaledTensor& x, std::int64_t count) {
  const std::vector<Rational> offset = x.offset;
  std::vector<Rational> factor{Rational(1) / static_cast<long>(count)};
  if (!dyadic(factor.front())) round_parameters(call, "scale", factor);
  builder_.multiply(x, {std::nullopt, factor}, call.node.label());
  x.offset = offset;
}

ScaledTensor OnnxNodes::global_pool(const Call& call) {
  const ScaledTensor& x = operand(call.inputs);
  if (x.shape.size() < 3) refuse(codes::kGraph, "its input has no spatial axes");
  std::vector<std::size_t> spatial(x.shape.size() - 2);
  std::iota(spatial.begin(), spatial.end(), std::size_t{2});
  return reduced(call, spatial, call.node.op_type == "GlobalMaxPool" ? "Max" : "Mean", true);
}

ScaledTensor OnnxNodes::reduce(const Call& call) {
  const ScaledTensor& x = operand(call.inputs);
  const OnnxNode& node = call.node;
  const auto given = list_argument(node, "axes", constants(call.inputs), 1);
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : given.value_or(std::vector<std::int64_t>())) {
    axes.push_back(checked_axis(axis, x.shape.size()));
  }
  if (axes.empty() && node.attribute<std::int64_t>("noop_with_empty_axes", 0) != 0) return x;
  std::ranges::sort(axes);
  const bool repeats = std::ranges::adjacent_find(axes) != axes.end();
  if (axes.empty() || repeats || (axes.front() == 0 && x.shape.size() > 1)) {
    refuse(codes::kLayer, "reduces over the batch", "name each of the other axes once");
  }
  constexpr std::string_view kReduce = "Reduce";
  return reduced(call, axes, std::string_view(node.op_type).substr(kReduce.size()),
                 node.attribute<std::int64_t>("keepdims", 1) != 0);
}

ScaledTensor OnnxNodes::reduced(const Call& call, const std::vector<std::size_t>& axes,
                                std::string_view how, bool keeps_axes) {
  using Kind = network::Reduce::Kind;
  ScaledTensor x = operand(call.inputs);
  const std::string& name = call.node.label();
  const bool sums = how == "Sum" || how == "Mean";
  const bool is_reduced = x.axis && std::ranges::find(axes, *x.axis) != axes.end();
  builder_.settle(x, name);
  bool falls = std::ranges::any_of(x.factor, [](const Rational& f) { return f < 0; });
  if (is_reduced || (!sums && falls && x.axis)) {
    builder_.materialize(x, name);
    falls = false;
  }
  std::vector<std::size_t> order;
  Shape rows;
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    const bool kept = std::ranges::find(axes, axis) == axes.end();
    if (kept) order.push_back(axis);
    const bool is_batch = axis == 0 && x.shape[axis] == 1;
    if (kept && !is_batch) rows.push_back(x.shape[axis]);
    if (!kept) count *= x.shape[axis];
  }
  if (rows.empty()) rows.push_back(1);
  rows.push_back(count);
  std::vector<std::size_t> memory = order;
  memory.insert(memory.end(), axes.begin(), axes.end());
  builder_.arrange(x, memory, name);
  builder_.use_shape(x, rows, name);
  const bool is_maximum = (how == "Max") != falls;
  x.layer = builder_.append(name,
                            network::Reduce{sums         ? Kind::sum
                                            : is_maximum ? Kind::maximum
                                                         : Kind::minimum},
                            {x.layer});
  for (const std::size_t axis : axes) x.shape[axis] = 1;
  if (how == "Mean") average(call, x, count);
  if (how == "Sum") {
    for (Rational& offset : x.offset) offset *= static_cast<long>(count);
  }
  if (keeps_axes) return x;
  Shape shape;
  for (const std::size_t axis : order) shape.push_back(x.shape[axis]);
  builder_.reshape(x, shape, name);
  return x;
}

}  // namespace sluice::frontend
