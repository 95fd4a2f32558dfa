#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/onnx_constants.hpp"
#include "sluice/frontend/onnx_operands.hpp"
#include "sluice/frontend/onnx_windows.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/network/movement.hpp"

namespace sluice::frontend {

namespace {

using network::Shape;
using List = std::vector<std::int64_t>;

constexpr std::int64_t kLargestExtent = 1 << 24;

// Of the axis along which the numbers of `x` vary, these indices.
void take_factors(ScaledTensor& x, const List& indices) {
  std::vector<Rational> factor;
  std::vector<Rational> offset;
  for (const std::int64_t i : indices) {
    factor.push_back(x.factor[static_cast<std::size_t>(i)]);
    offset.push_back(x.offset[static_cast<std::size_t>(i)]);
  }
  x.factor = std::move(factor);
  x.offset = std::move(offset);
}

/// Elements `indices` of `axis`, in this order.
void take(ScaledBuilder& builder, ScaledTensor& x, std::size_t axis, const List& indices,
          const std::string& name) {
  Shape memory;
  Shape to;
  std::size_t place = 0;
  double elements = 1;
  for (const std::size_t from : x.event_order()) {
    if (from == axis) place = memory.size();
    memory.push_back(x.shape[from]);
    to.push_back(from == axis ? std::ssize(indices) : x.shape[from]);
    elements *= static_cast<double>(to.back());
  }
  if (elements > static_cast<double>(kLargestExtent)) {
    refuse(codes::kLimit, "the model is larger than what is read");
  }
  x.layer = builder.append(name, network::take(memory, place, indices), {x.layer});
  x.shape[axis] = std::ssize(indices);
  if (x.axis == axis && x.factor.size() > 1) take_factors(x, indices);
}

/// Removes `axis`, which has one element.
void drop_axis(ScaledBuilder& builder, ScaledTensor& x, std::size_t axis, const std::string& name) {
  Shape shape = x.shape;
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  builder.reshape(x, shape, name);
}

void check_not_batch(const ScaledTensor& x, std::size_t axis) {
  if (axis == 0 && x.shape.size() > 1) {
    refuse(codes::kLayer, "takes parts of the batch", "use another axis than 0");
  }
}

// Python's rules for the ends of a slice.
List slice_indices(std::int64_t begin, std::int64_t end, std::int64_t step, std::int64_t extent) {
  if (step == 0) refuse(codes::kModelConfig, "its step is 0");
  const std::int64_t lowest = step > 0 ? 0 : -1;
  const std::int64_t highest = step > 0 ? extent : extent - 1;
  const auto placed = [&](std::int64_t at) {
    return std::clamp(at < 0 ? std::max(at, -extent - 1) + extent : at, lowest, highest);
  };
  List indices;
  const std::int64_t last = placed(end);
  for (std::int64_t at = placed(begin); step > 0 ? at < last : at > last;) {
    indices.push_back(at);
    if (std::abs(step) > extent) break;
    at += step;
  }
  if (indices.empty()) refuse(codes::kModelConfig, "nothing is left of the tensor");
  return indices;
}

// Resize to the nearest element: the element that each result shows, in exact numbers.
class NearestIndex {
 public:
  NearestIndex(const OnnxNode& node, std::int64_t from, std::int64_t to, const Rational& scale)
      : transformation_(
            node.attribute<std::string>("coordinate_transformation_mode",
                                        node.op_type == "Upsample" ? "asymmetric" : "half_pixel")),
        nearest_(node.attribute<std::string>(
            "nearest_mode", node.op_type == "Upsample" ? "floor" : "round_prefer_floor")),
        from_(from),
        to_(to),
        scale_(scale) {}

  std::int64_t operator()(std::int64_t i) const {
    return std::clamp<std::int64_t>(rounded(coordinate(Rational(static_cast<long>(i)))), 0,
                                    from_ - 1);
  }

 private:
  Rational coordinate(const Rational& i) const {
    const Rational half(1, 2);
    if (transformation_ == "asymmetric") return i / scale_;
    if (transformation_ == "align_corners") {
      return to_ == 1 ? Rational(0)
                      : Rational(i * static_cast<long>(from_ - 1) / static_cast<long>(to_ - 1));
    }
    if (transformation_ == "pytorch_half_pixel" && to_ == 1) return 0;
    if (transformation_ == "half_pixel" || transformation_ == "pytorch_half_pixel") {
      return (i + half) / scale_ - half;
    }
    refuse(codes::kLayer,
           fmt::format("coordinate_transformation_mode='{}' is not supported",
                       transformation_.substr(0, 40)),
           "use half_pixel, asymmetric or align_corners");
  }

  std::int64_t rounded(const Rational& at) const {
    using fixed::IntegerRounding;
    const Rational half(1, 2);
    if (nearest_ == "floor") return integer(at, IntegerRounding::floor);
    if (nearest_ == "ceil") return integer(at, IntegerRounding::ceil);
    if (nearest_ == "round_prefer_ceil") {
      return integer(at + half, IntegerRounding::floor);
    }
    return integer(at - half, IntegerRounding::ceil);
  }

  static std::int64_t integer(const Rational& at, fixed::IntegerRounding rounding) {
    return round_to_integer(at, rounding).get_si();
  }

  std::string transformation_, nearest_;
  std::int64_t from_, to_;
  Rational scale_;
};

}  // namespace

ScaledTensor OnnxNodes::reshape(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxNode& node = call.node;
  Shape to;
  if (node.op_type == "Flatten") {
    const auto axis = node.attribute<std::int64_t>("axis", 1);
    const auto rank = static_cast<std::int64_t>(x.shape.size());
    if (axis < -rank || axis > rank) refuse(codes::kModelConfig, "its axis does not exist");
    std::int64_t before = 1;
    for (std::int64_t i = 0; i < (axis < 0 ? axis + rank : axis); ++i) {
      before *= x.shape[static_cast<std::size_t>(i)];
    }
    to = {before, network::element_count(x.shape) / before};
  } else if (node.op_type == "Reshape") {
    const bool zero = opset_ >= 14 && node.attribute<std::int64_t>("allowzero", 0) != 0;
    to = completed_shape(x.shape, integers(parameter(call.inputs, 1, "shape")), zero);
  } else {
    OnnxTensor shape_only;
    shape_only.shape = x.shape;
    std::vector<const OnnxTensor*> inputs = constants(call.inputs);
    inputs[0] = &shape_only;
    to = fold(node, inputs, opset_)->shape;
  }
  builder_.reshape(x, to, node.label());
  return x;
}

ScaledTensor OnnxNodes::transpose(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  std::vector<std::int64_t> axes(x.shape.size());
  std::iota(axes.rbegin(), axes.rend(), 0);
  axes = call.node.attribute("perm", axes);
  std::vector<std::int64_t> sorted = axes;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < sorted.size() || sorted.size() != x.shape.size(); ++i) {
    if (sorted.size() != x.shape.size() || sorted[i] != static_cast<std::int64_t>(i)) {
      refuse(codes::kModelConfig, fmt::format("perm ({}) is not possible", fmt::join(axes, ", ")));
    }
  }
  ScaledBuilder::transpose(x, axes);
  return x;
}

ScaledTensor OnnxNodes::pad(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  if (call.node.attribute<std::string>("mode", "constant") != "constant") {
    refuse(codes::kLayer, "pads with something else than a constant", "use mode='constant'");
  }
  double value = call.node.attribute<double>("value", 0.0);
  if (const OnnxTensor* const given = constant(call.inputs, 2)) {
    value = only_number(*given, "padding value");
  }
  if (value != 0.0) refuse(codes::kLayer, fmt::format("pads with {}", value), "pad with 0");
  const auto pads = list_argument(call.node, "pads", constants(call.inputs), 1);
  const std::size_t rank = x.shape.size();
  if (!pads || pads->size() != 2 * rank) {
    refuse(codes::kModelConfig, "its pads do not fit the tensor");
  }
  return padded(builder_, std::move(x), std::span(*pads).first(rank), std::span(*pads).last(rank),
                call.node.label());
}

ScaledTensor OnnxNodes::concatenate(const Call& call) {
  ScaledTensor first = operand(call.inputs);
  const std::size_t axis =
      checked_axis(call.node.attribute<std::int64_t>("axis", 0), first.shape.size());
  const std::string& name = call.node.label();
  // An order that is not ONNX's is that of the windows before.
  std::vector<std::size_t> order = first.order;
  for (std::size_t i = 1; i < call.inputs.size() && std::ranges::is_sorted(order); ++i) {
    order = operand(call.inputs, i).order;
  }
  std::vector<std::size_t> in_memory;
  std::vector<Shape> shapes;
  std::vector<network::LayerId> layers;
  ScaledTensor result;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    ScaledTensor x = operand(call.inputs, i);
    Shape other = x.shape;
    if (other.size() == first.shape.size()) other[axis] = first.shape[axis];
    if (other != first.shape) refuse(codes::kGraph, "its inputs differ in shape");
    builder_.settle(x, name);
    if (x.axis && *x.axis != axis) builder_.materialize(x, name);
    builder_.arrange(x, order, name);
    in_memory = axis == 0 ? order : x.event_order();
    Shape& memory = shapes.emplace_back();
    for (const std::size_t from : in_memory) memory.push_back(x.shape[from]);
    layers.push_back(x.layer);
    const auto extent = static_cast<std::size_t>(x.shape[axis]);
    x.factor.resize(extent, x.factor.front());
    x.offset.resize(extent, x.offset.front());
    if (i == 0) {
      result = x;
    } else {
      result.factor.insert(result.factor.end(), x.factor.begin(), x.factor.end());
      result.offset.insert(result.offset.end(), x.offset.begin(), x.offset.end());
      result.shape[axis] += x.shape[axis];
    }
  }
  result.axis = axis;
  if (std::ranges::all_of(result.factor, [&](const auto& f) { return f == result.factor[0]; }) &&
      std::ranges::all_of(result.offset, [&](const auto& o) { return o == result.offset[0]; })) {
    result.factor.resize(1);
    result.offset.resize(1);
    result.axis.reset();
  }
  const auto place =
      static_cast<std::size_t>(std::ranges::find(in_memory, axis) - in_memory.begin());
  // Layers have one binary point each; the concatenation aligns them.
  result.layer = builder_.append(name, network::concatenate(shapes, place), layers);
  return result;
}

ScaledTensor OnnxNodes::slice(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const auto all = constants(call.inputs);
  const auto begins = list_argument(call.node, "starts", all, 1);
  const auto ends = list_argument(call.node, "ends", all, 2);
  if (!begins || !ends || begins->size() != ends->size()) {
    refuse(codes::kGraph, "its starts and ends are no constants of one length");
  }
  List axes(begins->size());
  std::iota(axes.begin(), axes.end(), 0);
  axes = list_argument(call.node, "axes", all, 3).value_or(axes);
  const List steps = list_argument(call.node, "steps", all, 4).value_or(List(begins->size(), 1));
  if (axes.size() != begins->size() || steps.size() != begins->size()) {
    refuse(codes::kModelConfig, "its axes or steps do not match its starts");
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = checked_axis(axes[i], x.shape.size());
    const List indices = slice_indices((*begins)[i], (*ends)[i], steps[i], x.shape[axis]);
    if (std::ssize(indices) == x.shape[axis] && steps[i] == 1) continue;
    check_not_batch(x, axis);
    take(builder_, x, axis, indices, call.node.label());
  }
  return x;
}

std::vector<ScaledTensor> OnnxNodes::split(const Call& call) {
  const ScaledTensor& x = operand(call.inputs);
  const std::size_t axis =
      checked_axis(call.node.attribute<std::int64_t>("axis", 0), x.shape.size());
  check_not_batch(x, axis);
  const std::int64_t parts = std::ssize(call.node.outputs);
  const std::int64_t extent = x.shape[axis];
  auto sizes = list_argument(call.node, "split", constants(call.inputs), 1);
  if (!sizes) {
    // Equal parts, the last one smaller where they do not divide.
    const std::int64_t size = (extent + parts - 1) / parts;
    sizes = List(static_cast<std::size_t>(parts), size);
    sizes->back() = extent - size * (parts - 1);
  }
  const bool positive =
      std::ranges::all_of(*sizes, [&](std::int64_t size) { return size > 0 && size <= extent; });
  if (std::ssize(*sizes) != parts || !positive ||
      std::accumulate(sizes->begin(), sizes->end(), std::int64_t{0}) != extent) {
    refuse(codes::kModelConfig,
           fmt::format("splits {} elements into ({})", extent, fmt::join(*sizes, ", ")));
  }
  std::vector<ScaledTensor> results;
  std::int64_t first = 0;
  for (const std::int64_t size : *sizes) {
    List indices(static_cast<std::size_t>(size));
    std::iota(indices.begin(), indices.end(), first);
    take(builder_, results.emplace_back(x), axis, indices, call.node.label());
    first += size;
  }
  return results;
}

ScaledTensor OnnxNodes::gather(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const std::string& name = call.node.label();
  const std::size_t axis =
      checked_axis(call.node.attribute<std::int64_t>("axis", 0), x.shape.size());
  check_not_batch(x, axis);
  const OnnxTensor& which = parameter(call.inputs, 1, "index");
  List indices = integers(which);
  if (which.shape.size() > 1) {
    refuse(codes::kLayer, "gathers by a matrix of indices", "use a list of indices");
  }
  for (std::int64_t& index : indices) {
    if (index < 0) index += x.shape[axis];
    if (index < 0 || index >= x.shape[axis]) {
      refuse(codes::kModelConfig,
             fmt::format("index {} is outside of {} elements", index, x.shape[axis]));
    }
  }
  if (indices.empty()) refuse(codes::kModelConfig, "nothing is left of the tensor");
  take(builder_, x, axis, indices, name);
  if (which.shape.empty()) drop_axis(builder_, x, axis, name);
  return x;
}

ScaledTensor OnnxNodes::resize(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxNode& node = call.node;
  if (node.attribute<std::string>("mode", "nearest") != "nearest") {
    refuse(codes::kLayer,
           fmt::format("interpolates with mode='{}'",
                       node.attribute<std::string>("mode", "").substr(0, 40)),
           "use mode='nearest'");
  }
  const std::size_t scales_at = node.op_type == "Upsample" || opset_ < 11 ? 1 : 2;
  const OnnxTensor* const scales = constant(call.inputs, scales_at);
  const OnnxTensor* const sizes = constant(call.inputs, 3);
  const bool by_size = sizes != nullptr && !sizes->values.empty();
  const OnnxTensor* const given = by_size ? sizes : scales;
  if (given == nullptr || given->values.size() != x.shape.size()) {
    refuse(codes::kGraph, "its scales and sizes are no constants for all axes");
  }
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    const double value = given->values[axis];
    const double length = by_size ? value : std::floor(static_cast<double>(x.shape[axis]) * value);
    if (!(length >= 1) || length > static_cast<double>(kLargestExtent)) {
      refuse(codes::kModelConfig, fmt::format("resizes axis {} to {}", axis, length));
    }
    const auto to = static_cast<std::int64_t>(length);
    if (to == x.shape[axis]) continue;
    check_not_batch(x, axis);
    const Rational scale =
        by_size ? Rational(static_cast<long>(to)) / static_cast<long>(x.shape[axis]) : exact(value);
    const NearestIndex nearest(node, x.shape[axis], to, scale);
    List indices;
    for (std::int64_t i = 0; i < to; ++i) indices.push_back(nearest(i));
    take(builder_, x, axis, indices, node.label());
  }
  return x;
}

ScaledTensor OnnxNodes::expand(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  List to = integers(parameter(call.inputs, 1, "shape"));
  if (call.node.op_type == "Tile") {
    if (to.size() != x.shape.size()) refuse(codes::kModelConfig, "its repeats do not fit");
    for (std::size_t axis = 0; axis < to.size(); ++axis) {
      if (to[axis] == 1) continue;
      check_not_batch(x, axis);
      if (to[axis] < 1 || to[axis] > kLargestExtent) {
        refuse(codes::kModelConfig, fmt::format("repeats axis {} {} times", axis, to[axis]));
      }
      List indices;
      for (std::int64_t i = 0; i < to[axis] * x.shape[axis]; ++i) {
        if (i > kLargestExtent) refuse(codes::kLimit, "the model is larger than what is read");
        indices.push_back(i % x.shape[axis]);
      }
      take(builder_, x, axis, indices, call.node.label());
    }
    return x;
  }
  const auto common = network::broadcast_shape(x.shape, to);
  if (!common) refuse(codes::kModelConfig, "its shape does not broadcast");
  broadcast(x, *common, call.node.label());
  return x;
}

void OnnxNodes::broadcast(ScaledTensor& x, const Shape& to, const std::string& name) {
  if (x.shape == to) return;
  if (to.size() != x.shape.size()) {
    Shape longer(to.size() - x.shape.size(), 1);
    longer.insert(longer.end(), x.shape.begin(), x.shape.end());
    builder_.reshape(x, longer, name);
  }
  for (std::size_t axis = 0; axis < to.size(); ++axis) {
    if (x.shape[axis] == to[axis]) continue;
    check_not_batch(x, axis);
    take(builder_, x, axis, List(static_cast<std::size_t>(to[axis]), 0), name);
  }
}

}  // namespace sluice::frontend
