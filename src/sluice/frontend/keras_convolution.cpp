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

Dense depthwise(LayerBuilder& layer, const Convolution& settings) {
  const char* const quantizer_key = "depthwise_quantizer";
  const char* const name = "depthwise_kernel";
  const RealTensor& kernel = kernel_of(layer, name, settings.taps);
  const std::int64_t multiplier = kernel.shape.back();
  const std::int64_t channels = kernel.shape[kernel.shape.size() - 2];
  if (multiplier != layer.integer_setting("depth_multiplier", 1)) refuse_kernel(name, kernel);
  const std::int64_t taps = product(settings.taps);
  Dense dense{.inputs = taps * channels, .units = channels * multiplier};
  layer.attempt([&] {
    QuantizedTensor weights = layer.kernel(kernel, quantizer_key, "depthwise kernel");
    layer.count(weights);
    weights.mantissas = diagonal(weights.mantissas, taps, channels, multiplier);
    set_weights(dense, std::move(weights));
  });
  return dense;
}

void plan_depthwise(LayerBuilder& layer, const Convolution& settings) {
  Dense dense = depthwise(layer, settings);
  RealTensor bias;
  if (settings.use_bias) bias = layer.vector_weight("bias", dense.units);
  set_bias(layer, dense, settings.use_bias ? &bias : nullptr);
  layer.add("dense", network::LayerOp(std::move(dense))).accumulator = layer.accumulator();
}

/// Depthwise, then 1 x 1: nothing is rounded in between.
void plan_separable(LayerBuilder& layer, const Convolution& settings) {
  Dense spatial = depthwise(layer, settings);
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

}  // namespace

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
