#include "sluice/network/network.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sluice/base/error.hpp"
#include "sluice/base/overloaded.hpp"

namespace sluice::network {

namespace {

using fixed::Interval;

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

constexpr std::int64_t kMostTableEntries = std::int64_t{1} << 20;

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

  TensorType operator()(const Gather& gather) const {
    if (operands_.empty()) refuse(layer_, "takes at least one operand");
    check_shape(layer_, gather.shape);
    check_count("indices", gather.indices.size(), element_count(gather.shape));
    const int frac_bits = finest();
    std::vector<Interval> elements;
    for (const TensorType* x : operands_) {
      for (const Interval& range : x->ranges) {
        elements.push_back(fixed::shift_left(range, frac_bits - x->format.frac_bits));
      }
    }
    std::vector<Interval> ranges;
    ranges.reserve(gather.indices.size());
    for (const std::int64_t from : gather.indices) {
      if (from < -1 || from >= static_cast<std::int64_t>(elements.size())) {
        refuse(layer_, fmt::format("index {} is outside of {} elements", from, elements.size()));
      }
      ranges.push_back(from < 0 ? Interval{0, 0} : elements[static_cast<std::size_t>(from)]);
    }
    TensorType type = make_type(gather.shape, std::move(ranges), frac_bits);
    const fixed::Format& first = operands_.front()->format;
    if (std::ranges::all_of(operands_, [&](const TensorType* x) { return x->format == first; })) {
      type.format = first;
    }
    return type;
  }

  TensorType operator()(const Merge& merge) const {
    expect_operands(2);
    const TensorType& a = *operands_[0];
    const TensorType& b = *operands_[1];
    if (a.shape != b.shape) {
      refuse(layer_, fmt::format("cannot merge the shapes ({}) and ({})", fmt::join(a.shape, ", "),
                                 fmt::join(b.shape, ", ")));
    }
    const bool multiplies = merge.kind == Merge::Kind::multiply;
    const int frac_bits = multiplies ? a.format.frac_bits + b.format.frac_bits : finest();
    std::vector<Interval> ranges;
    ranges.reserve(a.ranges.size());
    for (std::size_t i = 0; i < a.ranges.size(); ++i) {
      if (multiplies) {
        ranges.push_back(a.ranges[i] * b.ranges[i]);
        continue;
      }
      ranges.push_back(merged(merge.kind,
                              fixed::shift_left(a.ranges[i], frac_bits - a.format.frac_bits),
                              fixed::shift_left(b.ranges[i], frac_bits - b.format.frac_bits)));
    }
    return make_type(a.shape, std::move(ranges), frac_bits);
  }

  TensorType operator()(const Reduce& reduce) const {
    const TensorType& x = only_operand();
    if (x.shape.empty()) refuse(layer_, "its operand has no axis to reduce");
    const auto count = static_cast<std::size_t>(x.shape.back());
    std::vector<Interval> ranges;
    for (std::size_t first = 0; first < x.ranges.size(); first += count) {
      Interval range = x.ranges[first];
      for (std::size_t i = first + 1; i < first + count; ++i) {
        range = reduced(reduce.kind, range, x.ranges[i]);
      }
      ranges.push_back(range);
    }
    Shape shape = x.shape;
    shape.pop_back();
    return make_type(std::move(shape), std::move(ranges), x.format.frac_bits);
  }

  TensorType operator()(const Lookup& lookup) const {
    const TensorType& x = only_operand();
    const std::size_t count = lookup.tables.size();
    const std::size_t channels = x.shape.empty() ? 1 : static_cast<std::size_t>(x.shape.back());
    if (count != 1 && count != channels && count != x.ranges.size()) {
      refuse(layer_, fmt::format("has {} tables for {} elements", count, x.ranges.size()));
    }
    std::vector<Interval> ranges;
    ranges.reserve(x.ranges.size());
    for (std::size_t i = 0; i < x.ranges.size(); ++i) {
      const bool as_before = i >= count && x.ranges[i] == x.ranges[i - count];
      ranges.push_back(as_before ? ranges[i - count] : looked_up(lookup.of(i), x.ranges[i]));
    }
    return make_type(x.shape, std::move(ranges), lookup.frac_bits);
  }

 private:
  int finest() const {
    int frac_bits = operands_.front()->format.frac_bits;
    for (const TensorType* x : operands_) frac_bits = std::max(frac_bits, x->format.frac_bits);
    return frac_bits;
  }

  static Interval larger(const Interval& a, const Interval& b) {
    return {std::max(a.min, b.min), std::max(a.max, b.max)};
  }
  static Interval smaller(const Interval& a, const Interval& b) {
    return {std::min(a.min, b.min), std::min(a.max, b.max)};
  }

  static Interval merged(Merge::Kind kind, const Interval& a, const Interval& b) {
    switch (kind) {
      case Merge::Kind::add:
        return a + b;
      case Merge::Kind::subtract:
        return a - b;
      case Merge::Kind::multiply:
        return a * b;
      case Merge::Kind::maximum:
        return larger(a, b);
      case Merge::Kind::minimum:
        return smaller(a, b);
    }
    return {};
  }

  static Interval reduced(Reduce::Kind kind, const Interval& a, const Interval& b) {
    switch (kind) {
      case Reduce::Kind::sum:
        return a + b;
      case Reduce::Kind::maximum:
        return larger(a, b);
      case Reduce::Kind::minimum:
        return smaller(a, b);
    }
    return {};
  }

  Interval looked_up(const Lookup::Table& table, const Interval& operand) const {
    const auto entries = static_cast<std::int64_t>(table.mantissas.size());
    if (entries == 0 || entries > kMostTableEntries || table.first > operand.min ||
        operand.max - table.first >= entries) {
      refuse(layer_, fmt::format("a table of {} entries from {} does not cover {}", entries,
                                 table.first, to_string(operand)));
    }
    const auto begin = table.mantissas.begin() + (operand.min - table.first);
    const auto [min, max] = std::minmax_element(begin, begin + (operand.max - operand.min) + 1);
    return {*min, *max};
  }

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
                        [](const Gather&) { return "gather"; },
                        [](const Merge&) { return "merge"; },
                        [](const Reduce&) { return "reduce"; },
                        [](const Lookup&) { return "lookup"; },
                    },
                    op);
}

std::string_view to_string(Merge::Kind kind) noexcept {
  switch (kind) {
    case Merge::Kind::add:
      return "add";
    case Merge::Kind::subtract:
      return "subtract";
    case Merge::Kind::multiply:
      return "multiply";
    case Merge::Kind::maximum:
      return "maximum";
    case Merge::Kind::minimum:
      return "minimum";
  }
  return "";
}

std::string_view to_string(Reduce::Kind kind) noexcept {
  switch (kind) {
    case Reduce::Kind::sum:
      return "sum";
    case Reduce::Kind::maximum:
      return "maximum";
    case Reduce::Kind::minimum:
      return "minimum";
  }
  return "";
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
