#include "sluice/frontend/onnx_windows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

namespace {

using network::Shape;
using network::WindowAxis;

constexpr std::int64_t kLargestExtent = 1 << 16;
constexpr double kMostWindowElements = 1 << 24;

using List = std::vector<std::int64_t>;

List list_or(const OnnxNode& node, const char* key, std::size_t size, std::int64_t fallback) {
  List list = node.attribute(key, List(size, fallback));
  if (list.size() != size || std::ranges::any_of(list, [](std::int64_t value) {
        return value < 0 || value > kLargestExtent;
      })) {
    refuse(codes::kModelConfig, fmt::format("{} ({}) is not possible", key, fmt::join(list, ", ")));
  }
  return list;
}

// The window over each spatial axis of [batch, channels, spatial...].
std::vector<WindowAxis> read_window(const OnnxNode& node, const Shape& x, const List& kernel) {
  if (x.size() < 3 || kernel.size() + 2 != x.size()) {
    refuse(codes::kGraph, fmt::format("slides over a tensor of shape ({})", fmt::join(x, ", ")));
  }
  const std::size_t axes = kernel.size();
  const List strides = list_or(node, "strides", axes, 1);
  const List dilations = list_or(node, "dilations", axes, 1);
  const List pads = list_or(node, "pads", 2 * axes, 0);
  const auto automatic = node.attribute<std::string>("auto_pad", "NOTSET");
  if (node.attribute<std::int64_t>("ceil_mode", 0) != 0) {
    refuse(codes::kLayer, "counts positions with ceil_mode=1", "use ceil_mode=0");
  }
  std::vector<WindowAxis> window;
  for (std::size_t i = 0; i < axes; ++i) {
    WindowAxis axis{kernel[i], strides[i], dilations[i], pads[i], pads[axes + i]};
    if (axis.size < 1 || axis.stride < 1 || axis.dilation < 1) {
      refuse(codes::kModelConfig, "its window is not possible");
    }
    if (automatic.starts_with("SAME")) {
      const std::int64_t positions = (x[i + 2] + axis.stride - 1) / axis.stride;
      const std::int64_t needed = std::max<std::int64_t>(
          0, (positions - 1) * axis.stride + (axis.size - 1) * axis.dilation + 1 - x[i + 2]);
      const std::int64_t less = needed / 2;
      axis.pad_before = automatic == "SAME_LOWER" ? needed - less : less;
      axis.pad_after = needed - axis.pad_before;
    } else if (automatic == "VALID") {
      axis.pad_before = axis.pad_after = 0;
    }
    if (axis.positions(x[i + 2]) < 1) {
      refuse(codes::kModelConfig, fmt::format("its window is larger than axis {}", i + 2));
    }
    window.push_back(axis);
  }
  return window;
}

bool any_pads(std::span<const WindowAxis> window) {
  return std::ranges::any_of(
      window, [](const WindowAxis& axis) { return axis.pad_before != 0 || axis.pad_after != 0; });
}

// [batch, spatial..., channels]
std::vector<std::size_t> channels_last_order(std::size_t rank) {
  std::vector<std::size_t> order{0};
  for (std::size_t i = 2; i < rank; ++i) order.push_back(i);
  order.push_back(1);
  return order;
}

// Without the batch: [spatial..., channels].
Shape channels_last_shape(const Shape& x) {
  Shape shape(x.begin() + 2, x.end());
  shape.push_back(x[1]);
  return shape;
}

}  // namespace

bool ConvolutionShape::pads() const { return any_pads(window); }

OnnxTensor ConvolutionShape::matrix(const OnnxTensor& kernel, std::int64_t group) const {
  const std::int64_t inner = channels / groups;
  const std::int64_t units = outputs / groups;
  const std::int64_t taps = network::element_count(kernel.shape) / (outputs * inner);
  OnnxTensor result;
  result.type = kernel.type;
  result.shape = {taps * inner, units};
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (std::int64_t channel = 0; channel < inner; ++channel) {
      for (std::int64_t unit = 0; unit < units; ++unit) {
        const std::int64_t at = ((group * units + unit) * inner + channel) * taps + tap;
        result.values.push_back(kernel.values[static_cast<std::size_t>(at)]);
      }
    }
  }
  return result;
}

OnnxTensor ConvolutionShape::part(const OnnxTensor& bias, std::int64_t group) const {
  OnnxTensor result = bias;
  const std::int64_t units = outputs / groups;
  if (static_cast<std::int64_t>(bias.values.size()) != outputs) {
    refuse(codes::kWeights,
           fmt::format("its bias has {} numbers for {} channels", bias.values.size(), outputs));
  }
  result.shape = {units};
  result.values.assign(bias.values.begin() + group * units,
                       bias.values.begin() + (group + 1) * units);
  return result;
}

ConvolutionShape read_convolution(const OnnxNode& node, const Shape& x, const Shape& kernel) {
  ConvolutionShape shape;
  shape.groups = node.attribute<std::int64_t>("group", 1);
  if (kernel.size() != x.size() || x.size() < 3 || shape.groups < 1 ||
      network::element_count(kernel) < 1 || x[1] != kernel[1] * shape.groups ||
      kernel[0] % shape.groups != 0) {
    refuse(codes::kGraph,
           fmt::format("convolves shape ({}) with a kernel of shape ({}) in {} groups",
                       fmt::join(x, ", "), fmt::join(kernel, ", "), shape.groups));
  }
  shape.channels = x[1];
  shape.outputs = kernel[0];
  shape.window = read_window(node, x, List(kernel.begin() + 2, kernel.end()));
  return shape;
}

OnnxTensor TransposedShape::turned(const OnnxTensor& kernel) const {
  const std::int64_t groups = convolution.groups;
  const std::int64_t inner = convolution.channels / groups;
  const std::int64_t units = convolution.outputs / groups;
  const std::int64_t taps = network::element_count(kernel.shape) / (convolution.channels * units);
  OnnxTensor result;
  result.type = kernel.type;
  result.shape = kernel.shape;
  result.shape[0] = convolution.outputs;
  result.shape[1] = inner;
  for (std::int64_t output = 0; output < convolution.outputs; ++output) {
    const std::int64_t group = output / units;
    for (std::int64_t channel = 0; channel < inner; ++channel) {
      for (std::int64_t tap = taps; tap-- > 0;) {
        const std::int64_t row = (group * inner + channel) * units + output % units;
        result.values.push_back(kernel.values[static_cast<std::size_t>(row * taps + tap)]);
      }
    }
  }
  return result;
}

TransposedShape read_transposed_convolution(const OnnxNode& node, const Shape& x,
                                            const Shape& kernel) {
  TransposedShape result;
  ConvolutionShape& shape = result.convolution;
  shape.groups = node.attribute<std::int64_t>("group", 1);
  if (kernel.size() != x.size() || x.size() < 3 || shape.groups < 1 ||
      network::element_count(kernel) < 1 || x[1] != kernel[0] || kernel[0] % shape.groups != 0) {
    refuse(codes::kGraph,
           fmt::format("convolves shape ({}) with a kernel of shape ({}) in {} groups",
                       fmt::join(x, ", "), fmt::join(kernel, ", "), shape.groups));
  }
  shape.channels = x[1];
  shape.outputs = kernel[1] * shape.groups;
  const std::size_t axes = kernel.size() - 2;
  result.strides = list_or(node, "strides", axes, 1);
  const List dilations = list_or(node, "dilations", axes, 1);
  const List pads = list_or(node, "pads", 2 * axes, 0);
  const List more = list_or(node, "output_padding", axes, 0);
  const bool gives_shape = node.attributes.contains("output_shape");
  const List lengths = list_or(node, "output_shape", axes, 1);
  const auto automatic = node.attribute<std::string>("auto_pad", "NOTSET");
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t stride = result.strides[i];
    if (stride < 1 || dilations[i] < 1 || kernel[i + 2] > kLargestExtent) {
      refuse(codes::kModelConfig, "its window is not possible");
    }
    const std::int64_t reach = (kernel[i + 2] - 1) * dilations[i] + 1;
    const std::int64_t whole = (x[i + 2] - 1) * stride + reach;
    std::int64_t before = automatic == "VALID" ? 0 : pads[i];
    std::int64_t length = whole + more[i] - before - (automatic == "VALID" ? 0 : pads[axes + i]);
    const bool same = automatic.starts_with("SAME");
    if (gives_shape || same) {
      length = gives_shape ? lengths[i] : x[i + 2] * stride;
      const std::int64_t cut = whole + more[i] - length;
      before = automatic == "SAME_UPPER" ? cut / 2 : cut - cut / 2;
    }
    const WindowAxis window{.size = kernel[i + 2],
                            .dilation = dilations[i],
                            .pad_before = reach - 1 - before,
                            .pad_after = length - whole + before + reach - 1};
    if (length < 1 || length > kLargestExtent) {
      refuse(codes::kModelConfig,
             fmt::format("its result has {} elements along axis {}", length, i + 2));
    }
    shape.window.push_back(window);
  }
  return result;
}

void spread(ScaledBuilder& builder, ScaledTensor& x, std::span<const std::int64_t> strides,
            const std::string& name) {
  List steps(x.shape.size(), 1);
  for (std::size_t i = 0; i < strides.size(); ++i) steps[i + 2] = strides[i];
  Shape memory;
  List in_memory;
  double elements = 1;
  for (const std::size_t axis : x.event_order()) {
    memory.push_back(x.shape[axis]);
    in_memory.push_back(steps[axis]);
    x.shape[axis] = (x.shape[axis] - 1) * steps[axis] + 1;
    elements *= static_cast<double>(x.shape[axis]);
  }
  if (elements > kMostWindowElements) {
    refuse(codes::kLimit, "the model is larger than what is read");
  }
  x.layer = builder.append(name + "_spread", network::insert_zeros(memory, in_memory), {x.layer});
}

std::int64_t PoolingWindow::taps() const {
  return std::accumulate(axes.begin(), axes.end(), std::int64_t{1},
                         [](std::int64_t all, const WindowAxis& axis) { return all * axis.size; });
}

PoolingWindow read_pooling(const OnnxNode& node, const Shape& x) {
  PoolingWindow window;
  window.axes =
      read_window(node, x, list_or(node, "kernel_shape", x.size() < 2 ? 0 : x.size() - 2, 0));
  for (const WindowAxis& axis : window.axes) {
    const std::int64_t reach = (axis.size - 1) * axis.dilation;
    if (axis.pad_before > reach || axis.pad_after > reach) {
      refuse(codes::kModelConfig, "its padding is as large as its window");
    }
  }
  window.pads = any_pads(window.axes);
  return window;
}

void slide_window(ScaledBuilder& builder, ScaledTensor& x, std::span<const WindowAxis> window,
                  network::WindowOrder order, const std::string& name,
                  network::WindowPadding padding) {
  if (x.axis && *x.axis != 1) builder.materialize(x, name);
  builder.arrange(x, channels_last_order(x.shape.size()), name);
  const Shape shape = channels_last_shape(x.shape);
  builder.use_shape(x, shape, name);  // the extents are the positions of a streaming circuit
  double elements = static_cast<double>(shape.back());
  for (std::size_t i = 0; i < window.size(); ++i) {
    elements *=
        static_cast<double>(window[i].size) * static_cast<double>(window[i].positions(shape[i]));
  }
  if (elements > kMostWindowElements)
    refuse(codes::kLimit, "the model is larger than what is read");
  x.layer = builder.append(name + "_windows",
                           network::sliding_windows(shape, window, order, padding), {x.layer});
}

void channels_first(ScaledTensor& x, std::span<const WindowAxis> window, std::int64_t channels) {
  Shape shape{1, channels};
  for (std::size_t i = 0; i < window.size(); ++i) {
    shape.push_back(window[i].positions(x.shape[i + 2]));
  }
  x.shape = std::move(shape);
  x.order = channels_last_order(x.shape.size());
  x.axis = x.factor.size() > 1 ? std::optional<std::size_t>(1) : std::nullopt;
}

void convolve_groups(ScaledBuilder& builder, ScaledTensor& x, const ConvolutionShape& shape,
                     const std::string& name,
                     const std::function<void(ScaledTensor&, std::int64_t)>& dense) {
  builder.arrange(x, channels_last_order(x.shape.size()), name);
  const Shape whole = channels_last_shape(x.shape);
  const std::int64_t inner = shape.channels / shape.groups;
  List begins(whole.size(), 0);
  Shape counts = whole;
  counts.back() = inner;
  std::vector<Shape> shapes;
  std::vector<network::LayerId> layers;
  std::vector<Rational> factor;
  std::vector<Rational> offset;
  const auto units = static_cast<std::size_t>(shape.outputs / shape.groups);
  for (std::int64_t index = 0; index < shape.groups; ++index) {
    ScaledTensor group = x;
    begins.back() = index * inner;
    group.layer = builder.append(
        name + "_group", network::slice(whole, begins, List(whole.size(), 1), counts), {x.layer});
    group.shape[1] = inner;
    slide_window(builder, group, shape.window, network::WindowOrder::taps_channels, name);
    dense(group, index);
    group.factor.resize(units, group.factor.front());
    group.offset.resize(units, group.offset.front());
    factor.insert(factor.end(), group.factor.begin(), group.factor.end());
    offset.insert(offset.end(), group.offset.begin(), group.offset.end());
    shapes.push_back(builder.type(group).shape);
    layers.push_back(group.layer);
  }
  x.layer = builder.append(name + "_groups",
                           network::concatenate(shapes, shapes.front().size() - 1), layers);
  x.factor = std::move(factor);
  x.offset = std::move(offset);
}

ScaledTensor padded(ScaledBuilder& builder, ScaledTensor x, std::span<const std::int64_t> before,
                    std::span<const std::int64_t> after, const std::string& name) {
  List first;
  List last;
  Shape memory;
  Shape result = x.shape;
  double elements = 1;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    for (const std::int64_t pad : {before[axis], after[axis]}) {
      if (pad < -kLargestExtent || pad > kLargestExtent || (axis == 0 && pad != 0)) {
        refuse(codes::kModelConfig, fmt::format("pads axis {} by {}", axis, pad));
      }
    }
    result[axis] += before[axis] + after[axis];
    if (result[axis] < 1) refuse(codes::kModelConfig, fmt::format("removes axis {}", axis));
    elements *= static_cast<double>(result[axis]);
  }
  if (elements > kMostWindowElements)
    refuse(codes::kLimit, "the model is larger than what is read");
  builder.settle(x, name);
  if (x.has_offset() || (x.axis && result[*x.axis] != x.shape[*x.axis])) {
    builder.materialize(x, name);
  }
  for (const std::size_t axis : x.event_order()) {
    memory.push_back(x.shape[axis]);
    first.push_back(before[axis]);
    last.push_back(after[axis]);
  }
  x.layer = builder.append(name, network::pad(memory, first, last), {x.layer});
  x.shape = std::move(result);
  return x;
}

}  // namespace sluice::frontend
