#include "sluice/frontend/onnx_nodes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "sluice/frontend/batch_norm.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/onnx_constants.hpp"
#include "sluice/frontend/onnx_windows.hpp"
#include "sluice/network/movement.hpp"

namespace sluice::frontend {

namespace {

using network::Shape;

[[noreturn]] void refuse(const char* code, std::string message, std::string hint = {}) {
  throw ModelError(code, "", std::move(message), std::move(hint));
}

const OnnxTensor* constant(std::span<const OnnxValue* const> inputs, std::size_t i) {
  return i < inputs.size() && inputs[i] != nullptr ? std::get_if<OnnxTensor>(inputs[i]) : nullptr;
}

const ScaledTensor* tensor(std::span<const OnnxValue* const> inputs, std::size_t i) {
  return i < inputs.size() && inputs[i] != nullptr ? std::get_if<ScaledTensor>(inputs[i]) : nullptr;
}

const ScaledTensor& operand(std::span<const OnnxValue* const> inputs, std::size_t i = 0) {
  const ScaledTensor* const x = tensor(inputs, i);
  if (x == nullptr) refuse(codes::kGraph, fmt::format("its input {} is a constant", i));
  return *x;
}

const OnnxTensor& parameter(std::span<const OnnxValue* const> inputs, std::size_t i,
                            const char* what) {
  const OnnxTensor* const value = constant(inputs, i);
  if (value == nullptr) {
    refuse(codes::kGraph, fmt::format("its {} is no constant", what),
           "only weights that are stored in the file are read");
  }
  return *value;
}

// All inputs as constants; null where they are left out or depend on the model's input.
std::vector<const OnnxTensor*> constants(std::span<const OnnxValue* const> inputs) {
  std::vector<const OnnxTensor*> all;
  for (std::size_t i = 0; i < inputs.size(); ++i) all.push_back(constant(inputs, i));
  return all;
}

void count_parameters(LayerSummary& summary, const OnnxTensor& tensor) {
  summary.parameters += static_cast<std::int64_t>(tensor.values.size());
  summary.zeros += std::ranges::count(tensor.values, 0.0);
}

Rational rounded(double number, const fixed::Quantizer& to) {
  return exact(fixed::to_double(fixed::quantize_real(number, to), to.format.frac_bits));
}

void require_finite(const OnnxTensor& tensor, const char* what) {
  for (const double value : tensor.values) {
    if (!std::isfinite(value)) refuse(codes::kNotFinite, fmt::format("{} holds {}", what, value));
  }
}

}  // namespace

const std::map<std::string_view, OnnxNodes::Member>& OnnxNodes::members() {
  static const std::map<std::string_view, Member> kMembers{
      {"Identity", &OnnxNodes::same},
      {"Dropout", &OnnxNodes::same},
      {"Cast", &OnnxNodes::same},
      {"Reshape", &OnnxNodes::reshape},
      {"Flatten", &OnnxNodes::reshape},
      {"Squeeze", &OnnxNodes::reshape},
      {"Unsqueeze", &OnnxNodes::reshape},
      {"Transpose", &OnnxNodes::transpose},
      {"Relu", &OnnxNodes::relu},
      {"Clip", &OnnxNodes::clip},
      {"Add", &OnnxNodes::arithmetic},
      {"Sub", &OnnxNodes::arithmetic},
      {"Mul", &OnnxNodes::arithmetic},
      {"Div", &OnnxNodes::arithmetic},
      {"Max", &OnnxNodes::arithmetic},
      {"Min", &OnnxNodes::arithmetic},
      {"Neg", &OnnxNodes::negate},
      {"BatchNormalization", &OnnxNodes::batch_normalization},
      {"DequantizeLinear", &OnnxNodes::dequantize},
      {"MatMul", &OnnxNodes::matmul},
      {"Gemm", &OnnxNodes::gemm},
      {"Conv", &OnnxNodes::convolution},
      {"MaxPool", &OnnxNodes::max_pool},
      {"AveragePool", &OnnxNodes::average_pool},
      {"GlobalAveragePool", &OnnxNodes::global_average},
      {"ReduceMean", &OnnxNodes::global_average},
      {"Pad", &OnnxNodes::pad},
      {"Concat", &OnnxNodes::concatenate},
  };
  return kMembers;
}

bool OnnxNodes::is_supported(const OnnxNode& node) {
  return is_onnx_quantizer(node) || (node.domain.empty() && members().contains(node.op_type));
}

ScaledTensor OnnxNodes::build(const OnnxNode& node, std::span<const OnnxValue* const> inputs,
                              const Bias& bias, LayerSummary& summary) {
  const Call call{node, inputs, bias, summary};
  if (is_onnx_quantizer(node)) return quantizer(call);
  return std::invoke(members().at(node.op_type), this, call);
}

ScaledTensor OnnxNodes::same(const Call& call) {
  constexpr std::int64_t kFloat32 = 1;
  constexpr std::int64_t kFloat64 = 11;
  const auto to = call.node.attribute<std::int64_t>("to", kFloat32);
  if (call.node.op_type == "Cast" && to != kFloat32 && to != kFloat64) {
    refuse(codes::kLayer, fmt::format("casts a tensor to type {}", to), "use float32");
  }
  return operand(call.inputs);
}

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
  std::vector<std::size_t> natural(first.shape.size());
  std::iota(natural.begin(), natural.end(), std::size_t{0});
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
    builder_.arrange(x, natural, name);
    shapes.push_back(x.shape);
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
  // Layers have one binary point each; the concatenation aligns them.
  result.layer = builder_.append(name, network::concatenate(shapes, axis), layers);
  return result;
}

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

ScaledTensor OnnxNodes::arithmetic(const Call& call) {
  if (call.inputs.size() != 2) {
    refuse(codes::kGraph, fmt::format("has {} inputs, expected 2", call.inputs.size()));
  }
  const OnnxTensor* const left = constant(call.inputs, 0);
  const OnnxTensor* const right = constant(call.inputs, 1);
  if (right != nullptr) return with_constant(call, operand(call.inputs, 0), *right, false);
  if (left != nullptr) return with_constant(call, operand(call.inputs, 1), *left, true);
  return merge(call, operand(call.inputs, 0), operand(call.inputs, 1));
}

ScaledTensor OnnxNodes::with_constant(const Call& call, ScaledTensor x, const OnnxTensor& constant,
                                      bool constant_first) {
  const std::string& op = call.node.op_type;
  const std::string& name = call.node.label();
  count_parameters(call.summary, constant);
  AxisValues values = axis_values(constant, x.shape);
  if (op == "Max" || op == "Min") {
    if (values.values.size() != 1) refuse(codes::kLayer, "compares with several constants");
    const std::optional<Rational> bound = values.values.front();
    ScaledBuilder::clamp(x, op == "Max" ? bound : std::nullopt, op == "Min" ? bound : std::nullopt);
    return x;
  }
  if (op == "Div") {
    if (constant_first) refuse(codes::kLayer, "divides by a tensor", "divide by constants");
    for (Rational& value : values.values) {
      if (value == 0) refuse(codes::kWeights, "divides by 0");
      value = 1 / value;
    }
  }
  if (op == "Mul" || op == "Div") {
    builder_.multiply(x, values, name);
    return x;
  }
  if (op == "Sub" && constant_first) {
    builder_.multiply(x, {std::nullopt, {-1}}, name);
  } else if (op == "Sub") {
    for (Rational& value : values.values) value = -value;
  }
  builder_.add(x, values, name);
  return x;
}

ScaledTensor OnnxNodes::merge(const Call& call, ScaledTensor a, ScaledTensor b) {
  const std::string& op = call.node.op_type;
  const std::string& name = call.node.label();
  if (a.shape != b.shape) {
    refuse(codes::kGraph,
           fmt::format("joins shapes ({}) and ({})", fmt::join(a.shape, ", "),
                       fmt::join(b.shape, ", ")),
           "give both the same shape");
  }
  if (op == "Div") refuse(codes::kLayer, "divides by a tensor", "divide by constants");
  network::Merge merge;
  if (op == "Mul") {
    merge.kind = network::Merge::Kind::multiply;
    for (ScaledTensor* const x : {&a, &b}) {
      if (x->axis || x->has_offset()) builder_.materialize(*x, name);
      builder_.settle(*x, name);
    }
    builder_.arrange(b, a.order, name);
    builder_.use_shape(b, builder_.type(a).shape, name);
    a.factor.front() *= b.factor.front();
  } else {
    const bool compares = op == "Max" || op == "Min";
    merge.kind = op == "Add"   ? network::Merge::Kind::add
                 : op == "Sub" ? network::Merge::Kind::subtract
                 : op == "Max" ? network::Merge::Kind::maximum
                               : network::Merge::Kind::minimum;
    if (compares && (a.offset != b.offset || a.axis != b.axis)) {
      builder_.materialize(a, name);
      builder_.materialize(b, name);
    }
    builder_.align(a, b, name);
    const bool falls = std::ranges::any_of(a.factor, [](const auto& f) { return f < 0; });
    if (compares && falls) {
      builder_.materialize(a, name);
      builder_.materialize(b, name);
      builder_.align(a, b, name);
    }
    for (std::size_t i = 0; i < a.offset.size() && !compares; ++i) {
      a.offset[i] += op == "Add" ? b.offset[i] : Rational(-b.offset[i]);
    }
  }
  a.layer = builder_.append(name, merge, {a.layer, b.layer});
  return a;
}

ScaledTensor OnnxNodes::batch_normalization(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  if (x.shape.size() < 2) refuse(codes::kGraph, "its input has no channels");
  const std::int64_t channels = x.shape[1];
  BatchNorm norm;
  std::vector<double>* const parts[] = {&norm.gamma, &norm.beta, &norm.mean, &norm.variance};
  const char* const names[] = {"scale", "bias", "mean", "variance"};
  for (std::size_t i = 0; i < 4; ++i) {
    const OnnxTensor& values = parameter(call.inputs, i + 1, names[i]);
    require_finite(values, names[i]);
    if (static_cast<std::int64_t>(values.values.size()) != channels) {
      refuse(codes::kWeights, fmt::format("its {} has {} numbers for {} channels", names[i],
                                          values.values.size(), channels));
    }
    count_parameters(call.summary, values);
    *parts[i] = values.values;
  }
  norm.epsilon = call.node.attribute<double>("epsilon", 1e-5);
  AxisValues scale{1, {}};
  AxisValues offset{1, {}};
  scale.values.clear();
  offset.values.clear();
  for (std::size_t c = 0; c < norm.channels(); ++c) {
    const double factor = norm.scale(c);
    const double shift = norm.offset(c);
    if (!std::isfinite(factor) || !std::isfinite(shift)) {
      refuse(codes::kWeights, fmt::format("its variance {} is not possible", norm.variance[c]));
    }
    scale.values.push_back(exact(factor));
    offset.values.push_back(exact(shift));
  }
  if (channels == 1) scale.axis = offset.axis = std::nullopt;
  round_parameters(call, "scale", scale.values);
  round_parameters(call, "bias", offset.values);
  builder_.multiply(x, scale, call.node.label());
  builder_.add(x, offset, call.node.label());
  return x;
}

// In a float model: numbers computed in float64 take more bits than a network has.
void OnnxNodes::round_parameters(const Call& call, const char* variable,
                                 std::vector<Rational>& numbers) {
  const OnnxNode& node = call.node;
  auto asked = precision_.of_layer(node.label(), node.op_type, variable);
  if (!asked && !quantized_model_) asked = precision_.of_model(variable);
  if (!asked || asked->is_auto) return;
  std::vector<double> before;
  for (Rational& number : numbers) {
    before.push_back(number.get_d());
    number = rounded(before.back(), asked->quantizer);
  }
  call.summary.quantizers.emplace_back(variable, asked->text);
  formats_.push_back(format_of_numbers(node.label(), node.op_type, variable, *asked, before));
}

ScaledTensor OnnxNodes::quantizer(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxQuantizer quantizer =
      read_onnx_quantizer(call.node, constants(call.inputs), x.shape.size());
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    if (tensor(call.inputs, i) != nullptr) {
      refuse(codes::kQuantizer, "its scale follows from data", "store the scale as a constant");
    }
  }
  call.summary.quantizers.emplace_back("activation", quantizer.text);
  if (quantizer.dropped_bits != 0) builder_.settle(x, call.node.label());
  builder_.quantize(x, quantizer, call.node.label());
  return x;
}

ScaledTensor OnnxNodes::dequantize(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const auto placed = [&](const OnnxTensor& numbers) {
    OnnxTensor result = numbers;
    if (result.values.size() > 1) {
      result.shape =
          along_axis(result, call.node.attribute<std::int64_t>("axis", 1), x.shape.size());
    }
    return axis_values(result, x.shape);
  };
  if (const OnnxTensor* const zero = constant(call.inputs, 2)) {
    AxisValues shift = placed(*zero);
    for (Rational& value : shift.values) value = -value;
    builder_.add(x, shift, call.node.label());
  }
  builder_.multiply(x, placed(parameter(call.inputs, 1, "scale")), call.node.label());
  return x;
}

std::optional<fixed::Quantizer> OnnxNodes::weight_precision(const Call& call,
                                                            const OnnxTensor& weights) {
  constexpr std::int64_t kMostOfTensor = std::int64_t{1} << 16;
  const OnnxNode& node = call.node;
  auto asked = precision_.of_layer(node.label(), node.op_type, "weight");
  if (!asked && !quantized_model_) asked = precision_.of_model("weight");
  if (!asked || asked->is_auto) return std::nullopt;
  const bool own = precision_.of_layer(node.label(), node.op_type, "weight").has_value();
  if (!own && common_grid(weights.values, kMostOfTensor)) return std::nullopt;
  call.summary.quantizers.emplace_back("kernel", asked->text);
  formats_.push_back(
      format_of_numbers(node.label(), node.op_type, "weight", *asked, weights.values));
  return asked->quantizer;
}

void OnnxNodes::dense(const Call& call, ScaledTensor& x, OnnxTensor weights, const OnnxTensor* bias,
                      std::string_view bias_label) {
  const OnnxNode& node = call.node;
  require_finite(weights, "a weight");
  count_parameters(call.summary, weights);
  DenseWeights dense;
  dense.inputs = weights.shape[0];
  dense.units = weights.shape[1];
  dense.precision = weight_precision(call, weights);
  dense.weights = std::move(weights.values);
  dense.bias.assign(static_cast<std::size_t>(dense.units), 0);
  if (bias != nullptr) {
    require_finite(*bias, "a bias");
    count_parameters(call.summary, *bias);
    Shape one_row{1, dense.units};
    const AxisValues values = axis_values(*bias, one_row);
    auto asked = precision_.of_layer(node.label(), node.op_type, "bias");
    if (!asked) asked = precision_.of_layer(bias_label, "Add", "bias");
    if (!asked && dense.precision) asked = precision_.of_model("bias");
    const bool rounds = asked && !asked->is_auto;
    for (std::size_t i = 0; i < dense.bias.size(); ++i) {
      dense.bias[i] = values.values.size() == 1 ? values.values.front() : values.values[i];
      if (rounds) dense.bias[i] = rounded(dense.bias[i].get_d(), asked->quantizer);
    }
    if (rounds) {
      call.summary.quantizers.emplace_back("bias", asked->text);
      formats_.push_back(
          format_of_numbers(node.label(), node.op_type, "bias", *asked, bias->values));
    }
  }
  builder_.dense(x, dense, node.label());
}

ScaledTensor OnnxNodes::matmul(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxTensor& weights = parameter(call.inputs, 1, "second factor");
  if (weights.shape.size() != 2 || x.shape.empty() || weights.shape[0] != x.shape.back() ||
      weights.values.empty()) {
    refuse(codes::kGraph,
           fmt::format("multiplies shape ({}) by ({})", fmt::join(x.shape, ", "),
                       fmt::join(weights.shape, ", ")),
           "the second factor is a constant matrix");
  }
  std::vector<std::size_t> natural(x.shape.size());
  std::iota(natural.begin(), natural.end(), std::size_t{0});
  builder_.arrange(x, natural, call.node.label());
  const Shape event(x.shape.begin() + (x.shape.size() > 1 ? 1 : 0), x.shape.end());
  builder_.use_shape(x, event, call.node.label());
  dense(call, x, weights, call.bias.values, call.bias.label);
  return x;
}

ScaledTensor OnnxNodes::gemm(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxNode& node = call.node;
  OnnxTensor weights = parameter(call.inputs, 1, "matrix");
  if (node.attribute<std::int64_t>("transA", 0) != 0) {
    refuse(codes::kLayer, "transposes its input", "use transA=0");
  }
  if (weights.shape.size() == 2 && node.attribute<std::int64_t>("transB", 0) != 0) {
    weights = transposed(weights, std::vector<std::int64_t>{1, 0});
  }
  if (weights.shape.size() != 2 || x.shape.size() != 2 || weights.shape[0] != x.shape[1] ||
      weights.values.empty()) {
    refuse(codes::kGraph, fmt::format("multiplies shape ({}) by ({})", fmt::join(x.shape, ", "),
                                      fmt::join(weights.shape, ", ")));
  }
  const double alpha = node.attribute<double>("alpha", 1.0);
  const double beta = node.attribute<double>("beta", 1.0);
  if (!std::isfinite(alpha) || !std::isfinite(beta)) refuse(codes::kNotFinite, "alpha or beta");
  if (alpha != 1.0) builder_.multiply(x, {std::nullopt, {exact(alpha)}}, node.label());
  std::optional<OnnxTensor> bias;
  if (node.has_input(2)) {
    bias = parameter(call.inputs, 2, "bias");
    for (double& value : bias->values) value *= beta;
  }
  builder_.arrange(x, {0, 1}, node.label());
  builder_.use_shape(x, {x.shape[1]}, node.label());
  dense(call, x, std::move(weights), bias ? &*bias : nullptr, node.label());
  return x;
}

ScaledTensor OnnxNodes::convolution(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxNode& node = call.node;
  const std::string& name = node.label();
  const OnnxTensor& kernel = parameter(call.inputs, 1, "kernel");
  const OnnxTensor* const bias = node.has_input(2) ? &parameter(call.inputs, 2, "bias") : nullptr;
  const ConvolutionShape shape = read_convolution(node, x.shape, kernel.shape);
  if (shape.pads() && x.has_offset()) builder_.materialize(x, name);
  builder_.settle(x, name);
  // A scale per input channel would have to enter the weights of every group.
  if (x.axis) builder_.materialize(x, name);
  if (shape.groups == 1) {
    const Shape slid = x.shape;
    slide_window(builder_, x, shape.window, network::WindowOrder::taps_channels, name);
    dense(call, x, shape.matrix(kernel, 0), bias, name);
    x.shape = slid;
  } else {
    convolve_groups(builder_, x, shape, name, [&](ScaledTensor& group, std::int64_t index) {
      std::optional<OnnxTensor> part;
      if (bias != nullptr) part = shape.part(*bias, index);
      dense(call, group, shape.matrix(kernel, index), part ? &*part : nullptr, name);
    });
  }
  channels_first(x, shape.window, shape.outputs);
  return x;
}

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
  average(x, window.taps(), name);
  return x;
}

// The layer holds sums of `count` elements; their offsets were not part of them.
void OnnxNodes::average(ScaledTensor& x, std::int64_t count, const std::string& name) {
  const std::vector<Rational> offset = x.offset;
  builder_.multiply(x, {std::nullopt, {Rational(1) / static_cast<long>(count)}}, name);
  x.offset = offset;
}

ScaledTensor OnnxNodes::global_average(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxNode& node = call.node;
  const std::string& name = node.label();
  if (x.shape.size() < 3) refuse(codes::kGraph, "its input has no spatial axes");
  bool keeps = true;
  if (node.op_type == "ReduceMean") {
    const auto axes = list_argument(node, "axes", constants(call.inputs), 1);
    std::vector<std::size_t> over;
    for (const std::int64_t axis : axes.value_or(std::vector<std::int64_t>())) {
      over.push_back(checked_axis(axis, x.shape.size()));
    }
    std::ranges::sort(over);
    std::vector<std::size_t> spatial(x.shape.size() - 2);
    std::iota(spatial.begin(), spatial.end(), std::size_t{2});
    if (over != spatial) refuse(codes::kLayer, "averages over other axes than all spatial ones");
    keeps = node.attribute<std::int64_t>("keepdims", 1) != 0;
  }
  builder_.settle(x, name);
  std::vector<network::WindowAxis> window;
  std::int64_t taps = 1;
  for (std::size_t i = 2; i < x.shape.size(); ++i) {
    window.push_back({.size = x.shape[i]});
    taps *= x.shape[i];
  }
  const std::int64_t channels = x.shape[1];
  slide_window(builder_, x, window, network::WindowOrder::channels_taps, name);
  x.layer = builder_.append(name, network::Reduce{network::Reduce::Kind::sum}, {x.layer});
  channels_first(x, window, channels);
  average(x, taps, name);
  if (!keeps) builder_.reshape(x, {x.shape[0], channels}, name);
  return x;
}

}  // namespace sluice::frontend
