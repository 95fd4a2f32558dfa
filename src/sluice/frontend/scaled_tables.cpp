#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/frontend/scaled_builder.hpp"
#include "sluice/frontend/scaled_numbers.hpp"

/// What of a scaled tensor becomes a table, or a maximum of two lines.
namespace sluice::frontend {

Rational ScaledBuilder::real_value(const ScaledTensor& x, std::size_t channel,
                                   std::int64_t mantissa) const {
  Rational value = Rational(static_cast<long>(mantissa)) * power_of_two(-type(x).format.frac_bits) *
                       of(x.factor, channel) +
                   of(x.offset, channel);
  if (x.lower && value < *x.lower) value = *x.lower;
  if (x.upper && value > *x.upper) value = *x.upper;
  return value;
}

UnaryFunction::Enclosure ScaledBuilder::function_value(const ScaledTensor& x, std::size_t channel,
                                                       std::int64_t mantissa) const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Rational at = real_value(x, channel, mantissa);
  const double near = at.get_d();  // towards zero
  if (exact(near) == at) return x.function->enclose(near);
  const auto a = x.function->enclose(near);
  const auto b = x.function->enclose(std::nextafter(near, at > 0 ? kInfinity : -kInfinity));
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

void ScaledBuilder::quantize_function(ScaledTensor& x, const OnnxQuantizer& quantizer,
                                      const std::string& name) {
  const AxisValues scale = axis_values(quantizer.scale, x.shape);
  const AxisValues step = axis_values(quantizer.step, x.shape);
  x.axis = joined_axis(x.axis, scale.axis);
  IntegerMap map;
  map.slope = 0;
  map.rounding = quantizer.rounding;
  map.dropped_bits = quantizer.dropped_bits;
  map.min = quantizer.min;
  map.max = quantizer.max;
  const Rational before = exact(quantizer.before);
  tabulate(
      x, std::max(x.factor.size(), scale.values.size()),
      [&](std::size_t c, std::int64_t mantissa) {
        const UnaryFunction::Enclosure y = function_value(x, c, mantissa);
        const auto rounded = [&](double value) {
          map.offset = exact(value) / of(scale.values, c) + before;
          return map(0);
        };
        return decided(*x.function, rounded(y.low), rounded(y.high));
      },
      x.function->is_monotonic, 0, name);
  x.axis = step.axis;
  x.factor = step.values;
  x.offset.clear();
  for (const Rational& value : x.factor) x.offset.push_back(value * exact(quantizer.after));
}

void ScaledBuilder::count_thresholds(ScaledTensor& x, const Thresholds& thresholds,
                                     const std::string& name) {
  x.axis = joined_axis(x.axis, thresholds.axis);
  tabulate(
      x, std::max(x.factor.size(), thresholds.values.size()),
      [&](std::size_t c, std::int64_t mantissa) {
        const std::vector<Rational>& own = thresholds.values[thresholds.values.size() == 1 ? 0 : c];
        return static_cast<std::int64_t>(std::ranges::upper_bound(own, real_value(x, c, mantissa)) -
                                         own.begin());
      },
      true, 0, name);
}

void ScaledBuilder::tabulate(ScaledTensor& x, std::size_t channels, const TableFunction& function,
                             bool is_monotonic, int frac_bits, const std::string& name) {
  channels_last(x, name);
  const std::vector<fixed::Interval> ranges = channel_ranges(x, channels);
  const std::string what = x.function != nullptr ? x.function->name : "a count of thresholds";
  std::optional<fixed::Interval> kept;
  for (std::size_t c = 0; c < channels; ++c) {
    const fixed::Interval own = varying_part(
        ranges[c], is_monotonic, [&](std::int64_t mantissa) { return function(c, mantissa); });
    kept = kept ? hull(*kept, own) : own;
  }
  network::Lookup lookup{{}, frac_bits};
  for (std::size_t c = 0; c < channels; ++c) {
    const fixed::Interval range{std::clamp(ranges[c].min, kept->min, kept->max),
                                std::clamp(ranges[c].max, kept->min, kept->max)};
    check_table_entries(range, what, type(x).format);
    network::Lookup::Table& table = lookup.tables.emplace_back();
    table.first = range.min;
    for (std::int64_t m = range.min; m <= range.max; ++m) {
      table.mantissas.push_back(function(c, m));
    }
  }
  const bool inside = std::ranges::all_of(
      type(x).ranges, [&](const fixed::Interval& range) { return kept->contains(range); });
  if (!inside) clamp_layer(x, kept->min, kept->max, type(x).format.frac_bits, name);
  x.layer = append(name, std::move(lookup), {x.layer});
  x.lower = x.upper = std::nullopt;
  x.function = nullptr;
  x.axis.reset();
  x.factor = {1};
  x.offset = {0};
}

void ScaledBuilder::leaky(ScaledTensor& x, const AxisValues& slopes, const std::string& name) {
  settle(x, name);
  const bool rises =
      std::ranges::all_of(x.factor, [](const Rational& factor) { return factor > 0; });
  if (x.has_offset() || !rises) materialize(x, name);
  const bool is_maximum =
      std::ranges::all_of(slopes.values, [](const Rational& slope) { return slope <= 1; });
  if (!is_maximum &&
      !std::ranges::all_of(slopes.values, [](const Rational& slope) { return slope >= 1; })) {
    refuse(codes::kActivation, "has slopes below and above 1", "use slopes of at most 1");
  }
  const auto scale = mantissas(slopes.values);
  if (!scale) refuse(codes::kActivation, "its slopes are no short binary fractions");
  if (slopes.axis) {
    x.axis = joined_axis(x.axis, slopes.axis);
    stretch(x.factor, slopes.values.size());
    stretch(x.offset, slopes.values.size());
    channels_last(x, name);
  }
  ScaledTensor sloped = x;
  affine(sloped, scale->values, scale->frac_bits, {0}, 0, name);
  const auto kind = is_maximum ? network::Merge::Kind::maximum : network::Merge::Kind::minimum;
  x.layer = append(name, network::Merge{kind}, {x.layer, sloped.layer});
}

}  // namespace sluice::frontend
