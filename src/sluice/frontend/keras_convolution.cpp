#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"
#include "sluice/frontend/keras_windows.hpp"

namespace sluice::frontend {

namespace {

using network::Dense;

std::int64_t product(const std::vector<std::int64_t>& factors) {
  std::int64_t result = 1;
  for (const std::int64_t factor : factors) result *= factor;
  return result;
}

[[noreturn]] void refuse_kernel(const char* name, const RealTensor& kernel) {
  refuse(codes::kWeights,
         fmt::format("`{}` has shape ({}), which does not fit the layer's settings", name,
                     fmt::join(kernel.shape, ", ")),
         "the weights may belong to another model");
}

/// A kernel [taps..., channels, n] that is checked against the layer's kernel size.
const RealTensor& kernel_of(const LayerBuilder& layer, const char* name,
                            const std::vector<std::int64_t>& taps) {
  const RealTensor& kernel = layer.finite_weight(name);
  const auto spatial = static_cast<std::ptrdiff_t>(taps.size());
  if (kernel.shape.size() != taps.size() + 2 || kernel.values.empty() ||
      !std::equal(taps.begin(), taps.end(), kernel.shape.begin(), kernel.shape.begin() + spatial)) {
    refuse_kernel(name, kernel);
  }
  return kernel;
}

/// One dense over [taps * channels] of all groups, with zeros between a filter and the channels of
/// the other groups.
std::vector<std::int64_t> ungrouped(const std::vector<std::int64_t>& weights, std::int64_t taps,
                                    std::int64_t group_channels, std::int64_t groups,
                                    std::int64_t filters) {
  const std::int64_t channels = group_channels * groups;
  check_elements({taps, channels, filters});
  std::vector<std::int64_t> result(static_cast<std::size_t>(taps * channels * filters));
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (std::int64_t c = 0; c < group_channels; ++c) {
      for (std::int64_t filter = 0; filter < filters; ++filter) {
        const std::int64_t group = filter / (filters / groups);
        const std::int64_t row = tap * channels + group * group_channels + c;
        result[static_cast<std::size_t>(row * filters + filter)] =
            weights[static_cast<std::size_t>((tap * group_channels + c) * filters + filter)];
      }
    }
  }
  return result;
}

/// The same for a depthwise kernel [taps, channels, multiplier].
std::vector<std::int64_t> diagonal(const std::vector<std::int64_t>& weights, std::int64_t taps,
                                   std::int64_t channels, std::int64_t multiplier) {
  const std::int64_t filters = channels * multiplier;
  check_elements({taps, channels, filters});
  std::vector<std::int64_t> result(static_cast<std::size_t>(taps * channels * filters));
  for (std::int64_t row = 0; row < taps * channels; ++row) {
    for (std::int64_t m = 0; m < multiplier; ++m) {
      const std::int64_t filter = row % channels * multiplier + m;
      result[static_cast<std::size_t>(row * filters + filter)] =
          weights[static_cast<std::size_t>(row * multiplier + m)];
    }
  }
  return result;
}

void set_weights(Dense& dense, QuantizedTensor weights) {
  dense.weights = std::move(weights.mantissas);
  dense.weight_frac_bits = weights.frac_bits;
}

void set_bias(LayerBuilder& layer, Dense& dense, const RealTensor* bias) {
  dense.bias.resize(static_cast<std::size_t>(dense.units));
  if (bias == nullptr) return;
  layer.attempt([&] {
    QuantizedTensor offsets = layer.bias(*bias);
    layer.count(offsets);
    dense.bias = std::move(offsets.mantissas);
    dense.bias_frac_bits = offsets.frac_bits;
  });
}

struct Convolution {
  std::vector<std::int64_t> taps;
  bool use_bias = true;
};

void plan_full(LayerBuilder& layer, const Convolution& settings) {
  RealTensor kernel = kernel_of(layer, "kernel", settings.taps);
  const std::int64_t filters = kernel.shape.back();
  const std::int64_t group_channels = kernel.shape[kernel.shape.size() - 2];
  const std::int64_t groups = layer.integer_setting("groups", 1);
  if (filters != layer.integer_setting("filters", -1) || groups < 1 || filters % groups != 0) {
    refuse_kernel("kernel", kernel);
  }
  RealTensor bias{{filters}, std::vector<double>(static_cast<std::size_t>(filters))};
  if (settings.use_bias) bias = layer.vector_weight("bias", filters);
  const bool folds = layer.layer().class_name == "QConv2DBatchnorm";
  if (folds) fold_batch_norm(layer.batch_norm(filters), kernel, bias);
  const std::int64_t taps = product(settings.taps);
  Dense dense{.inputs = taps * group_channels * groups, .units = filters};
  layer.attempt([&] {
    QuantizedTensor weights = layer.kernel(kernel);
    layer.count(weights);
    if (groups > 1) {
      weights.mantissas = ungrouped(weights.mantissas, taps, group_channels, groups, filters);
    }
    set_weights(dense, std::move(weights));
  });
  set_bias(layer, dense, settings.use_bias || folds ? &bias : nullptr);
  layer.add("dense", network::LayerOp(std::move(dense))).accumulator = layer.accumulator();
}

/// A batch normalisation is folded into kernel and bias where there is a bias for it.
Dense depthwise(LayerBuilder& layer, const Convolution& settings, RealTensor* folded_bias) {
  const char* const quantizer_key = "depthwise_quantizer";
  const char* const name = "depthwise_kernel";
  RealTensor kernel = kernel_of(layer, name, settings.taps);
  const std::int64_t multiplier = kernel.shape.back();
  const std::int64_t channels = kernel.shape[kernel.shape.size() - 2];
  if (multiplier != layer.integer_setting("depth_multiplier", 1)) refuse_kernel(name, kernel);
  const std::int64_t taps = product(settings.taps);
  Dense dense{.inputs = taps * channels, .units = channels * multiplier};
  if (folded_bias != nullptr) fold_batch_norm(layer.batch_norm(dense.units), kernel, *folded_bias);
  layer.attempt([&] {
    QuantizedTensor weights = layer.kernel(kernel, quantizer_key, "depthwise kernel");
    layer.count(weights);
    weights.mantissas = diagonal(weights.mantissas, taps, channels, multiplier);
    set_weights(dense, std::move(weights));
  });
  return dense;
}

void plan_depthwise(LayerBuilder& layer, const Convolution& settings) {
  const bool folds = layer.layer().class_name == "QDepthwiseConv2DBatchnorm";
  const std::vector<std::int64_t>& shape =
      kernel_of(layer, "depthwise_kernel", settings.taps).shape;
  const std::int64_t units = shape[shape.size() - 2] * shape.back();
  RealTensor bias{{units}, std::vector<double>(static_cast<std::size_t>(units))};
  if (settings.use_bias) bias = layer.vector_weight("bias", units);
  Dense dense = depthwise(layer, settings, folds ? &bias : nullptr);
  set_bias(layer, dense, settings.use_bias || folds ? &bias : nullptr);
  layer.add("dense", network::LayerOp(std::move(dense))).accumulator = layer.accumulator();
}

/// Depthwise, then 1 x 1: nothing is rounded in between.
void plan_separable(LayerBuilder& layer, const Convolution& settings) {
  Dense spatial = depthwise(layer, settings, nullptr);
  set_bias(layer, spatial, nullptr);
  const RealTensor& kernel =
      kernel_of(layer, "pointwise_kernel", std::vector<std::int64_t>(settings.taps.size(), 1));
  Dense dense{.inputs = spatial.units, .units = kernel.shape.back()};
  if (kernel.shape[kernel.shape.size() - 2] != spatial.units ||
      dense.units != layer.integer_setting("filters", -1)) {
    refuse_kernel("pointwise_kernel", kernel);
  }
  layer.attempt([&] {
    QuantizedTensor weights = layer.kernel(kernel, "pointwise_quantizer", "pointwise kernel");
    layer.count(weights);
    set_weights(dense, std::move(weights));
  });
  RealTensor bias;
  if (settings.use_bias) bias = layer.vector_weight("bias", dense.units);
  set_bias(layer, dense, settings.use_bias ? &bias : nullptr);
  layer.add_helper("depthwise", network::LayerOp(std::move(spatial)));
  layer.add("dense", network::LayerOp(std::move(dense))).accumulator = layer.accumulator();
}

/// A kernel [taps..., filters, channels] as [taps backwards..., channels, filters].
std::vector<std::int64_t> turned(const std::vector<std::int64_t>& weights, std::int64_t filters,
                                 std::int64_t channels) {
  std::vector<std::int64_t> result(weights.size());
  const auto block = static_cast<std::size_t>(filters * channels);
  const std::size_t taps = weights.size() / block;
  for (std::size_t tap = 0; tap < taps; ++tap) {
    for (std::size_t i = 0; i < block; ++i) {
      const std::size_t filter = i / static_cast<std::size_t>(channels);
      const std::size_t channel = i % static_cast<std::size_t>(channels);
      // All axes of the taps backwards: their number counted from the end.
      result[(taps - 1 - tap) * block + channel * static_cast<std::size_t>(filters) + filter] =
          weights[tap * block + i];
    }
  }
  return result;
}

/// A transposed convolution is one with stride 1 over elements with zeros between them.
struct Spread {
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> output_padding;  ///< empty: the length that Keras chooses
  WindowSettings windows;                    ///< strides of 1

  std::vector<network::WindowAxis> over(const network::Shape& shape) const {
    std::vector<network::WindowAxis> axes;
    for (std::size_t i = 0; i < strides.size(); ++i) {
      network::WindowAxis axis{.size = windows.sizes[i], .dilation = windows.dilations[i]};
      const std::int64_t reach = (axis.size - 1) * axis.dilation + 1;
      const bool same = windows.padding == "same";
      const std::int64_t whole = (shape[i] - 1) * strides[i] + reach;
      std::int64_t length = shape[i] * strides[i];
      if (!output_padding.empty()) {
        length = whole - (same ? reach / 2 * 2 : 0) + output_padding[i];
      } else if (!same) {
        length += std::max<std::int64_t>(reach - strides[i], 0);
      }
      const std::int64_t cut = same ? std::max<std::int64_t>(whole - length, 0) / 2 : 0;
      axis.pad_before = reach - 1 - cut;
      axis.pad_after = length - whole + cut + reach - 1;
      axes.push_back(axis);
    }
    return axes;
  }
};

void plan_transposed(LayerBuilder& layer) {
  Spread spread{{}, {}, window_settings(layer, "kernel_size", "dilation_rate")};
  WindowSettings& windows = spread.windows;
  if (windows.padding == "causal") {
    refuse(codes::kModelConfig, "padding='causal' is not supported", "use 'valid' or 'same'");
  }
  const std::size_t axes = windows.sizes.size();
  spread.strides = std::exchange(windows.strides, std::vector<std::int64_t>(axes, 1));
  if (!layer.setting("output_padding").is_null()) {
    spread.output_padding = layer.axes_setting("output_padding", axes, 0, 0);
  }
  const RealTensor& kernel = kernel_of(layer, "kernel", windows.sizes);
  const std::int64_t channels = kernel.shape.back();
  const std::int64_t filters = kernel.shape[kernel.shape.size() - 2];
  if (filters != layer.integer_setting("filters", -1)) refuse_kernel("kernel", kernel);
  Dense dense{.inputs = product(windows.sizes) * channels, .units = filters};
  layer.attempt([&] {
    QuantizedTensor weights = layer.kernel(kernel);
    layer.count(weights);
    weights.mantissas = turned(weights.mantissas, filters, channels);
    set_weights(dense, std::move(weights));
  });
  const bool use_bias = layer.flag_setting("use_bias", true);
  RealTensor bias;
  if (use_bias) bias = layer.vector_weight("bias", filters);
  set_bias(layer, dense, use_bias ? &bias : nullptr);
  if (layer.is_channels_first()) add_channels_last(layer);
  layer.add_movement("spread", [strides = spread.strides](const OpContext& at) -> ResolvedOp {
    check_window_operand(at.operand.shape, strides.size());
    std::vector<std::int64_t> all = strides;
    all.push_back(1);
    network::Shape to = at.operand.shape;
    for (std::size_t i = 0; i < to.size(); ++i) to[i] *= all[i];
    check_elements(to);
    return network::LayerOp(network::insert_zeros(at.operand.shape, all));
  });
  layer.add_movement("windows", [spread](const OpContext& at) -> ResolvedOp {
    network::Shape shape = at.operand.shape;  // of what has zeros between its elements
    for (std::size_t i = 0; i < spread.strides.size(); ++i) {
      shape[i] = (shape[i] - 1) / spread.strides[i] + 1;
    }
    return windows_op(at.operand.shape, spread.over(shape), network::WindowOrder::taps_channels,
                      network::WindowPadding::zero);
  });
  layer.add("dense", network::LayerOp(std::move(dense))).accumulator = layer.accumulator();
}

}  // namespace

void plan_transposed_convolution(LayerBuilder& layer) {
  plan_transposed(layer);
  layer.add_result(layer.layer().name, layer.layer().class_name, "result");
  if (layer.is_channels_first()) add_channels_first(layer);
  plan_inner_activation(layer);
}

void plan_convolution(LayerBuilder& layer) {
  const std::string& class_name = layer.layer().class_name;
  const WindowSettings windows = window_settings(layer, "kernel_size", "dilation_rate");
  const Convolution settings{windows.sizes, layer.flag_setting("use_bias", true)};
  if (layer.is_channels_first()) add_channels_last(layer);
  add_windows(layer, windows, network::WindowOrder::taps_channels, network::WindowPadding::zero);
  if (class_name.find("Depthwise") != std::string::npos) {
    plan_depthwise(layer, settings);
  } else if (class_name.find("Separable") != std::string::npos) {
    plan_separable(layer, settings);
  } else {
    plan_full(layer, settings);
  }
  layer.add_result(layer.layer().name, class_name, "result");
  if (layer.is_channels_first()) add_channels_first(layer);
  plan_inner_activation(layer);
}

}  // namespace sluice::frontend
