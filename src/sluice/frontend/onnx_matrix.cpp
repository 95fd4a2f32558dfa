#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/onnx_constants.hpp"
#include "sluice/frontend/onnx_nodes.hpp"
#include "sluice/frontend/onnx_operands.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/frontend/scaled_numbers.hpp"

namespace sluice::frontend {

using network::Shape;

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

void OnnxNodes::use_rows(ScaledTensor& x, const std::string& name) {
  if (x.axis && *x.axis + 1 != x.shape.size()) builder_.materialize(x, name);
  std::vector<std::size_t> natural(x.shape.size());
  std::iota(natural.begin(), natural.end(), std::size_t{0});
  builder_.arrange(x, natural, name);
  builder_.use_shape(x, {x.shape.begin() + (has_batch(x.shape) ? 1 : 0), x.shape.end()}, name);
}

namespace {

[[noreturn]] void refuse_product(const Shape& a, const Shape& b, const char* hint) {
  refuse(codes::kGraph,
         fmt::format("multiplies shape ({}) by ({})", fmt::join(a, ", "), fmt::join(b, ", ")),
         hint);
}

/// The order that exchanges the last two of `rank` axes.
std::vector<std::int64_t> exchanged(std::size_t rank) {
  std::vector<std::int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), std::int64_t{0});
  std::swap(axes[rank - 2], axes[rank - 1]);
  return axes;
}

// Rows and columns change places. A product along the batch would add up events.
void transpose_rows(ScaledTensor& x) {
  if (x.shape[x.shape.size() - 2] == 1 && x.shape.size() == 2) {
    refuse(codes::kLayer, "its transposed operand adds up the events of a batch",
           "leave the batch in front: transA=0 for the first operand, transB=1 for the second");
  }
  ScaledBuilder::transpose(x, exchanged(x.shape.size()));
}

}  // namespace

// A constant in front is the transposed matrix behind: c x = (x' c')'.
ScaledTensor OnnxNodes::matmul(const Call& call) {
  const bool is_in_front = constant(call.inputs, 0) != nullptr;
  ScaledTensor x = operand(call.inputs, is_in_front ? 1 : 0);
  OnnxTensor weights = parameter(call.inputs, is_in_front ? 0 : 1, "other factor");
  const Shape shape = weights.shape;
  const bool fits =
      shape.size() == 2 && !weights.values.empty() && x.shape.size() >= (is_in_front ? 2 : 1) &&
      (is_in_front ? shape[1] == x.shape[x.shape.size() - 2] : shape[0] == x.shape.back());
  if (!fits) {
    refuse_product(is_in_front ? shape : x.shape, is_in_front ? x.shape : shape,
                   "one factor is a constant matrix");
  }
  if (is_in_front) {
    transpose_rows(x);
    weights = transposed(weights, std::vector<std::int64_t>{1, 0});
  }
  use_rows(x, call.node.label());
  dense(call, x, std::move(weights), call.bias.values, call.bias.label);
  if (is_in_front) ScaledBuilder::transpose(x, exchanged(x.shape.size()));
  return x;
}

ScaledTensor OnnxNodes::gemm(const Call& call) {
  const OnnxNode& node = call.node;
  const bool is_in_front = constant(call.inputs, 0) != nullptr;
  ScaledTensor x = operand(call.inputs, is_in_front ? 1 : 0);
  OnnxTensor weights = parameter(call.inputs, is_in_front ? 0 : 1, "matrix");
  if (weights.shape.size() != 2 || x.shape.size() != 2 || weights.values.empty()) {
    refuse_product(x.shape, weights.shape, "both are matrices");
  }
  const auto is_transposed = [&](const char* attribute) {
    return (node.attribute<std::int64_t>(attribute, 0) != 0) != is_in_front;
  };
  if (is_transposed(is_in_front ? "transB" : "transA")) transpose_rows(x);
  if (is_transposed(is_in_front ? "transA" : "transB")) {
    weights = transposed(weights, std::vector<std::int64_t>{1, 0});
  }
  if (weights.shape[0] != x.shape[1]) refuse_product(x.shape, weights.shape, "");
  const double alpha = node.attribute<double>("alpha", 1.0);
  const double beta = node.attribute<double>("beta", 1.0);
  if (!std::isfinite(alpha) || !std::isfinite(beta)) refuse(codes::kNotFinite, "alpha or beta");
  if (alpha != 1.0) builder_.multiply(x, {std::nullopt, {exact(alpha)}}, node.label());
  std::optional<OnnxTensor> bias;
  if (node.has_input(2)) {
    bias = parameter(call.inputs, 2, "bias");
    for (double& value : bias->values) value *= beta;
    if (is_in_front) {
      while (bias->shape.size() < 2) bias->shape.insert(bias->shape.begin(), 1);
      bias = transposed(*bias, std::vector<std::int64_t>{1, 0});
    }
  }
  use_rows(x, node.label());
  dense(call, x, std::move(weights), bias ? &*bias : nullptr, node.label());
  if (is_in_front) ScaledBuilder::transpose(x, exchanged(x.shape.size()));
  return x;
}

}  // namespace sluice::frontend
