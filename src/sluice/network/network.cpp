#include "sluice/network/network.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sluice/base/error.hpp"

namespace sluice::network {

namespace {

using fixed::Interval;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

[[noreturn]] void refuse(const std::string& layer, std::string message, std::string hint = {}) {
  throw ModelError("E-NETWORK-001", layer, std::move(message), std::move(hint));
}

TensorType make_type(Shape shape, std::vector<Interval> ranges, int frac_bits) {
  Interval all = ranges.front();
  for (const Interval& range : ranges) all = hull(all, range);
  const fixed::Format format = fixed::format_of(all, frac_bits);
  fixed::check_format(format, "result");
  return {std::move(shape), format, std::move(ranges)};
}

void check_shape(const std::string& layer, const Shape& shape) {
  constexpr std::int64_t kMostElements = std::int64_t{1} << 28;
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 1 || extent > kMostElements || (count *= extent) > kMostElements) {
      refuse(layer, fmt::format("shape ({}) is not possible", fmt::join(shape, ", ")));
    }
  }
}

class TypeInference {
 public:
  TypeInference(const std::string& layer, std::vector<const TensorType*> operands)
      : layer_(layer), operands_(std::move(operands)) {}

  TensorType operator()(const Input& input) const {
    expect_operands(0);
    check_shape(layer_, input.shape);
    fixed::check_format(input.quantizer.format, layer_);
    std::vector<Interval> ranges(static_cast<std::size_t>(element_count(input.shape)),
                                 representable(input.quantizer));
    return {input.shape, input.quantizer.format, std::move(ranges)};
  }

  TensorType operator()(const Dense& dense) const {
    const TensorType& x = only_operand();
    if (x.shape.empty() || x.shape.back() != dense.inputs || dense.inputs < 1 || dense.units < 1) {
      refuse(layer_, fmt::format("expects {} inputs, but its operand has shape ({})", dense.inputs,
                                 fmt::join(x.shape, ", ")));
    }
    check_count("weights", dense.weights.size(), dense.inputs * dense.units);
    check_count("bias", dense.bias.size(), dense.units);
    const int product_frac_bits = x.format.frac_bits + dense.weight_frac_bits;
    const int frac_bits = std::max(product_frac_bits, dense.bias_frac_bits);
    const auto units = static_cast<std::size_t>(dense.units);
    const auto inputs = static_cast<std::size_t>(dense.inputs);
    const std::size_t rows = x.ranges.size() / inputs;
    std::vector<Interval> ranges(rows * units);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t unit = 0; unit < units; ++unit) {
        Interval sum{0, 0};
        for (std::size_t i = 0; i < inputs; ++i) {
          const std::int64_t weight = dense.weights[i * units + unit];
          if (weight != 0) sum = sum + x.ranges[row * inputs + i] * weight;
        }
        const std::int64_t bias =
            fixed::shift_left(dense.bias[unit], frac_bits - dense.bias_frac_bits);
        ranges[row * units + unit] =
            fixed::shift_left(sum, frac_bits - product_frac_bits) + Interval{bias, bias};
      }
    }
    Shape shape = x.shape;
    shape.back() = dense.units;
    return make_type(std::move(shape), std::move(ranges), frac_bits);
  }

  TensorType operator()(const Affine& affine) const {
    const TensorType& x = only_operand();
    const std::int64_t channels = x.shape.empty() ? 1 : x.shape.back();
    check_count("scale", affine.scale.size(), channels);
    check_count("offset", affine.offset.size(), channels);
    const int product_frac_bits = x.format.frac_bits + affine.scale_frac_bits;
    const int frac_bits = std::max(product_frac_bits, affine.offset_frac_bits);
    std::vector<Interval> ranges(x.ranges.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const std::size_t channel = i % affine.scale.size();
      const std::int64_t offset =
          fixed::shift_left(affine.offset[channel], frac_bits - affine.offset_frac_bits);
      ranges[i] =
          fixed::shift_left(x.ranges[i] * affine.scale[channel], frac_bits - product_frac_bits) +
          Interval{offset, offset};
    }
    return make_type(x.shape, std::move(ranges), frac_bits);
  }

  TensorType operator()(const Clamp& clamp) const {
    const TensorType& x = only_operand();
    if (clamp.lower && clamp.upper && *clamp.lower > *clamp.upper) {
      refuse(layer_, "the lower bound is above the upper bound");
    }
    const int frac_bits = std::max(x.format.frac_bits, clamp.frac_bits);
    const auto bound = [&](std::int64_t mantissa) {
      return fixed::shift_left(mantissa, frac_bits - clamp.frac_bits);
    };
    std::vector<Interval> ranges(x.ranges.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      Interval range = fixed::shift_left(x.ranges[i], frac_bits - x.format.frac_bits);
      if (clamp.lower) {
        range = {std::max(range.min, bound(*clamp.lower)),
                 std::max(range.max, bound(*clamp.lower))};
      }
      if (clamp.upper) {
        range = {std::min(range.min, bound(*clamp.upper)),
                 std::min(range.max, bound(*clamp.upper))};
      }
      ranges[i] = range;
    }
    return make_type(x.shape, std::move(ranges), frac_bits);
  }

  TensorType operator()(const Quantize& quantize) const {
    const TensorType& x = only_operand();
    const std::size_t count = quantize.quantizers.size();
    if (count != 1 && count != x.ranges.size()) {
      refuse(layer_, fmt::format("has {} quantisers for {} elements", count, x.ranges.size()));
    }
    int frac_bits = quantize.quantizers.front().format.frac_bits;
    for (const fixed::Quantizer& quantizer : quantize.quantizers) {
      fixed::check_format(quantizer.format, layer_);
      frac_bits = std::max(frac_bits, quantizer.format.frac_bits);
    }
    std::vector<Interval> ranges(x.ranges.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const fixed::Quantizer& to = quantize.of(i);
      ranges[i] = fixed::shift_left(fixed::quantize(x.ranges[i], x.format.frac_bits, to),
                                    frac_bits - to.format.frac_bits);
    }
    TensorType type = make_type(x.shape, std::move(ranges), frac_bits);
    if (count == 1) type.format = quantize.quantizers.front().format;
    return type;
  }

  TensorType operator()(const Reshape& reshape) const {
    const TensorType& x = only_operand();
    check_shape(layer_, reshape.shape);
    if (element_count(reshape.shape) != element_count(x.shape)) {
      refuse(layer_, fmt::format("cannot reshape ({}) to ({})", fmt::join(x.shape, ", "),
                                 fmt::join(reshape.shape, ", ")));
    }
    return {reshape.shape, x.format, x.ranges};
  }

 private:
  static Interval representable(const fixed::Quantizer& quantizer) {
    Interval range = range_of(quantizer.format);
    if (quantizer.overflow == fixed::Overflow::sat_sym && quantizer.format.is_signed) {
      range.min = -range.max;
    }
    return range;
  }

  void expect_operands(std::size_t count) const {
    if (operands_.size() != count) {
      refuse(layer_, fmt::format("takes {} operands, found {}", count, operands_.size()));
    }
  }

  const TensorType& only_operand() const {
    expect_operands(1);
    return *operands_.front();
  }

  void check_count(std::string_view what, std::size_t found, std::int64_t expected) const {
    if (found != static_cast<std::size_t>(expected)) {
      refuse(layer_, fmt::format("has {} {}, expected {}", found, what, expected));
    }
  }

  const std::string& layer_;
  std::vector<const TensorType*> operands_;
};

}  // namespace

std::int64_t element_count(const Shape& shape) noexcept {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::string_view op_name(const LayerOp& op) noexcept {
  return std::visit(Overloaded{
                        [](const Input&) { return "input"; },
                        [](const Dense&) { return "dense"; },
                        [](const Affine&) { return "affine"; },
                        [](const Clamp&) { return "clamp"; },
                        [](const Quantize&) { return "quantize"; },
                        [](const Reshape&) { return "reshape"; },
                    },
                    op);
}

LayerId Network::append(std::string name, LayerOp op, std::vector<LayerId> operands) {
  if (name.empty()) refuse("(unnamed)", "a layer needs a name");
  if (find(name)) refuse(name, "another layer has this name");
  std::vector<const TensorType*> types;
  for (const LayerId operand : operands) {
    if (index(operand) >= layers_.size()) refuse(name, "an operand does not come before its user");
    types.push_back(&layers_[index(operand)].type);
  }
  TensorType type;
  try {
    type = std::visit(TypeInference(name, std::move(types)), op);
  } catch (const ModelError& error) {
    if (!error.subject().empty() && error.code() == "E-NETWORK-001") throw;
    throw ModelError(error.code(), name, error.message(), error.hint());
  }
  layers_.push_back({std::move(name), std::move(op), std::move(operands), std::move(type)});
  return static_cast<LayerId>(layers_.size() - 1);
}

void Network::add_output(LayerId id) {
  if (index(id) >= layers_.size()) refuse(name_, "an output does not exist");
  outputs_.push_back(id);
}

std::vector<LayerId> Network::inputs() const {
  std::vector<LayerId> ids;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (std::holds_alternative<Input>(layers_[i].op)) ids.push_back(static_cast<LayerId>(i));
  }
  return ids;
}

std::optional<LayerId> Network::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i].name == name) return static_cast<LayerId>(i);
  }
  return std::nullopt;
}

}  // namespace sluice::network
