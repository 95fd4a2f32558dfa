#include "sluice/frontend/onnx_nodes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <utility>

#include "sluice/frontend/batch_norm.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/onnx_constants.hpp"
#include "sluice/frontend/onnx_operands.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/frontend/scaled_numbers.hpp"
#include "sluice/network/movement.hpp"

namespace sluice::frontend {

using network::Shape;

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
      {"Slice", &OnnxNodes::slice},
      {"Gather", &OnnxNodes::gather},
      {"Resize", &OnnxNodes::resize},
      {"Upsample", &OnnxNodes::resize},
      {"Expand", &OnnxNodes::expand},
      {"Tile", &OnnxNodes::expand},
      {"Relu", &OnnxNodes::relu},
      {"LeakyRelu", &OnnxNodes::leaky_relu},
      {"PRelu", &OnnxNodes::leaky_relu},
      {"Abs", &OnnxNodes::absolute},
      {"HardSigmoid", &OnnxNodes::hard_sigmoid},
      {"Sigmoid", &OnnxNodes::unary},
      {"Tanh", &OnnxNodes::unary},
      {"Elu", &OnnxNodes::unary},
      {"Selu", &OnnxNodes::unary},
      {"Softplus", &OnnxNodes::unary},
      {"Softsign", &OnnxNodes::unary},
      {"Exp", &OnnxNodes::unary},
      {"HardSwish", &OnnxNodes::unary},
      {"Gelu", &OnnxNodes::unary},
      {"Round", &OnnxNodes::round},
      {"Floor", &OnnxNodes::round},
      {"Ceil", &OnnxNodes::round},
      {"Sum", &OnnxNodes::arithmetic},
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
      {"ConvTranspose", &OnnxNodes::transposed_convolution},
      {"GlobalAveragePool", &OnnxNodes::global_pool},
      {"GlobalMaxPool", &OnnxNodes::global_pool},
      {"ReduceMean", &OnnxNodes::reduce},
      {"ReduceSum", &OnnxNodes::reduce},
      {"ReduceMax", &OnnxNodes::reduce},
      {"ReduceMin", &OnnxNodes::reduce},
      {"Pad", &OnnxNodes::pad},
      {"Concat", &OnnxNodes::concatenate},
      {"Softmax", &OnnxNodes::softmax},
  };
  return kMembers;
}

namespace {

bool is_threshold(const OnnxNode& node) {
  return node.op_type == "MultiThreshold" && !node.domain.empty();
}

// What may take a tensor whose function waits for its quantiser.
bool leaves_values(const OnnxNode& node) {
  static const std::set<std::string_view> kMoves{
      "Identity", "Dropout", "Cast",   "Reshape", "Flatten",  "Squeeze", "Unsqueeze", "Transpose",
      "Slice",    "Split",   "Gather", "Resize",  "Upsample", "Expand",  "Tile"};
  return is_onnx_quantizer(node) || kMoves.contains(node.op_type);
}

}  // namespace

bool OnnxNodes::is_supported(const OnnxNode& node) {
  return is_onnx_quantizer(node) || is_threshold(node) ||
         (node.domain.empty() && (members().contains(node.op_type) || node.op_type == "Split"));
}

void OnnxNodes::require_values(const ScaledTensor& x) {
  if (x.function == nullptr) return;
  refuse(codes::kActivation, fmt::format("{} has no exact result in fixed point", x.function->name),
         "put a Quant right behind it, or give its result a format in the configuration");
}

std::vector<ScaledTensor> OnnxNodes::build(const OnnxNode& node, OnnxOperands inputs,
                                           const Bias& bias, LayerSummary& summary) {
  const Call call{node, inputs, bias, summary};
  if (node.op_type == "Mul" && inputs.size() == 2) {
    const ScaledTensor* const a = tensor(inputs, 0);
    const ScaledTensor* const b = tensor(inputs, 1);
    if (a != nullptr && b != nullptr) {
      for (const auto& product : {swish(*a, *b), swish(*b, *a)}) {
        if (product) return {*product};
      }
    }
  }
  if (!leaves_values(node)) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (const ScaledTensor* const x = tensor(inputs, i)) require_values(*x);
    }
  }
  if (is_onnx_quantizer(node)) return {quantizer(call)};
  if (is_threshold(node)) return {multi_threshold(call)};
  if (node.op_type == "Split") return split(call);
  return {std::invoke(members().at(node.op_type), this, call)};
}

// x * sigmoid(x), as PyTorch writes SiLU.
std::optional<ScaledTensor> OnnxNodes::swish(const ScaledTensor& x, const ScaledTensor& gate) {
  if (x.function != nullptr || gate.function == nullptr || gate.function->name != "sigmoid" ||
      x.layer != gate.layer || x.shape != gate.shape || x.order != gate.order ||
      x.factor != gate.factor || x.offset != gate.offset || x.lower != gate.lower ||
      x.upper != gate.upper) {
    return std::nullopt;
  }
  ScaledTensor result = x;
  result.function = std::make_shared<const UnaryFunction>(*unary_function("swish"));
  return result;
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

ScaledTensor OnnxNodes::arithmetic(const Call& call) {
  const std::string& op = call.node.op_type;
  const bool any_number = op == "Max" || op == "Min" || op == "Sum";
  if (call.inputs.empty() || (!any_number && call.inputs.size() != 2)) {
    refuse(codes::kGraph, fmt::format("has {} inputs, expected 2", call.inputs.size()));
  }
  if (!any_number && constant(call.inputs, 0) != nullptr) {
    return with_constant(call, operand(call.inputs, 1), *constant(call.inputs, 0), true);
  }
  // What depends on the input comes first; the order of a sum or a maximum does not matter.
  std::size_t first = 0;
  while (first + 1 < call.inputs.size() && tensor(call.inputs, first) == nullptr) ++first;
  ScaledTensor x = operand(call.inputs, first);
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (i != first) x = pairwise(call, i, std::move(x));
  }
  return x;
}

ScaledTensor OnnxNodes::pairwise(const Call& call, std::size_t i, ScaledTensor x) {
  if (const OnnxTensor* const other = constant(call.inputs, i)) {
    return with_constant(call, std::move(x), *other, false);
  }
  return merge(call, std::move(x), operand(call.inputs, i));
}

ScaledTensor OnnxNodes::with_constant(const Call& call, ScaledTensor x, const OnnxTensor& constant,
                                      bool constant_first) {
  const std::string& op = call.node.op_type;
  const std::string& name = call.node.label();
  count_parameters(call.summary, constant);
  const auto common = network::broadcast_shape(x.shape, constant.shape);
  if (common && *common != x.shape && common->size() == x.shape.size()) {
    broadcast(x, *common, name);
  }
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
  const auto common = network::broadcast_shape(a.shape, b.shape);
  if (!common) {
    refuse(codes::kGraph, fmt::format("joins shapes ({}) and ({})", fmt::join(a.shape, ", "),
                                      fmt::join(b.shape, ", ")));
  }
  broadcast(a, *common, name);
  broadcast(b, *common, name);
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
    const bool adds = op == "Add" || op == "Sum";
    merge.kind = adds          ? network::Merge::Kind::add
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
      a.offset[i] += adds ? b.offset[i] : Rational(-b.offset[i]);
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

ScaledTensor OnnxNodes::convolution(const Call& call) {
  const ScaledTensor& x = operand(call.inputs);
  const OnnxTensor& kernel = parameter(call.inputs, 1, "kernel");
  return convolve(call, x, read_convolution(call.node, x.shape, kernel.shape), kernel);
}

// A convolution with stride 1 over a tensor with zeros between its elements.
ScaledTensor OnnxNodes::transposed_convolution(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const OnnxTensor& kernel = parameter(call.inputs, 1, "kernel");
  const std::string& name = call.node.label();
  const TransposedShape shape = read_transposed_convolution(call.node, x.shape, kernel.shape);
  builder_.settle(x, name);
  if (x.has_offset() || x.axis) builder_.materialize(x, name);
  spread(builder_, x, shape.strides, name);
  return convolve(call, std::move(x), shape.convolution, shape.turned(kernel));
}

ScaledTensor OnnxNodes::convolve(const Call& call, ScaledTensor x, const ConvolutionShape& shape,
                                 const OnnxTensor& kernel) {
  const OnnxNode& node = call.node;
  const std::string& name = node.label();
  const OnnxTensor* const bias = node.has_input(2) ? &parameter(call.inputs, 2, "bias") : nullptr;
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

}  // namespace sluice::frontend
