#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/element_quantizers.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/frontend/scaled_builder.hpp"
#include "sluice/frontend/scaled_numbers.hpp"

namespace sluice::frontend {

std::optional<fixed::Quantizer> bounded_quantizer(const fixed::Interval& bounds) {
  using fixed::Overflow;
  constexpr int kMostWidth = 62;
  for (int width = 1; width <= kMostWidth; ++width) {
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

}  // namespace sluice::frontend
