#include "sluice/frontend/keras_windows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

using network::Shape;
using network::WindowAxis;

std::size_t spatial_axes(const KerasLayer& layer) {
  return layer.class_name.find("2D") != std::string::npos ? 2 : 1;
}

void check_window_operand(const Shape& shape, std::size_t axes) {
  if (shape.size() == axes + 1) return;
  refuse(codes::kGraph, fmt::format("its operand has shape ({}), expected {} axes and channels",
                                    fmt::join(shape, ", "), axes));
}

std::vector<WindowAxis> WindowSettings::over(const Shape& shape) const {
  check_window_operand(shape, sizes.size());
  std::vector<WindowAxis> axes;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    WindowAxis axis{.size = sizes[i], .stride = strides[i], .dilation = dilations[i]};
    const std::int64_t reach = (axis.size - 1) * axis.dilation;
    if (padding == "same") {
      // The odd element comes last.
      const std::int64_t positions = (shape[i] + axis.stride - 1) / axis.stride;
      const std::int64_t missing =
          std::max<std::int64_t>((positions - 1) * axis.stride + reach + 1 - shape[i], 0);
      axis.pad_before = missing / 2;
      axis.pad_after = missing - axis.pad_before;
    } else if (padding == "causal") {
      axis.pad_before = reach;
    }
    if (axis.positions(shape[i]) < 1) {
      refuse(codes::kGraph, fmt::format("a window of {} does not fit an operand of shape ({})",
                                        fmt::join(sizes, " x "), fmt::join(shape, ", ")));
    }
    axes.push_back(axis);
  }
  return axes;
}

WindowSettings window_settings(const LayerBuilder& layer, const char* sizes_key,
                               const char* dilations_key) {
  const std::size_t axes = spatial_axes(layer.layer());
  const bool is_pooling = dilations_key == nullptr;
  WindowSettings windows;
  windows.sizes = layer.axes_setting(sizes_key, axes, 2, 1);
  windows.strides = is_pooling && layer.setting("strides").is_null()
                        ? windows.sizes
                        : layer.axes_setting("strides", axes, 1, 1);
  windows.dilations = is_pooling ? std::vector<std::int64_t>(axes, 1)
                                 : layer.axes_setting(dilations_key, axes, 1, 1);
  windows.padding = layer.text_setting("padding", "valid");
  const bool is_known = windows.padding == "valid" || windows.padding == "same" ||
                        (windows.padding == "causal" && axes == 1 && !is_pooling);
  if (!is_known) {
    refuse(codes::kModelConfig, fmt::format("padding='{}' is not supported", windows.padding),
           "use 'valid' or 'same', or 'causal' for Conv1D");
  }
  return windows;
}

ResolvedOp windows_op(const Shape& shape, const std::vector<WindowAxis>& axes,
                      network::WindowOrder order, network::WindowPadding padding) {
  Shape extents{shape.back()};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    extents.insert(extents.end(), {axes[i].positions(shape[i]), axes[i].size});
  }
  check_elements(extents);
  return network::LayerOp(network::sliding_windows(shape, axes, order, padding));
}

void add_windows(LayerBuilder& layer, WindowSettings windows, network::WindowOrder order,
                 network::WindowPadding padding) {
  layer.add_movement(
      "windows", [windows = std::move(windows), order, padding](const OpContext& at) -> ResolvedOp {
        return windows_op(at.operand.shape, windows.over(at.operand.shape), order, padding);
      });
}

void add_channels_last(LayerBuilder& layer) {
  layer.add_movement("channels_last", [](const OpContext& at) -> ResolvedOp {
    const Shape& shape = at.operand.shape;
    std::vector<std::int64_t> axes;
    for (std::size_t i = 1; i < shape.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    axes.push_back(0);
    return network::LayerOp(network::permute(shape, axes));
  });
}

void add_channels_first(LayerBuilder& layer) {
  layer.add_movement("channels_first", [](const OpContext& at) -> ResolvedOp {
    const Shape& shape = at.operand.shape;
    std::vector<std::int64_t> axes{static_cast<std::int64_t>(shape.size()) - 1};
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) {
      axes.push_back(static_cast<std::int64_t>(i));
    }
    return network::LayerOp(network::permute(shape, axes));
  });
}

}  // namespace sluice::frontend
