#include "sluice/frontend/onnx_input.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/frontend/element_quantizers.hpp"
#include "sluice/frontend/onnx_quantizer.hpp"
#include "sluice/frontend/rational.hpp"
#include "sluice/frontend/scaled_builder.hpp"

namespace sluice::frontend {

namespace {

constexpr int kMostBits = 48;
constexpr std::size_t kMostValues = 256;

// A value that is the input times slope plus offset.
struct Line {
  std::string value;
  Rational slope = 1;
  Rational offset = 0;
};

std::optional<Rational> only(const OnnxTensor* tensor) {
  if (tensor == nullptr || tensor->values.empty() || !std::isfinite(tensor->values.front()) ||
      std::ranges::any_of(tensor->values,
                          [&](double value) { return value != tensor->values.front(); })) {
    return std::nullopt;
  }
  return exact(tensor->values.front());
}

// The line after a node that moves elements or calculates with one constant.
std::optional<Line> after(const OnnxNode& node, Line line, const OnnxGraphView& graph) {
  static constexpr std::array kMoves{"Identity", "Dropout",   "Reshape",  "Flatten",
                                     "Squeeze",  "Transpose", "Unsqueeze"};
  const std::string before = line.value;
  line.value = node.outputs.front();
  if (std::ranges::find(kMoves, node.op_type) != kMoves.end()) return line;
  if (node.inputs.size() != 2) return std::nullopt;
  const bool is_first = node.inputs[0] == before;
  const auto constant = only(graph.constant(node.inputs[is_first ? 1 : 0]));
  if (!constant) return std::nullopt;
  if (node.op_type == "Mul") {
    line.slope *= *constant;
    line.offset *= *constant;
  } else if (node.op_type == "Div" && is_first && *constant != 0) {
    line.slope /= *constant;
    line.offset /= *constant;
  } else if (node.op_type == "Add") {
    line.offset += *constant;
  } else if (node.op_type == "Sub" && is_first) {
    line.offset -= *constant;
  } else {
    return std::nullopt;
  }
  return line;
}

// Rounding downwards keeps the comparison with every threshold that is on the grid.
std::optional<fixed::Quantizer> of_thresholds(const Rational& slope, const Rational& offset,
                                              const OnnxQuantizer& quantizer) {
  if (slope <= 0 || quantizer.min >= quantizer.max) return std::nullopt;
  const Rational first = (static_cast<long>(quantizer.min) + 1 - offset) / slope;
  const Rational last = (static_cast<long>(quantizer.max) - offset) / slope;
  int frac_bits = -kMostBits;
  for (const Rational& value : {first, Rational(1 / slope)}) {
    const auto parts = dyadic(value);
    if (!parts) return std::nullopt;
    if (parts->mantissa != 0) frac_bits = std::max(frac_bits, parts->frac_bits);
  }
  if (frac_bits > kMostBits) return std::nullopt;
  const mpz_class unit = mpz_class(1) << static_cast<unsigned>(std::abs(frac_bits));
  const Rational scale = frac_bits >= 0 ? Rational(unit) : Rational(mpz_class(1), unit);
  const mpz_class low = mpz_class(first * scale) - 1;
  const mpz_class high = mpz_class(last * scale);
  if (mpz_sizeinbase(low.get_mpz_t(), 2) > kMostBits ||
      mpz_sizeinbase(high.get_mpz_t(), 2) > kMostBits) {
    return std::nullopt;
  }
  return fixed::Quantizer{fixed::format_of({low.get_si(), high.get_si()}, frac_bits),
                          fixed::Rounding::trn, fixed::Overflow::sat};
}

std::optional<fixed::Quantizer> of_quantizer(const Line& line, const OnnxNode& node,
                                             const OnnxGraphView& graph) {
  std::vector<const OnnxTensor*> parameters;
  for (const std::string& input : node.inputs) parameters.push_back(graph.constant(input));
  const OnnxQuantizer quantizer = read_onnx_quantizer(node, parameters, 2);
  const auto scale = only(&quantizer.scale);
  if (!scale || quantizer.dropped_bits != 0) return std::nullopt;
  const Rational slope = line.slope / *scale;
  const Rational offset = line.offset / *scale + exact(quantizer.before);
  if (quantizer.rounding == fixed::IntegerRounding::floor)
    return of_thresholds(slope, offset, quantizer);
  const auto exponent = log2_exact(slope);
  auto result = bounded_quantizer({quantizer.min, quantizer.max});
  if (!exponent || offset != 0 || !result ||
      quantizer.rounding != fixed::IntegerRounding::half_even) {
    return std::nullopt;
  }
  result->rounding = fixed::Rounding::rnd_conv;
  result->format.frac_bits = *exponent;
  return result;
}

// A value with the input's elements, or functions of one each.
struct Axes {
  std::string value;
  std::vector<std::size_t> of_input;  // axis i of the value is this one of the input
};

bool slides(const OnnxNode& node) {
  static constexpr std::array kWindows{"Conv", "ConvTranspose", "MaxPool", "AveragePool"};
  return std::ranges::find(kWindows, node.op_type) != kWindows.end();
}

// The axes after a node that leaves them as they are, or transposes them. No harm where another one
// changes them: the order is worth less then.
std::optional<Axes> after(const OnnxNode& node, const Axes& axes) {
  static constexpr std::array kChanges{"Reshape", "Flatten", "Squeeze", "Unsqueeze",
                                       "MatMul",  "Gemm",    "Shape"};
  if (std::ranges::find(kChanges, node.op_type) != kChanges.end()) return std::nullopt;
  Axes next{node.outputs.front(), axes.of_input};
  if (node.op_type != "Transpose") return next;
  std::vector<std::int64_t> axis(axes.of_input.size());
  std::iota(axis.rbegin(), axis.rend(), 0);
  axis = node.attribute("perm", axis);
  if (axis.size() != axes.of_input.size()) return std::nullopt;
  for (std::size_t i = 0; i < axis.size(); ++i) {
    if (axis[i] < 0 || axis[i] >= std::ssize(axis)) return std::nullopt;
    next.of_input[i] = axes.of_input[static_cast<std::size_t>(axis[i])];
  }
  if (!std::ranges::is_permutation(next.of_input, axes.of_input)) return std::nullopt;
  return next;
}

}  // namespace

std::optional<std::vector<std::size_t>> windowed_order(const std::string& input, std::size_t rank,
                                                       const OnnxGraphView& graph) {
  if (rank < 3) return std::nullopt;
  std::vector<Axes> front{{input, std::vector<std::size_t>(rank)}};
  std::iota(front[0].of_input.begin(), front[0].of_input.end(), std::size_t{0});
  for (std::size_t i = 0; i < front.size() && front.size() <= kMostValues; ++i) {
    const Axes axes = front[i];
    for (const OnnxNode* const user : graph.users(axes.value)) {
      if (slides(*user) && user->inputs.front() == axes.value) {
        std::vector<std::size_t> order = axes.of_input;
        std::rotate(order.begin() + 1, order.begin() + 2, order.end());
        return order;
      }
      if (auto next = after(*user, axes)) front.push_back(*std::move(next));
    }
  }
  return std::nullopt;
}

std::optional<fixed::Quantizer> first_quantizer(const std::string& input,
                                                const OnnxGraphView& graph) {
  std::vector<fixed::Quantizer> found;
  std::vector<Line> front{{input}};
  for (std::size_t i = 0; i < front.size(); ++i) {
    const Line line = front[i];
    if (graph.is_output(line.value) || front.size() > kMostValues) return std::nullopt;
    for (const OnnxNode* const user : graph.users(line.value)) {
      if (user->op_type == "Shape") continue;
      if (is_onnx_quantizer(*user) && user->inputs.front() == line.value) {
        try {
          const auto quantizer = of_quantizer(line, *user, graph);
          if (!quantizer) return std::nullopt;
          found.push_back(*quantizer);
        } catch (const ModelError&) {
          return std::nullopt;  // reported where the node is built
        }
      } else if (auto next = after(*user, line, graph)) {
        front.push_back(*std::move(next));
      } else {
        return std::nullopt;
      }
    }
  }
  return covering_quantizer(found);
}

}  // namespace sluice::frontend
