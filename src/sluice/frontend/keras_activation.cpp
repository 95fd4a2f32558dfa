#include <fmt/format.h>

#include <algorithm>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"
#include "sluice/frontend/keras_softmax.hpp"

namespace sluice::frontend {

namespace {

using network::Merge;

[[noreturn]] void refuse_activation(const std::string& name) {
  if (name.starts_with("quantized_") || name.starts_with("stochastic_") || name == "bernoulli") {
    refuse(codes::kQuantizer, fmt::format("quantizer `{}` is not supported", shortened(name)),
           "quantized_bits, quantized_linear, quantized_relu, quantized_tanh, quantized_sigmoid, "
           "quantized_po2, binary and ternary are read");
  }
  refuse(codes::kActivation, fmt::format("activation `{}` is not supported", shortened(name)),
         "linear, relu, sigmoid, tanh, elu, selu, softplus and their like with a quantizer behind "
         "them, quantized_bits, quantized_relu, and softmax at the very end, are");
}

/// max(x, slope * x), or min for slopes above 1: x for x >= 0, else slope * x.
void add_leaky(LayerBuilder& layer, double slope) {
  if (!exact_tensor({slope}, kMostSlopeFracBits)) {
    layer.add("leaky", leaky_function(slope, 0.0));
    return;
  }
  const std::size_t scaling = layer.plan().ops.size();
  layer.add_helper("slope", factor_op(slope, kMostSlopeFracBits));
  const auto kind = slope <= 1 ? Merge::Kind::maximum : Merge::Kind::minimum;
  layer.add("leaky", network::LayerOp(Merge{kind})).with_operand_of = scaling;
}

// Times the scales of a quantiser: one for all, or one per index of the last axis.
OpOfOperand scaled_by(std::vector<int> exponents, std::vector<std::int64_t> mantissas) {
  mantissas.resize(exponents.size(), 1);
  return [exponents = std::move(exponents),
          mantissas = std::move(mantissas)](const OpContext& at) -> ResolvedOp {
    const auto channels =
        static_cast<std::size_t>(at.operand.shape.empty() ? 1 : at.operand.shape.back());
    if (exponents.size() != 1 && exponents.size() != channels) {
      refuse(codes::kQuantizer,
             fmt::format("alpha has {} scales for {} values", exponents.size(), channels),
             "give one scale, or one per index of the last axis");
    }
    const int smallest = *std::ranges::min_element(exponents);
    network::Affine affine;
    affine.scale_frac_bits = -smallest;
    affine.offset.resize(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t i = c % exponents.size();
      affine.scale.push_back(fixed::shift_left(mantissas[i], exponents[i] - smallest));
    }
    return network::LayerOp(std::move(affine));
  };
}

/// (x + 1) / 2.
ResolvedOp halved(const OpContext& at) {
  const network::Shape& shape = at.operand.shape;
  const auto channels = static_cast<std::size_t>(shape.empty() ? 1 : shape.back());
  return network::LayerOp(network::Affine{std::vector<std::int64_t>(channels, 1), 1,
                                          std::vector<std::int64_t>(channels, 1), 1});
}

void add_quantizer(LayerBuilder& layer, const QkerasQuantizer& quantizer) {
  for (const std::string& note : quantizer.notes) layer.warn(codes::kNoEffect, note);
  layer.describe("activation", quantizer.text);
  if (quantizer.negative_slope != 0) add_leaky(layer, quantizer.negative_slope);
  if (quantizer.function) layer.add_helper("function", *quantizer.function);
  if (quantizer.halves) layer.add_helper("half", halved);
  layer.add("quantize", network::LayerOp(network::Quantize{{quantizer.quantizer}}));
  const auto& exponents = quantizer.scale_exponents;
  if (!quantizer.scale_mantissas.empty() ||
      std::ranges::any_of(exponents, [](int exponent) { return exponent != 0; })) {
    layer.add("scale", scaled_by(exponents, quantizer.scale_mantissas));
  }
  if (quantizer.lower_bound || quantizer.upper_bound) {
    layer.add_clamp(quantizer.lower_bound, quantizer.upper_bound);
  }
}

void plan_relu(LayerBuilder& layer) {
  const double slope = layer.number_setting("negative_slope", 0.0);
  const double threshold = layer.number_setting("threshold", 0.0);
  std::optional<double> upper;
  if (!layer.setting("max_value").is_null()) upper = layer.number_setting("max_value", 0.0);
  if (threshold != 0.0) {
    layer.add("threshold", leaky_function(slope, threshold));
    if (upper) refuse(codes::kActivation, "ReLU with a threshold and max_value is not supported");
  } else if (slope != 0.0) {
    add_leaky(layer, slope);
    if (upper) layer.add_clamp(std::nullopt, upper);
  } else {
    layer.add_clamp(0.0, upper);
  }
}

void plan_prelu(LayerBuilder& layer) {
  const RealTensor& alpha = layer.finite_weight("alpha");
  if (std::ranges::any_of(alpha.values, [](double slope) { return slope > 1; })) {
    refuse(codes::kActivation, "PReLU with a slope above 1 is not supported",
           "constrain the slopes to at most 1");
  }
  QuantizedTensor slopes;
  auto exact = exact_tensor(alpha.values, kMostSlopeFracBits);
  const bool is_short = exact && exact->frac_bits <= kMostExactFracBits;
  const bool has_format = layer.precision().find(layer.layer().name, "PReLU", "weight").has_value();
  if (exact && (is_short || !has_format)) {
    slopes = *std::move(exact);
  } else {
    slopes = layer.configured(alpha, "alpha", "weight");
  }
  layer.count(slopes);
  network::Shape shape = alpha.shape;
  layer.add_movement("flat", [](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(network::Reshape{{network::element_count(at.operand.shape)}});
  });
  const std::size_t scaling = layer.plan().ops.size();
  layer.add_helper("slope", [slopes, shape](const OpContext& at) -> ResolvedOp {
    const network::Shape& whole = at.layer_operand.shape;
    if (network::broadcast_shape(shape, whole) != whole) {
      LayerBuilder::refuse_shape("alpha", {shape, {}}, whole);
    }
    network::Affine affine{{}, slopes.frac_bits, {}, 0};
    for (const std::int64_t from : network::broadcast(shape, whole).indices) {
      affine.scale.push_back(slopes.mantissas[static_cast<std::size_t>(from)]);
    }
    affine.offset.resize(affine.scale.size());
    return network::LayerOp(std::move(affine));
  });
  layer.add("prelu", network::LayerOp(Merge{Merge::Kind::maximum})).with_operand_of = scaling;
  layer.add_movement("shape", [](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(network::Reshape{at.layer_operand.shape});
  });
}

/// An activation layer without a `function` of its own.
bool plan_class(LayerBuilder& layer) {
  const std::string& name = layer.layer().class_name;
  if (name == "Softmax") {
    layer.plan().is_softmax = !plan_configured_softmax(layer, layer.layer().name);
  } else if (name == "ReLU") {
    plan_relu(layer);
  } else if (name == "LeakyReLU") {
    add_leaky(layer, layer.number_setting("negative_slope", layer.number_setting("alpha", 0.3)));
  } else if (name == "PReLU") {
    plan_prelu(layer);
  } else if (name == "ELU") {
    layer.add("elu", *unary_function("elu", layer.number_setting("alpha", 1.0)));
  } else {
    return false;
  }
  return true;
}

void plan_function(LayerBuilder& layer, const Json& value, const std::string& configured_name,
                   const char* result_role) {
  const std::string name = function_name(value);
  if (name == "softmax") {
    layer.plan().is_softmax = !plan_configured_softmax(layer, configured_name);
    if (!layer.plan().is_softmax) layer.add_result(configured_name, "Softmax", result_role);
    return;
  }
  if (is_known_quantizer(name)) {
    add_quantizer(layer, *parse_quantizer(value, QuantizerRole::activation));
  } else if (name == "relu" || name == "relu6") {
    layer.add_clamp(0.0, name == "relu6" ? std::optional(6.0) : std::nullopt);
  } else if (name == "leaky_relu") {
    add_leaky(layer, 0.2);
  } else if (name == "hard_sigmoid" && layer.layer().class_name.starts_with("Q")) {
    // That of QKeras, which is steeper than that of Keras.
    layer.add_helper("half", halved);
    layer.add_clamp(0.0, 1.0);
  } else if (name == "hard_tanh") {
    layer.add_clamp(-1.0, 1.0);
  } else if (auto function = unary_function(name)) {
    layer.add(name, *std::move(function));
  } else if (name != "linear") {
    refuse_activation(name);
  }
  layer.add_result(configured_name, "Activation", result_role);
}

}  // namespace

void plan_activation_layer(LayerBuilder& layer) {
  const std::string& name = layer.layer().name;
  if (plan_class(layer)) {
    layer.add_result(name, layer.layer().class_name, "result");
  } else {
    plan_function(layer, layer.setting("activation"), name, "result");
  }
}

void plan_fixed_point_quantizer(LayerBuilder& layer) {
  if (layer.weights() == nullptr) {
    refuse(codes::kWeights, "its arrays are missing from the weights");
  }
  ElementQuantizers quantizers = read_fixed_point_quantizer(layer.layer().config, *layer.weights());
  layer.describe("activation",
                 fmt::format("{},{} of {} elements", layer.text_setting("RND", "TRN"),
                             layer.text_setting("SAT", "WRAP"), quantizers.quantizers.size()));
  layer.add("quantize", std::move(quantizers));
}

void plan_inner_activation(LayerBuilder& layer) {
  const Json& value = layer.setting("activation");
  plan_function(layer, value, activation_layer_name(layer.layer().name, value),
                "activation result");
}

}  // namespace sluice::frontend
