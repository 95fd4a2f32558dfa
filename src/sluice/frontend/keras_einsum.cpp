#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"

namespace sluice::frontend {

namespace {

using network::Shape;

/// "abc,cd->abd" without the batch; axes of an ellipsis are the digits '0', '1', ...
struct Equation {
  std::string operand, kernel, result;
  bool has_ellipsis = false;  ///< in front of operand and result: "...c,cd->...d"
};

bool has(std::string_view labels, char label) {
  return labels.find(label) != std::string_view::npos;
}

[[noreturn]] void refuse_equation(std::string_view text, std::string_view why) {
  refuse(codes::kLayer, fmt::format("equation `{}` {}", shortened(text), why),
         "use one that multiplies matrices along axes of the operand, such as \"abc,cd->abd\"");
}

Equation parse_equation(std::string text) {
  const std::string whole = text;
  std::erase(text, ' ');
  const std::size_t comma = text.find(',');
  const std::size_t arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || arrow < comma) {
    refuse_equation(whole, "is not of the form \"operand,kernel->result\"");
  }
  Equation equation{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1),
                    text.substr(arrow + 2)};
  constexpr std::string_view kDots = "...";
  equation.has_ellipsis = equation.operand.starts_with(kDots);
  if (equation.has_ellipsis != equation.result.starts_with(kDots)) {
    refuse_equation(whole, "has an ellipsis on one side only");
  }
  const std::size_t batch = equation.has_ellipsis ? kDots.size() : 1;
  if (equation.operand.empty() || equation.result.empty() ||
      equation.operand.front() != equation.result.front()) {
    refuse_equation(whole, "does not keep the batch as the first axis");
  }
  const char batch_label = equation.operand.front();
  equation.operand.erase(0, batch);
  equation.result.erase(0, batch);
  for (const std::string& labels : {equation.operand, equation.kernel, equation.result}) {
    const bool letters = std::ranges::all_of(
        labels, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
    if (!letters || std::set<char>(labels.begin(), labels.end()).size() != labels.size() ||
        (!equation.has_ellipsis && has(labels, batch_label))) {
      refuse_equation(whole, "is not supported");
    }
  }
  for (const char label : equation.operand + equation.kernel + equation.result) {
    const int uses = static_cast<int>(has(equation.operand, label)) +
                     static_cast<int>(has(equation.kernel, label)) +
                     static_cast<int>(has(equation.result, label));
    if (uses < 2) refuse_equation(whole, fmt::format("uses `{}` once only", label));
  }
  return equation;
}

/// The equation as a matrix product per index of the axes that operand, kernel and result share.
class Product {
 public:
  Product(Equation equation, const Shape& kernel) : equation_(std::move(equation)) {
    for (std::size_t i = 0; i < kernel.size(); ++i) extents_[equation_.kernel[i]] = kernel[i];
    for (const char label : equation_.result) {
      if (!has(equation_.kernel, label)) continue;
      (has(equation_.operand, label) ? shared_ : units_) += label;
    }
    for (const char label : equation_.kernel) {
      if (!has(equation_.result, label)) summed_ += label;
    }
  }

  std::int64_t inputs() const { return count(shared_) * count(summed_); }
  std::int64_t units() const { return count(shared_) * count(units_); }

  /// Weights [inputs][units]: one block for each index of the shared axes, zeros between them.
  std::vector<std::int64_t> matrix(const std::vector<std::int64_t>& kernel) const {
    check_elements({inputs(), units()});
    std::vector<std::int64_t> result(static_cast<std::size_t>(inputs() * units()));
    for_each_index(equation_.kernel, [&](std::size_t element, const Index& at) {
      const std::int64_t row = position(shared_ + summed_, at);
      const std::int64_t column = position(shared_ + units_, at);
      result[static_cast<std::size_t>(row * units() + column)] = kernel[element];
    });
    return result;
  }

  /// The bias of each unit; `shape` is that of the last axes of the result, 1 where it does not
  /// vary.
  std::vector<std::int64_t> unit_bias(const std::vector<std::int64_t>& bias,
                                      const Shape& shape) const {
    std::string labels;
    const std::string& result = equation_.result;
    if (shape.size() > result.size()) refuse_bias(shape);
    labels = result.substr(result.size() - shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 1) continue;
      const auto known = extents_.find(labels[i]);
      if (known == extents_.end() || known->second != shape[i]) refuse_bias(shape);
    }
    std::vector<std::int64_t> per_unit(static_cast<std::size_t>(units()));
    for_each_index(shared_ + units_, [&](std::size_t unit, const Index& at) {
      std::int64_t from = 0;
      for (std::size_t i = 0; i < shape.size(); ++i) {
        from = from * shape[i] + (shape[i] == 1 ? 0 : at.at(labels[i]));
      }
      per_unit[unit] = bias[static_cast<std::size_t>(from)];
    });
    return per_unit;
  }

  /// The operand with its free axes first; then, in one axis, the shared and the summed ones.
  Shape operand_order(const Shape& operand) const {
    const std::string labels = operand_labels(operand);
    return axes_of(labels, free_of(labels) + shared_ + summed_);
  }
  Shape rows(const Shape& operand) const {
    Shape shape = extents(free_of(operand_labels(operand)), operand);
    shape.push_back(inputs());
    return shape;
  }
  /// From [free..., units] to the order of the result, in two steps.
  Shape unfolded(const Shape& operand) const {
    return extents(free_of(operand_labels(operand)) + shared_ + units_, operand);
  }
  Shape result_order(const Shape& operand) const {
    const std::string labels = operand_labels(operand);
    return axes_of(free_of(labels) + shared_ + units_, leading(labels) + equation_.result);
  }

 private:
  using Index = std::map<char, std::int64_t>;

  [[noreturn]] void refuse_bias(const Shape& shape) const {
    refuse(codes::kLayer,
           fmt::format("its bias of shape ({}) varies along axes of the operand",
                       fmt::join(shape, ", ")),
           "use bias_axes of the kernel only");
  }

  std::int64_t count(std::string_view labels) const {
    std::int64_t result = 1;
    for (const char label : labels) result *= extents_.at(label);
    return result;
  }

  template <class Action>
  void for_each_index(std::string_view labels, Action action) const {
    const std::int64_t total = count(labels);
    for (std::int64_t element = 0; element < total; ++element) {
      Index at;
      std::int64_t rest = element;
      for (std::size_t i = labels.size(); i-- > 0;) {
        at[labels[i]] = rest % extents_.at(labels[i]);
        rest /= extents_.at(labels[i]);
      }
      action(static_cast<std::size_t>(element), at);
    }
  }

  std::int64_t position(std::string_view labels, const Index& at) const {
    std::int64_t result = 0;
    for (const char label : labels) result = result * extents_.at(label) + at.at(label);
    return result;
  }

  static std::string leading(std::string_view labels) {
    std::string digits;
    for (const char label : labels) {
      if (label <= '9') digits += label;
    }
    return digits;
  }

  std::string operand_labels(const Shape& operand) const {
    constexpr std::size_t kMostLeading = 8;
    const std::size_t named = equation_.operand.size();
    const std::size_t extra = operand.size() - std::min(named, operand.size());
    if (operand.size() < named || extra > (equation_.has_ellipsis ? kMostLeading : 0)) {
      refuse_operand(operand);
    }
    std::string labels;
    for (std::size_t i = 0; i < extra; ++i) labels += static_cast<char>('0' + i);
    labels += equation_.operand;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto known = extents_.find(labels[i]);
      if (known != extents_.end() && known->second != operand[i]) refuse_operand(operand);
    }
    return labels;
  }

  [[noreturn]] void refuse_operand(const Shape& operand) const {
    refuse(codes::kGraph, fmt::format("its operand has shape ({}), which does not fit the equation",
                                      fmt::join(operand, ", ")));
  }

  std::string free_of(std::string_view labels) const {
    std::string free;
    for (const char label : labels) {
      if (!has(equation_.kernel, label)) free += label;
    }
    return free;
  }

  static Shape axes_of(std::string_view from, std::string_view to) {
    Shape axes;
    for (const char label : to) axes.push_back(static_cast<std::int64_t>(from.find(label)));
    return axes;
  }

  Shape extents(std::string_view labels, const Shape& operand) const {
    const std::string own = operand_labels(operand);
    Shape shape;
    for (const char label : labels) {
      const auto known = extents_.find(label);
      shape.push_back(known != extents_.end() ? known->second : operand[own.find(label)]);
    }
    return shape;
  }

  Equation equation_;
  std::map<char, std::int64_t> extents_;  // of the kernel's axes
  std::string shared_, summed_, units_;
};

ResolvedOp permuted(const Shape& shape, const Shape& axes) {
  if (std::ranges::is_sorted(axes)) return network::LayerOp(network::Reshape{shape});
  return network::LayerOp(network::permute(shape, axes));
}

}  // namespace

void plan_einsum_dense(LayerBuilder& layer) {
  const Equation equation = parse_equation(layer.text_setting("equation", ""));
  const RealTensor& kernel = layer.finite_weight("kernel");
  if (kernel.shape.size() != equation.kernel.size() || kernel.values.empty()) {
    LayerBuilder::refuse_shape("kernel", kernel, Shape(equation.kernel.size(), -1));
  }
  const Product product(equation, kernel.shape);
  network::Dense dense{.inputs = product.inputs(), .units = product.units()};
  layer.attempt([&] {
    QuantizedTensor weights = layer.kernel(kernel);
    layer.count(weights);
    dense.weights = product.matrix(weights.mantissas);
    dense.weight_frac_bits = weights.frac_bits;
  });
  dense.bias.resize(static_cast<std::size_t>(dense.units));
  if (!layer.setting("bias_axes").is_null()) {
    layer.attempt([&] {
      const RealTensor& bias = layer.finite_weight("bias");
      QuantizedTensor offsets = layer.bias(bias);
      layer.count(offsets);
      dense.bias = product.unit_bias(offsets.mantissas, bias.shape);
      dense.bias_frac_bits = offsets.frac_bits;
    });
  }
  layer.add_movement("order", [product](const OpContext& at) -> ResolvedOp {
    return permuted(at.operand.shape, product.operand_order(at.operand.shape));
  });
  layer.add_movement("rows", [product](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(network::Reshape{product.rows(at.layer_operand.shape)});
  });
  layer.add("dense", network::LayerOp(std::move(dense))).accumulator = layer.accumulator();
  layer.add_result(layer.layer().name, layer.layer().class_name, "result");
  layer.add_movement("axes", [product](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(network::Reshape{product.unfolded(at.layer_operand.shape)});
  });
  layer.add_movement("result_order", [product](const OpContext& at) -> ResolvedOp {
    return permuted(at.operand.shape, product.result_order(at.layer_operand.shape));
  });
  plan_inner_activation(layer);
}

}  // namespace sluice::frontend
