#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"
#include "sluice/frontend/keras_windows.hpp"

namespace sluice::frontend {

namespace {

using network::Shape;
using Extents = std::vector<std::int64_t>;

void add_move(LayerBuilder& layer, OpOfOperand op) {
  layer.add("move", std::move(op)).moves_only = true;
}

Shape completed(Shape target, std::int64_t count) {
  const auto open = std::ranges::find(target, -1);
  if (open == target.end()) return target;
  std::int64_t rest = count;
  for (const std::int64_t extent : target) {
    if (extent != -1) rest = extent > 0 && rest % extent == 0 ? rest / extent : -1;
    if (rest < 1) break;
  }
  if (rest < 1 || std::ranges::count(target, -1) != 1) {
    refuse(codes::kModelConfig, fmt::format("target_shape ({}) does not fit {} elements",
                                            fmt::join(target, ", "), count));
  }
  *open = rest;
  return target;
}

void plan_flatten(LayerBuilder& layer) {
  if (layer.is_channels_first()) {
    layer.add_movement("channels_last", [](const OpContext& at) -> ResolvedOp {
      const Shape& shape = at.operand.shape;
      Extents axes;
      for (std::size_t i = 1; i < shape.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
      if (!shape.empty()) axes.push_back(0);
      return network::LayerOp(network::permute(shape, axes));
    });
  }
  add_move(layer, [](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(network::Reshape{{network::element_count(at.operand.shape)}});
  });
}

void plan_reshape(LayerBuilder& layer) {
  const Shape target = layer.extents(layer.setting("target_shape"), "target_shape", false);
  add_move(layer, [target](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(
        network::Reshape{completed(target, network::element_count(at.operand.shape))});
  });
}

void plan_permute(LayerBuilder& layer) {
  Extents axes = layer.extents(layer.setting("dims"), "dims", false);
  for (std::int64_t& axis : axes) --axis;
  add_move(layer, [axes](const OpContext& at) -> ResolvedOp {
    Extents sorted = axes;
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (sorted[i] != static_cast<std::int64_t>(i) || sorted.size() != at.operand.shape.size()) {
        refuse(codes::kModelConfig, fmt::format("dims do not permute the shape ({})",
                                                fmt::join(at.operand.shape, ", ")));
      }
    }
    return network::LayerOp(network::permute(at.operand.shape, axes));
  });
}

void plan_repeat_vector(LayerBuilder& layer) {
  const std::int64_t count = layer.axes_setting("n", 1, 1, 1).front();
  add_move(layer, [count](const OpContext& at) -> ResolvedOp {
    Shape to = at.operand.shape;
    to.insert(to.begin(), count);
    check_elements(to);
    return network::LayerOp(network::broadcast(at.operand.shape, to));
  });
}

/// Elements before and after, per spatial axis: 1, [1, 2] (one axis, or two symmetric ones) or
/// [[1, 2], [3, 4]].
struct Sides {
  Extents before, after;
};
Sides sides(const LayerBuilder& layer, const char* key, std::size_t axes) {
  const Json& value = layer.setting(key);
  Sides result;
  const auto number = [&](const Json& json) {
    const auto extent = as_integer(json);
    if (!extent || *extent < 0 || *extent > (1 << 20)) {
      refuse(codes::kModelConfig, fmt::format("{}={} does not fit", key, excerpt(value)));
    }
    return *extent;
  };
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const bool is_pair = axes == 1 && value.is_array() && value.size() == 2;
    const Json& own = is_pair || !value.is_array() || value.size() != axes ? value : value[axis];
    const bool both = own.is_array() && own.size() == 2;
    result.before.push_back(number(both ? own[0] : own));
    result.after.push_back(number(both ? own[1] : own));
  }
  return result;
}

/// Values of spatial axes among those of all axes, `other` for the channels.
Extents with_channels(Extents spatial, bool is_channels_first, std::int64_t other) {
  spatial.insert(is_channels_first ? spatial.begin() : spatial.end(), other);
  return spatial;
}

void check_axes(const Shape& shape, std::size_t expected) {
  if (shape.size() == expected) return;
  refuse(codes::kGraph, fmt::format("its operand has shape ({}), expected {} axes",
                                    fmt::join(shape, ", "), expected));
}

void plan_padding(LayerBuilder& layer, bool crops) {
  const std::size_t axes = spatial_axes(layer.layer());
  const Sides spatial = sides(layer, crops ? "cropping" : "padding", axes);
  Extents before = with_channels(spatial.before, layer.is_channels_first(), 0);
  Extents after = with_channels(spatial.after, layer.is_channels_first(), 0);
  if (crops) {
    for (std::int64_t& extent : before) extent = -extent;
    for (std::int64_t& extent : after) extent = -extent;
  }
  add_move(layer, [before, after](const OpContext& at) -> ResolvedOp {
    const Shape& shape = at.operand.shape;
    check_axes(shape, before.size());
    Shape to = shape;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      to[i] += before[i] + after[i];
      if (to[i] < 1) {
        refuse(codes::kModelConfig,
               fmt::format("nothing is left of the shape ({})", fmt::join(shape, ", ")));
      }
    }
    check_elements(to);
    return network::LayerOp(network::pad(shape, before, after));
  });
}

void plan_up_sampling(LayerBuilder& layer) {
  const std::size_t axes = spatial_axes(layer.layer());
  if (layer.text_setting("interpolation", "nearest") != "nearest") {
    refuse(codes::kLayer,
           fmt::format("interpolation='{}' is not supported",
                       shortened(layer.text_setting("interpolation", ""))),
           "use interpolation='nearest'");
  }
  const Extents factors =
      with_channels(layer.axes_setting("size", axes, 2, 1), layer.is_channels_first(), 1);
  add_move(layer, [factors](const OpContext& at) -> ResolvedOp {
    check_axes(at.operand.shape, factors.size());
    Shape to = at.operand.shape;
    for (std::size_t i = 0; i < to.size(); ++i) to[i] *= factors[i];
    check_elements(to);
    return network::LayerOp(network::repeat(at.operand.shape, factors));
  });
}

}  // namespace

void plan_movement(LayerBuilder& layer) {
  const std::string& name = layer.layer().class_name;
  if (name == "Flatten") return plan_flatten(layer);
  if (name == "Reshape") return plan_reshape(layer);
  if (name == "Permute") return plan_permute(layer);
  if (name == "RepeatVector") return plan_repeat_vector(layer);
  if (name.starts_with("UpSampling")) return plan_up_sampling(layer);
  plan_padding(layer, name.starts_with("Cropping"));
}

}  // namespace sluice::frontend
