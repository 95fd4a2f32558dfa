#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/onnx_operands.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/frontend/unary_function.hpp"

/// Nodes that act on each element by itself.
namespace sluice::frontend {

ScaledTensor OnnxNodes::relu(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  ScaledBuilder::clamp(x, Rational(0), std::nullopt);
  return x;
}

ScaledTensor OnnxNodes::clip(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const auto bound = [&](const char* attribute, std::size_t i) -> std::optional<Rational> {
    double value = std::nan("");
    if (call.node.attributes.contains(attribute)) {
      value = call.node.attribute<double>(attribute, 0.0);
    } else if (i < call.inputs.size() && call.inputs[i] != nullptr) {
      value = only_number(parameter(call.inputs, i, attribute), attribute);
    }
    // Attributes that are left out are the ends of float32.
    if (!std::isfinite(value) || std::abs(value) > 1e38) return std::nullopt;
    return exact(value);
  };
  ScaledBuilder::clamp(x, bound("min", 1), bound("max", 2));
  return x;
}

ScaledTensor OnnxNodes::negate(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  builder_.multiply(x, {std::nullopt, {-1}}, call.node.label());
  return x;
}

ScaledTensor OnnxNodes::leaky_relu(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  AxisValues slopes;
  if (call.node.op_type == "PRelu") {
    const OnnxTensor& stored = parameter(call.inputs, 1, "slope");
    require_finite(stored, "a slope");
    count_parameters(call.summary, stored);
    slopes = axis_values(stored, x.shape);
  } else {
    slopes.values = {exact(call.node.attribute<double>("alpha", 0.01F))};
  }
  builder_.leaky(x, slopes, call.node.label());
  return x;
}

ScaledTensor OnnxNodes::absolute(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  builder_.leaky(x, {std::nullopt, {-1}}, call.node.label());
  return x;
}

ScaledTensor OnnxNodes::hard_sigmoid(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const std::string& name = call.node.label();
  builder_.multiply(x, {std::nullopt, {exact(call.node.attribute<double>("alpha", 0.2F))}}, name);
  builder_.add(x, {std::nullopt, {exact(call.node.attribute<double>("beta", 0.5))}}, name);
  ScaledBuilder::clamp(x, Rational(0), Rational(1));
  return x;
}

ScaledTensor OnnxNodes::unary(const Call& call) {
  static const std::map<std::string_view, std::string_view> kNames{
      {"Sigmoid", "sigmoid"},   {"Tanh", "tanh"},
      {"Elu", "elu"},           {"Selu", "selu"},
      {"Softplus", "softplus"}, {"Softsign", "softsign"},
      {"Exp", "exponential"},   {"HardSwish", "hard_swish"},
      {"Gelu", "gelu"}};
  const OnnxNode& node = call.node;
  ScaledTensor x = operand(call.inputs);
  const std::string_view name = kNames.at(node.op_type);
  if (name == "selu" && (node.attributes.contains("alpha") || node.attributes.contains("gamma"))) {
    const auto is_usual = [&](const char* key, double usual) {
      return std::abs(node.attribute<double>(key, usual) - usual) < 1e-5;
    };
    if (!is_usual("alpha", 1.67326) || !is_usual("gamma", 1.0507)) {
      refuse(codes::kActivation, "Selu with numbers of its own is not supported",
             "leave out alpha and gamma");
    }
  }
  if (name == "gelu" && node.attribute<std::string>("approximate", "none") != "none") {
    refuse(codes::kActivation, "Gelu by approximation is not supported", "use approximate='none'");
  }
  const auto function = unary_function(name, node.attribute<double>("alpha", 1.0));
  x.function = std::make_shared<const UnaryFunction>(*function);
  return x;
}

// To whole numbers, as a quantiser of scale 1 whose bounds nothing reaches.
ScaledTensor OnnxNodes::round(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  constexpr std::int64_t kBound = std::int64_t{1} << 40;
  OnnxQuantizer to;
  to.scale.values = to.step.values = {1.0};
  to.min = -kBound;
  to.max = kBound - 1;
  to.rounding = call.node.op_type == "Floor"  ? fixed::IntegerRounding::floor
                : call.node.op_type == "Ceil" ? fixed::IntegerRounding::ceil
                                              : fixed::IntegerRounding::half_even;
  builder_.quantize(x, to, call.node.label());
  return x;
}

ScaledTensor OnnxNodes::multi_threshold(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxNode& node = call.node;
  const OnnxTensor& thresholds = parameter(call.inputs, 1, "threshold");
  require_finite(thresholds, "a threshold");
  count_parameters(call.summary, thresholds);
  const bool last = node.attribute<std::string>("data_layout", "NCHW") == "NHWC";
  const std::size_t axis = last || x.shape.size() < 2 ? x.shape.size() - 1 : 1;
  if (thresholds.shape.size() != 2 || thresholds.values.empty() || x.shape.empty() ||
      (thresholds.shape[0] != 1 && thresholds.shape[0] != x.shape[axis])) {
    refuse(codes::kWeights,
           fmt::format("its thresholds have shape ({}), expected (channels, steps)",
                       fmt::join(thresholds.shape, ", ")));
  }
  Thresholds steps;
  const auto count = static_cast<std::size_t>(thresholds.shape[1]);
  for (std::size_t c = 0; c < static_cast<std::size_t>(thresholds.shape[0]); ++c) {
    std::vector<Rational>& own = steps.values.emplace_back();
    for (std::size_t i = 0; i < count; ++i) own.push_back(exact(thresholds.values[c * count + i]));
    std::ranges::sort(own);
  }
  if (steps.values.size() > 1) steps.axis = axis;
  builder_.count_thresholds(x, steps, node.label());
  const double scale = node.attribute<double>("out_scale", 1.0);
  const double bias = node.attribute<double>("out_bias", 0.0);
  if (!std::isfinite(scale) || !std::isfinite(bias)) refuse(codes::kNotFinite, "scale or bias");
  x.factor = {exact(scale)};
  x.offset = {exact(bias)};
  return x;
}

}  // namespace sluice::frontend
