#include "sluice/frontend/scaled_builder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/element_quantizers.hpp"
#include "sluice/frontend/limits.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/frontend/scaled_numbers.hpp"
#include "sluice/network/movement.hpp"

namespace sluice::frontend {

namespace {

using network::LayerId;
using network::Shape;

constexpr int kMostFracBits = 62;

Shape without_ones(const Shape& shape) {
  Shape kept;
  for (const std::int64_t extent : shape) {
    if (extent != 1) kept.push_back(extent);
  }
  if (kept.empty()) kept.push_back(1);
  return kept;
}

}  // namespace

std::optional<fixed::Quantizer> bounded_quantizer(const fixed::Interval& bounds) {
  using fixed::Overflow;
  for (int width = 1; width <= kMostFracBits; ++width) {
    const std::int64_t half = std::int64_t{1} << (width - 1);
    const auto quantizer = [&](bool is_signed, Overflow overflow) {
      return fixed::Quantizer{{width, 0, is_signed}, fixed::Rounding::trn, overflow};
    };
    if (bounds == fixed::Interval{0, half + (half - 1)}) return quantizer(false, Overflow::sat);
    if (bounds == fixed::Interval{-half, half - 1}) return quantizer(true, Overflow::sat);
    if (width > 1 && bounds == fixed::Interval{1 - half, half - 1}) {
      return quantizer(true, Overflow::sat_sym);
    }
  }
  return std::nullopt;
}

bool ScaledTensor::has_offset() const { return !all_are(offset, 0); }

AxisValues axis_values(const OnnxTensor& constant, const Shape& shape) {
  AxisValues result;
  const auto joined = network::broadcast_shape(constant.shape, shape);
  if (constant.values.empty() || !joined || *joined != shape) {
    refuse(codes::kGraph,
           fmt::format("a constant of shape ({}) acts on a tensor of shape ({})",
                       fmt::join(constant.shape, ", "), fmt::join(shape, ", ")),
           "the constant must broadcast to the tensor");
  }
  for (const double value : constant.values) {
    if (!std::isfinite(value)) {
      refuse(codes::kNotFinite, fmt::format("a constant holds {}", value), "train again");
    }
  }
  result.values.clear();
  if (std::ranges::all_of(constant.values,
                          [&](double value) { return value == constant.values.front(); })) {
    result.values.push_back(exact(constant.values.front()));
    return result;
  }
  for (std::size_t back = 1; back <= constant.shape.size(); ++back) {
    if (constant.shape[constant.shape.size() - back] == 1) continue;
    if (result.axis) {
      refuse(codes::kGraph,
             fmt::format("a constant of shape ({}) varies along several axes",
                         fmt::join(constant.shape, ", ")),
             "use constants per tensor or per channel");
    }
    result.axis = shape.size() - back;
  }
  for (const double value : constant.values) result.values.push_back(exact(value));
  return result;
}

std::vector<std::string> ScaledBuilder::take_added() { return std::exchange(added_, {}); }

std::string ScaledBuilder::unique(const std::string& name) {
  std::string candidate = name;
  for (int i = 1; !names_.insert(candidate).second; ++i) candidate = fmt::format("{}_{}", name, i);
  return candidate;
}

LayerId ScaledBuilder::append(const std::string& name, network::LayerOp op,
                              std::vector<LayerId> operands) {
  const auto within = [](double count, std::int64_t most) {
    if (count > static_cast<double>(most)) {
      refuse(codes::kLimit, "the model is larger than what is read", "split the model");
    }
  };
  if (const auto* const dense = std::get_if<network::Dense>(&op)) {
    const network::TensorType& x = network_.layer(operands.at(0)).type;
    multiplications_ += static_cast<std::int64_t>(x.ranges.size()) * dense->units;
    within(static_cast<double>(multiplications_), kMostMultiplications);
  }
  const LayerId id = network_.append(unique(name), std::move(op), std::move(operands));
  elements_ += static_cast<std::int64_t>(network_.layer(id).type.ranges.size());
  within(static_cast<double>(elements_), kMostElements);
  added_.push_back(network_.layer(id).name);
  return id;
}

ScaledTensor ScaledBuilder::input(const std::string& name, Shape shape,
                                  const fixed::Quantizer& quantizer) {
  ScaledTensor x;
  // The batch of one is no axis of the network's tensor.
  Shape event(shape.begin() + (shape.size() > 1 ? 1 : 0), shape.end());
  double count = 1;
  for (const std::int64_t extent : event) count *= static_cast<double>(extent);
  if (count > static_cast<double>(kMostElements)) {
    refuse(codes::kLimit, fmt::format("has shape ({})", fmt::join(shape, ", ")));
  }
  x.layer = append(name, network::Input{std::move(event), quantizer}, {});
  x.order.resize(shape.size());
  std::iota(x.order.begin(), x.order.end(), std::size_t{0});
  x.shape = std::move(shape);
  return x;
}

void ScaledBuilder::multiply(ScaledTensor& x, const AxisValues& by, const std::string& name) {
  const bool uniform = by.values.size() == 1;
  if ((x.lower || x.upper) && !uniform) settle(x, name);
  if (x.lower || x.upper) {
    const Rational& factor = by.values.front();
    if (x.lower) *x.lower *= factor;
    if (x.upper) *x.upper *= factor;
    if (factor < 0) std::swap(x.lower, x.upper);
    if (factor == 0) x.lower = x.upper = std::nullopt;
  }
  const auto axis = joined_axis(x.axis, by.axis);
  if (!uniform) {
    stretch(x.factor, by.values.size());
    stretch(x.offset, by.values.size());
  }
  x.axis = axis;
  for (std::size_t i = 0; i < x.factor.size(); ++i) {
    x.factor[i] *= of(by.values, i);
    x.offset[i] *= of(by.values, i);
    if (is_unwieldy(x.factor[i]) || is_unwieldy(x.offset[i])) {
      refuse(codes::kLimit, "its scale has grown out of bounds");
    }
  }
}

void ScaledBuilder::add(ScaledTensor& x, const AxisValues& what, const std::string& name) {
  const bool uniform = what.values.size() == 1;
  if ((x.lower || x.upper) && !uniform) settle(x, name);
  if (x.lower) *x.lower += what.values.front();
  if (x.upper) *x.upper += what.values.front();
  const auto axis = joined_axis(x.axis, what.axis);
  if (!uniform) {
    stretch(x.factor, what.values.size());
    stretch(x.offset, what.values.size());
  }
  x.axis = axis;
  for (std::size_t i = 0; i < x.offset.size(); ++i) {
    x.offset[i] += of(what.values, i);
    if (is_unwieldy(x.offset[i])) refuse(codes::kLimit, "its offset has grown out of bounds");
  }
}

void ScaledBuilder::clamp(ScaledTensor& x, const std::optional<Rational>& lower,
                          const std::optional<Rational>& upper) {
  const auto bounded = [&](Rational value) {
    if (lower && value < *lower) value = *lower;
    if (upper && value > *upper) value = *upper;
    return value;
  };
  x.lower = x.lower ? std::optional(bounded(*x.lower)) : lower;
  x.upper = x.upper ? std::optional(bounded(*x.upper)) : upper;
}

void ScaledBuilder::transpose(ScaledTensor& x, std::span<const std::int64_t> axes) {
  Shape shape;
  std::vector<std::size_t> place(axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    shape.push_back(x.shape[static_cast<std::size_t>(axes[i])]);
    place[static_cast<std::size_t>(axes[i])] = i;
  }
  for (std::size_t& axis : x.order) axis = place[axis];
  if (x.axis) x.axis = place[*x.axis];
  x.shape = std::move(shape);
}

void ScaledBuilder::reshape(ScaledTensor& x, const Shape& shape, const std::string& name) {
  std::vector<std::size_t> natural(x.shape.size());
  std::iota(natural.begin(), natural.end(), std::size_t{0});
  arrange(x, natural, name);
  if (x.axis) {
    // Numbers per index of an axis stay so where that axis keeps what lies inside and outside of
    // it; else they become numbers per element, if one axis holds all elements.
    std::int64_t inside = 1;
    for (std::size_t i = *x.axis + 1; i < x.shape.size(); ++i) inside *= x.shape[i];
    std::optional<std::size_t> kept;
    std::optional<std::size_t> whole;
    std::int64_t after = network::element_count(shape);
    const std::int64_t count = after;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      after /= shape[i];
      if (shape[i] == x.shape[*x.axis] && after == inside) kept = i;
      if (shape[i] == count) whole = i;
    }
    if (kept) {
      x.axis = kept;
    } else if (whole) {
      std::vector<Rational> factor;
      std::vector<Rational> offset;
      for (std::int64_t i = 0; i < count; ++i) {
        const auto channel = static_cast<std::size_t>(i / inside % x.shape[*x.axis]);
        factor.push_back(x.factor[channel]);
        offset.push_back(x.offset[channel]);
      }
      x.axis = whole;
      x.factor = std::move(factor);
      x.offset = std::move(offset);
    } else {
      materialize(x, name);
    }
  }
  x.shape = shape;
  x.order.resize(shape.size());
  std::iota(x.order.begin(), x.order.end(), std::size_t{0});
}

void ScaledBuilder::use_shape(ScaledTensor& x, const Shape& shape, const std::string& name) {
  if (type(x).shape == shape) return;
  x.layer = append(name + "_reshape", network::Reshape{shape}, {x.layer});
}

void ScaledBuilder::arrange(ScaledTensor& x, const std::vector<std::size_t>& order,
                            const std::string& name) {
  const auto longer_than_one = [&](const std::vector<std::size_t>& axes) {
    std::vector<std::size_t> kept;
    for (const std::size_t axis : axes) {
      if (x.shape[axis] != 1) kept.push_back(axis);
    }
    return kept;
  };
  const std::vector<std::size_t> from = longer_than_one(x.order);
  const std::vector<std::size_t> to = longer_than_one(order);
  x.order = order;
  if (from == to) return;
  Shape memory;
  std::vector<std::int64_t> axes;
  axes.reserve(to.size());
  for (const std::size_t axis : from) memory.push_back(x.shape[axis]);
  for (const std::size_t axis : to) {
    axes.push_back(std::ranges::find(from, axis) - from.begin());
  }
  x.layer = append(name + "_order", network::permute(memory, axes), {x.layer});
}

// Brings the axis of the factors to the end, and the layer into a shape that ends with it.
void ScaledBuilder::channels_last(ScaledTensor& x, const std::string& name) {
  if (!x.axis) return;
  std::vector<std::size_t> order;
  for (const std::size_t axis : x.order) {
    if (axis != *x.axis) order.push_back(axis);
  }
  order.push_back(*x.axis);
  arrange(x, order, name);
  const std::int64_t channels = x.shape[*x.axis];
  const network::TensorType& now = type(x);
  if (now.shape.empty() || now.shape.back() != channels) {
    const auto count = static_cast<std::int64_t>(now.ranges.size());
    use_shape(x, without_ones({count / channels, channels}), name);
  }
}

void ScaledBuilder::affine(ScaledTensor& x, const std::vector<std::int64_t>& scale,
                           int scale_frac_bits, const std::vector<std::int64_t>& offset,
                           int offset_frac_bits, const std::string& name) {
  const Shape& shape = type(x).shape;
  const auto channels = static_cast<std::size_t>(shape.empty() ? 1 : shape.back());
  network::Affine affine{scale, scale_frac_bits, offset, offset_frac_bits};
  if (scale.size() == 1) affine.scale.resize(channels, scale.front());
  if (offset.size() == 1) affine.offset.resize(channels, offset.front());
  x.layer = append(name + "_scale", std::move(affine), {x.layer});
}

void ScaledBuilder::clamp_layer(ScaledTensor& x, std::optional<std::int64_t> lower,
                                std::optional<std::int64_t> upper, int frac_bits,
                                const std::string& name) {
  if (!lower && !upper) return;
  x.layer = append(name + "_clamp", network::Clamp{lower, upper, frac_bits}, {x.layer});
}

void ScaledBuilder::settle(ScaledTensor& x, const std::string& name) {
  if (!x.lower && !x.upper) return;
  const bool rises =
      std::ranges::all_of(x.factor, [](const Rational& factor) { return factor > 0; });
  const bool at_zero = (!x.lower || *x.lower == 0) && (!x.upper || *x.upper == 0);
  if (!rises || x.has_offset() || (!at_zero && !all_are(x.factor, x.factor.front()))) {
    materialize(x, name);
    return;
  }
  std::vector<Rational> bounds;
  for (const auto& bound : {x.lower, x.upper}) {
    bounds.push_back(bound ? Rational(*bound / x.factor.front()) : Rational(0));
  }
  const auto whole = mantissas(bounds);
  if (!whole) {
    materialize(x, name);
    return;
  }
  const bool has_lower = x.lower.has_value();
  const bool has_upper = x.upper.has_value();
  x.lower = x.upper = std::nullopt;
  clamp_layer(x, has_lower ? std::optional(whole->values[0]) : std::nullopt,
              has_upper ? std::optional(whole->values[1]) : std::nullopt, whole->frac_bits, name);
}

void ScaledBuilder::materialize(ScaledTensor& x, const std::string& name) {
  if (!all_are(x.factor, 1) || x.has_offset()) {
    const auto factor = mantissas(x.factor);
    const auto offset = mantissas(x.offset);
    if (!factor || !offset) {
      refuse(codes::kQuantizer,
             fmt::format("its values are multiples of {:.9g}, which no fixed-point number holds",
                         x.factor.front().get_d()),
             "put a Quant behind it, or give its result a format in the configuration");
    }
    channels_last(x, name);
    affine(x, factor->values, factor->frac_bits, offset->values, offset->frac_bits, name);
    x.axis.reset();
    x.factor = {1};
    x.offset = {0};
  }
  if (x.lower || x.upper) {
    const auto bounds = mantissas({x.lower.value_or(0), x.upper.value_or(0)});
    if (!bounds) refuse(codes::kActivation, "its bounds are no fixed-point numbers");
    clamp_layer(x, x.lower ? std::optional(bounds->values[0]) : std::nullopt,
                x.upper ? std::optional(bounds->values[1]) : std::nullopt, bounds->frac_bits, name);
    x.lower = x.upper = std::nullopt;
  }
}

std::vector<IntegerMap> ScaledBuilder::integer_maps(const ScaledTensor& x,
                                                    const OnnxQuantizer& quantizer) const {
  const AxisValues scale = axis_values(quantizer.scale, x.shape);
  const std::size_t channels = std::max(x.factor.size(), scale.values.size());
  const Rational unit = power_of_two(-type(x).format.frac_bits);
  const Rational before = exact(quantizer.before);
  std::vector<IntegerMap> maps;
  for (std::size_t c = 0; c < channels; ++c) {
    IntegerMap map;
    map.rounding = quantizer.rounding;
    map.dropped_bits = quantizer.dropped_bits;
    map.min = quantizer.min;
    map.max = quantizer.max;
    map.slope = 0;
    // A clamp before a function that does not fall is a clamp of its results.
    const auto of_bound = [&](const Rational& bound) {
      map.offset = bound / of(scale.values, c) + before;
      return map(0);
    };
    const std::int64_t low = x.lower ? of_bound(*x.lower) : quantizer.min;
    const std::int64_t high = x.upper ? of_bound(*x.upper) : quantizer.max;
    map.min = low;
    map.max = std::max(low, high);
    map.slope = of(x.factor, c) * unit / of(scale.values, c);
    map.offset = of(x.offset, c) / of(scale.values, c) + before;
    maps.push_back(std::move(map));
  }
  return maps;
}

std::vector<fixed::Interval> ScaledBuilder::channel_ranges(const ScaledTensor& x,
                                                           std::size_t channels) const {
  const std::vector<fixed::Interval>& all = type(x).ranges;
  std::vector<fixed::Interval> ranges(all.begin(),
                                      all.begin() + static_cast<std::ptrdiff_t>(channels));
  for (std::size_t i = channels; i < all.size(); ++i) {
    fixed::Interval& range = ranges[i % channels];
    range = hull(range, all[i]);
  }
  return ranges;
}

void ScaledBuilder::quantize(ScaledTensor& x, const OnnxQuantizer& quantizer,
                             const std::string& name) {
  if (x.function != nullptr) {
    quantize_function(x, quantizer, name);
    return;
  }
  const AxisValues scale = axis_values(quantizer.scale, x.shape);
  const AxisValues step = axis_values(quantizer.step, x.shape);
  const auto axis = joined_axis(x.axis, scale.axis);
  std::vector<IntegerMap> maps = integer_maps(x, quantizer);
  if (std::ranges::any_of(maps, [&](const IntegerMap& map) {
        return map.min != maps.front().min || map.max != maps.front().max;
      })) {
    settle(x, name);
    maps = integer_maps(x, quantizer);
  }
  x.axis = axis;
  channels_last(x, name);
  const bool same = std::ranges::all_of(maps, [&](const IntegerMap& map) {
    return map.slope == maps.front().slope && map.offset == maps.front().offset;
  });
  if (same) maps.resize(1);
  x.lower = x.upper = std::nullopt;
  // Few bits of slope: ties are likely, and only the exact product keeps them.
  const auto slope = dyadic(maps.front().slope);
  constexpr std::int64_t kShortSlope = 256;
  const bool is_short = same && slope && std::abs(slope->mantissa) < kShortSlope;
  const bool done = (same && quantize_by_shift(x, maps.front(), name)) ||
                    (is_short && quantize_exactly(x, maps, name)) ||
                    quantize_by_multiplication(x, maps, name) || quantize_exactly(x, maps, name);
  if (!done) {
    refuse(codes::kQuantizer,
           fmt::format("no multiplication and shift of 62 bits equals the quantiser (scale {:.9g}) "
                       "for all values of its operand",
                       quantizer.scale.values.front()),
           "use a scale that is a power of two");
  }
  // The layer's values are the integers, or these times a power of two; see quantize_by_shift.
  x.factor = step.values;
  x.offset.assign(1, 0);
  stretch(x.offset, x.factor.size());
  for (std::size_t i = 0; i < x.factor.size(); ++i) {
    x.offset[i] = x.factor[i] * exact(quantizer.after);
    x.factor[i] *= power_of_two(type(x).format.frac_bits);
  }
  x.axis = step.axis;
}

void ScaledBuilder::append_quantize(ScaledTensor& x, const fixed::Interval& bounds, int frac_bits,
                                    fixed::Rounding rounding, const std::string& name) {
  fixed::Quantizer to = bounded_quantizer(bounds).value_or(
      fixed::Quantizer{fixed::format_of(hull(bounds, {0, 0}), 0), rounding, fixed::Overflow::sat});
  to.rounding = rounding;
  to.format.frac_bits = frac_bits;
  const network::Quantize quantize{{to}};
  if (!changes_nothing(quantize, type(x)) || type(x).format.frac_bits != frac_bits) {
    x.layer = append(name, quantize, {x.layer});
  }
  const bool inside = std::ranges::all_of(
      type(x).ranges, [&](const fixed::Interval& range) { return bounds.contains(range); });
  if (!inside) clamp_layer(x, bounds.min, bounds.max, frac_bits, name);
}

// The slope is a power of two: the quantiser is one of fixed-point numbers.
bool ScaledBuilder::quantize_by_shift(ScaledTensor& x, const IntegerMap& map,
                                      const std::string& name) {
  constexpr int kMostShift = 200;
  const auto exponent = log2_exact(map.slope);
  const auto rounding = fixed::as_rounding(map.rounding);
  if (!exponent || !rounding || map.offset != 0 || map.dropped_bits != 0 ||
      std::abs(*exponent) > kMostShift) {
    return false;
  }
  append_quantize(x, {map.min, map.max}, type(x).format.frac_bits + *exponent, *rounding, name);
  return true;
}

bool ScaledBuilder::quantize_by_multiplication(ScaledTensor& x, const std::vector<IntegerMap>& maps,
                                               const std::string& name) {
  const std::vector<fixed::Interval> ranges = channel_ranges(x, maps.size());
  fixed::Interval bounds{maps.front().min, maps.front().max};
  // Bounds that no value reaches need no saturation, and must not make the format wide.
  fixed::Interval reached{bounds.max, bounds.min};
  for (std::size_t c = 0; c < maps.size(); ++c) {
    for (const std::int64_t n : {ranges[c].min, ranges[c].max}) {
      const std::int64_t y = maps[c](n);
      reached = {std::min(reached.min, y), std::max(reached.max, y)};
    }
  }
  const bool saturates = reached.min <= bounds.min || reached.max >= bounds.max;
  if (!saturates) bounds = reached;
  std::vector<MultiplyShift> found;
  int shift = 0;
  for (std::size_t c = 0; c < maps.size(); ++c) {
    IntegerMap map = maps[c];
    map.min = bounds.min;
    map.max = bounds.max;
    const auto multiply = find_multiply_shift(map, ranges[c], {saturates, saturates});
    if (!multiply) return false;
    found.push_back(*multiply);
    shift = std::max(shift, multiply->shift);
  }
  std::vector<std::int64_t> scale;
  std::vector<std::int64_t> offset;
  for (const MultiplyShift& multiply : found) {
    const int more = shift - multiply.shift;
    const std::int64_t most = (std::int64_t{1} << 62) >> more;
    if (std::abs(multiply.multiplier) > most || std::abs(multiply.addend) > most) return false;
    scale.push_back(fixed::shift_left(multiply.multiplier, more));
    offset.push_back(fixed::shift_left(multiply.addend, more));
  }
  const auto all = [](const std::vector<std::int64_t>& values, std::int64_t value) {
    return std::ranges::all_of(values, [&](std::int64_t other) { return other == value; });
  };
  const int frac_bits = type(x).format.frac_bits;
  if (all(scale, 1) && all(offset, 0)) {
    append_quantize(x, bounds, frac_bits - shift, fixed::Rounding::trn, name);
    return true;
  }
  affine(x, scale, shift - frac_bits, offset, shift, name);
  append_quantize(x, bounds, 0, fixed::Rounding::trn, name);
  return true;
}

bool ScaledBuilder::quantize_exactly(ScaledTensor& x, const std::vector<IntegerMap>& maps,
                                     const std::string& name) {
  constexpr int kMostBits = 40;  // leaves room for the operand's bits
  const auto rounding = fixed::as_rounding(maps.front().rounding);
  if (!rounding || maps.front().dropped_bits != 0) return false;
  const Rational unit = power_of_two(type(x).format.frac_bits);
  std::vector<Rational> slopes;
  std::vector<Rational> offsets;
  for (const IntegerMap& map : maps) {
    slopes.emplace_back(map.slope * unit);
    offsets.push_back(map.offset);
  }
  const auto slope = mantissas(slopes);
  const auto offset = mantissas(offsets);
  if (!slope || !offset) return false;
  for (const std::int64_t value : slope->values) {
    if (std::abs(value) >> kMostBits != 0) return false;
  }
  affine(x, slope->values, slope->frac_bits, offset->values, offset->frac_bits, name);
  append_quantize(x, {maps.front().min, maps.front().max}, 0, *rounding, name);
  return true;
}

void ScaledBuilder::round(ScaledTensor& x, const fixed::Quantizer& quantizer,
                          const std::string& name) {
  const network::Quantize quantize{{quantizer}};
  if (x.function != nullptr) {
    tabulate(
        x, x.factor.size(),
        [&](std::size_t c, std::int64_t mantissa) {
          const UnaryFunction::Enclosure y = function_value(x, c, mantissa);
          return decided(*x.function, fixed::quantize_real(y.low, quantizer),
                         fixed::quantize_real(y.high, quantizer));
        },
        x.function->is_monotonic && quantizer.overflow != fixed::Overflow::wrap,
        quantizer.format.frac_bits, name);
    return;
  }
  materialize(x, name);
  if (changes_nothing(quantize, type(x))) return;
  x.layer = append(name + "_quantize", quantize, {x.layer});
}

void ScaledBuilder::align(ScaledTensor& a, ScaledTensor& b, const std::string& name) {
  constexpr std::int64_t kMostRatio = std::int64_t{1} << 24;
  settle(a, name);
  settle(b, name);
  arrange(b, a.order, name);
  use_shape(b, type(a).shape, name);
  const auto axis = joined_axis(a.axis, b.axis);
  const std::size_t channels = std::max(a.factor.size(), b.factor.size());
  for (ScaledTensor* const x : {&a, &b}) {
    stretch(x->factor, channels);
    stretch(x->offset, channels);
    x->axis = axis;
  }
  if (a.factor == b.factor) return;
  // Both become integer multiples of the largest unit that both factors are multiples of.
  std::vector<std::int64_t> ratios_a;
  std::vector<std::int64_t> ratios_b;
  std::vector<Rational> units;
  for (std::size_t c = 0; c < channels; ++c) {
    const Rational unit = common_unit(std::vector{a.factor[c], b.factor[c]});
    units.push_back(unit == 0 ? Rational(1) : unit);
    for (auto* const ratios : {&ratios_a, &ratios_b}) {
      const Rational ratio = (ratios == &ratios_a ? a : b).factor[c] / units.back();
      if (abs(ratio) > static_cast<long>(kMostRatio)) {
        refuse(codes::kQuantizer,
               fmt::format("joins tensors with scales {:.9g} and {:.9g}, of which no small unit is "
                           "a common divisor",
                           a.factor[c].get_d(), b.factor[c].get_d()),
               "quantise both with the same scale");
      }
      ratios->push_back(ratio.get_num().get_si());
    }
  }
  for (ScaledTensor* const x : {&a, &b}) {
    channels_last(*x, name);
    const std::vector<std::int64_t>& ratios = x == &a ? ratios_a : ratios_b;
    if (!std::ranges::all_of(ratios, [](std::int64_t ratio) { return ratio == 1; })) {
      affine(*x, ratios, 0, {0}, 0, name);
    }
    x->factor = units;
  }
}

double ScaledBuilder::finish(ScaledTensor& x, const std::string& name) {
  constexpr int kFracBits = 32;
  double error = 0;
  const auto factor = mantissas(x.factor);
  const auto offset = mantissas(x.offset);
  constexpr int kMostBits = 40;
  const bool fits = factor && offset && offset->frac_bits <= kMostBits &&
                    std::ranges::all_of(factor->values, [](std::int64_t value) {
                      return std::abs(value) >> kMostBits == 0;
                    });
  if (!fits) {
    settle(x, name);
    const fixed::Interval range = range_of(type(x).format);
    const double largest =
        fixed::to_double(std::max(std::abs(range.min + 1), range.max), type(x).format.frac_bits) +
        1;
    const auto to_grid = [&](Rational& value, double weight) {
      const Rational scaled = value * power_of_two(kFracBits);
      if (!(std::abs(scaled.get_d()) < 0x1p61)) {
        refuse(codes::kQuantizer, "its values are too large", "give its result a format");
      }
      const Rational nearest =
          Rational(round_to_integer(scaled, fixed::IntegerRounding::half_even)) *
          power_of_two(-kFracBits);
      error = std::max(error, std::abs(Rational(value - nearest).get_d()) * weight);
      value = nearest;
    };
    double of_factor = 0;
    for (Rational& value : x.factor) to_grid(value, largest);
    of_factor = std::exchange(error, 0.0);
    for (Rational& value : x.offset) to_grid(value, 1);
    error += of_factor;
  }
  materialize(x, name);
  std::vector<std::size_t> natural(x.shape.size());
  std::iota(natural.begin(), natural.end(), std::size_t{0});
  arrange(x, natural, name);
  Shape event(x.shape.begin() + (x.shape.size() > 1 ? 1 : 0), x.shape.end());
  use_shape(x, event, name);
  return error;
}

}  // namespace sluice::frontend
