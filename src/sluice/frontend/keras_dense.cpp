#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/hgq2_quantizer.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"

namespace sluice::frontend {

namespace {

void require_finite(const char* what, const std::vector<double>& values) {
  if (std::ranges::all_of(values, [](double value) { return std::isfinite(value); })) return;
  refuse(codes::kNotFinite, fmt::format("{} is beyond the range of float64", what),
         "the variance may be too small");
}

void add_dense(LayerBuilder& layer, const RealTensor& kernel, const RealTensor& bias,
               bool has_bias) {
  network::Dense dense;
  dense.inputs = kernel.shape[0];
  dense.units = kernel.shape[1];
  layer.attempt([&] {
    QuantizedTensor weights = layer.kernel(kernel);
    layer.count(weights);
    dense.weights = std::move(weights.mantissas);
    dense.weight_frac_bits = weights.frac_bits;
  });
  layer.attempt([&] {
    QuantizedTensor offsets;
    if (has_bias) {
      offsets = layer.bias(bias);
      layer.count(offsets);
    } else {
      offsets.mantissas.resize(static_cast<std::size_t>(dense.units));
    }
    dense.bias = std::move(offsets.mantissas);
    dense.bias_frac_bits = offsets.frac_bits;
  });
  layer.add("dense", network::LayerOp(std::move(dense))).accumulator = layer.accumulator();
  layer.add_result(layer.layer().name, layer.layer().class_name, "result");
}

std::int64_t normalised_axis(const LayerBuilder& layer) {
  const Json& axis = layer.setting("axis");
  const Json& only = axis.is_array() && axis.size() == 1 ? axis.front() : axis;
  if (only.is_null()) return -1;
  const auto value = as_integer(only);
  if (!value) refuse(codes::kModelConfig, fmt::format("axis={} is not an axis", excerpt(axis)));
  return *value;
}

bool exact_affine(const LayerBuilder& layer, const BatchNorm& norm, QuantizedTensor& scale,
                  QuantizedTensor& offset) {
  if (layer.is_configured("scale")) return false;
  std::vector<double> scales;
  std::vector<double> offsets;
  for (std::size_t c = 0; c < norm.channels(); ++c) {
    const auto exact = norm.exact(c);
    if (!exact) return false;
    scales.push_back(exact->first);
    offsets.push_back(exact->second);
  }
  auto exact_scale = exact_tensor(scales, kMostExactFracBits);
  auto exact_offset = exact_tensor(offsets, kMostExactFracBits);
  if (!exact_scale || !exact_offset) return false;
  scale = *std::move(exact_scale);
  offset = *std::move(exact_offset);
  return true;
}

void rounded_affine(LayerBuilder& layer, const BatchNorm& norm, QuantizedTensor& scale,
                    QuantizedTensor& offset) {
  RealTensor scales{{static_cast<std::int64_t>(norm.channels())}, {}};
  RealTensor offsets = scales;
  for (std::size_t c = 0; c < norm.channels(); ++c) {
    scales.values.push_back(norm.scale(c));
    offsets.values.push_back(norm.offset(c));
  }
  require_finite("the scale", scales.values);
  require_finite("the offset", offsets.values);
  if (is_hgq2_quantizer(layer.setting("kq_conf"))) {
    scale = layer.kernel(scales);
    offset = layer.bias(offsets);
    return;
  }
  scale = layer.configured(scales, "scale", "scale");
  offset = layer.configured(offsets, "offset", "bias");
}

}  // namespace

void fold_batch_norm(const BatchNorm& norm, RealTensor& kernel, RealTensor& bias) {
  const std::size_t units = norm.channels();
  for (std::size_t i = 0; i < kernel.values.size(); ++i) {
    kernel.values[i] *= norm.scale(i % units);
  }
  for (std::size_t c = 0; c < units; ++c) {
    bias.values[c] = norm.scale(c) * (bias.values[c] - norm.mean[c]) + norm.beta[c];
  }
  require_finite("the folded kernel", kernel.values);
  require_finite("the folded bias", bias.values);
}

namespace {

// HGQ2 normalises the inputs of the layer, not its sums.
void fold_input_norm(const BatchNorm& norm, RealTensor& kernel, RealTensor& bias) {
  const std::size_t units = bias.values.size();
  for (std::size_t i = 0; i < norm.channels(); ++i) {
    for (std::size_t unit = 0; unit < units; ++unit) {
      double& weight = kernel.values[i * units + unit];
      bias.values[unit] -= norm.mean[i] * weight;
      weight *= norm.scale(i);
    }
  }
  require_finite("the folded kernel", kernel.values);
  require_finite("the folded bias", bias.values);
}

}  // namespace

void plan_dense(LayerBuilder& layer) {
  RealTensor kernel = layer.finite_weight("kernel");
  if (kernel.shape.size() != 2 || kernel.values.empty() ||
      kernel.shape[1] != as_integer(layer.setting("units"))) {
    refuse(codes::kWeights,
           fmt::format("`kernel` has shape ({}), expected (inputs, {})",
                       fmt::join(kernel.shape, ", "), excerpt(layer.setting("units"))),
           "the weights may belong to another model");
  }
  const std::int64_t units = kernel.shape[1];
  const bool use_bias = layer.flag_setting("use_bias", true);
  RealTensor bias{{units}, std::vector<double>(static_cast<std::size_t>(units))};
  if (use_bias) bias = layer.vector_weight("bias", units);
  const bool folds = layer.layer().class_name == "QDenseBatchnorm";
  if (folds) fold_batch_norm(layer.batch_norm(units), kernel, bias);
  if (layer.layer().class_name == "QBatchNormDense") {
    fold_input_norm(layer.batch_norm(kernel.shape[0]), kernel, bias);
  }
  add_dense(layer, kernel, bias, use_bias || folds);
  plan_inner_activation(layer);
}

void plan_batch_normalization(LayerBuilder& layer) {
  const RealTensor& mean = layer.weight("moving_mean");
  if (mean.shape.size() != 1 || mean.values.empty()) {
    LayerBuilder::refuse_shape("moving_mean", mean, {-1});
  }
  const BatchNorm norm = layer.batch_norm(mean.shape[0]);
  QuantizedTensor scale;
  QuantizedTensor offset;
  if (is_hgq2_quantizer(layer.setting("kq_conf")) || !exact_affine(layer, norm, scale, offset)) {
    rounded_affine(layer, norm, scale, offset);
  }
  layer.count(scale);
  layer.count(offset);
  layer
      .add("affine",
           network::LayerOp(network::Affine{std::move(scale.mantissas), scale.frac_bits,
                                            std::move(offset.mantissas), offset.frac_bits}))
      .last_axis = normalised_axis(layer);
  layer.add_result(layer.layer().name, layer.layer().class_name, "result");
}

}  // namespace sluice::frontend
