#include "sluice/frontend/unary_function.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

namespace {

using Enclosure = UnaryFunction::Enclosure;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What the C library's long double functions and a few operations around them may be wrong by,
// with a wide margin: they are good to some units of 2^-64.
constexpr long double kRelativeError = 0x1p-54L;

/// Doubles around `y`, which is wrong by a relative 2^-54 at most, inside of the open interval that
/// the function never leaves.
Enclosure around(long double y, double above = -kInfinity, double below = kInfinity) {
  const long double error = std::fabs(y) * kRelativeError;
  Enclosure enclosure;
  enclosure.low = std::nextafter(static_cast<double>(y - error), -kInfinity);
  enclosure.high = std::nextafter(static_cast<double>(y + error), kInfinity);
  if (above > -kInfinity) {
    enclosure.low = std::max(enclosure.low, std::nextafter(above, kInfinity));
    enclosure.high = std::max(enclosure.high, enclosure.low);
  }
  if (below < kInfinity) {
    enclosure.high = std::min(enclosure.high, std::nextafter(below, -kInfinity));
    enclosure.low = std::min(enclosure.low, enclosure.high);
  }
  return enclosure;
}

/// `y` itself where a double holds it.
Enclosure exactly(long double y) {
  const auto rounded = static_cast<double>(y);
  return static_cast<long double>(rounded) == y ? Enclosure{rounded, rounded} : around(y);
}

/// The sum of two numbers, and whether it is exact.
std::pair<long double, bool> sum_of(long double a, long double b) {
  const long double sum = a + b;
  const long double b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part) == 0.0L};
}

Enclosure quotient(long double a, long double b) {
  const long double y = a / b;
  return std::fma(y, b, -a) == 0.0L ? exactly(y) : around(y);
}

Enclosure sigmoid(long double x) {
  if (x == 0) return {0.5, 0.5};
  return around(1.0L / (1.0L + std::exp(-x)), 0.0, 1.0);
}

Enclosure tanh(long double x) {
  if (x == 0) return {0, 0};
  return x > 0 ? around(std::tanh(x), 0.0, 1.0) : around(std::tanh(x), -1.0, 0.0);
}

Enclosure hard_sigmoid(long double x) {
  if (x >= 2.5L) return {1, 1};
  if (x <= -2.5L) return {0, 0};
  const auto [sum, is_exact] = sum_of(x, 2.5L);
  return is_exact ? quotient(sum, 5.0L) : around(sum / 5.0L);
}

Enclosure softplus(long double x) {
  return around(std::max(x, 0.0L) + std::log1p(std::exp(-std::fabs(x))), 0.0);
}

Enclosure swish(long double x) {
  if (x == 0) return {0, 0};
  return around(x / (1.0L + std::exp(-x)));
}

Enclosure gelu(long double x) {
  if (x == 0) return {0, 0};
  return around(0.5L * x * std::erfc(-x / std::numbers::sqrt2_v<long double>));
}

Enclosure elu(long double x, long double alpha, long double scale) {
  if (x == 0) return {0, 0};
  if (x > 0) return scale == 1 ? exactly(x) : around(scale * x);
  const auto lowest = static_cast<double>(-alpha * scale);
  return around(scale * alpha * std::expm1(x), scale == 1 ? lowest : -kInfinity, 0.0);
}

// As Keras has them.
constexpr long double kSeluAlpha = 1.6732632423543772848170429916717L;
constexpr long double kSeluScale = 1.0507009873554804934193349852946L;

constexpr std::int64_t kMostEntries = std::int64_t{1} << 16;
/// Of a function that is not monotonic every entry is looked at.
constexpr std::int64_t kMostEvaluations = std::int64_t{1} << 20;

class Tabulation {
 public:
  Tabulation(const UnaryFunction& function, const fixed::Quantizer& to, int frac_bits)
      : function_(function), to_(to), frac_bits_(frac_bits) {}

  std::int64_t value(std::int64_t mantissa) const {
    return quantized_value(function_, mantissa, frac_bits_, to_);
  }

  /// The part of the range outside of which the table is constant.
  fixed::Interval varying(const fixed::Interval& range) const {
    const bool keeps_order = function_.is_monotonic && (to_.overflow == fixed::Overflow::sat ||
                                                        to_.overflow == fixed::Overflow::sat_sym);
    if (!keeps_order && range.max - range.min >= kMostEvaluations) return range;
    return keeps_order ? bisected(range) : scanned(range);
  }

 private:
  fixed::Interval bisected(const fixed::Interval& range) const {
    // Last mantissa with the first value, first mantissa with the last value.
    const auto search = [&](std::int64_t same, std::int64_t other) {
      const std::int64_t wanted = value(same);
      if (value(other) == wanted) return other;
      while (std::abs(other - same) > 1) {
        const std::int64_t middle = same + (other - same) / 2;
        (value(middle) == wanted ? same : other) = middle;
      }
      return same;
    };
    const std::int64_t first = search(range.min, range.max);
    return {first, std::max(first, search(range.max, range.min))};
  }

  fixed::Interval scanned(const fixed::Interval& range) const {
    fixed::Interval kept = range;
    while (kept.min < kept.max && value(kept.min + 1) == value(range.min)) ++kept.min;
    while (kept.max > kept.min && value(kept.max - 1) == value(range.max)) --kept.max;
    return kept;
  }

  const UnaryFunction& function_;
  const fixed::Quantizer& to_;
  int frac_bits_;
};

}  // namespace

std::optional<UnaryFunction> unary_function(std::string_view name, double alpha) {
  const auto made = [&](std::function<Enclosure(long double)> function, bool is_monotonic = true) {
    return UnaryFunction{std::string(name), std::move(function), is_monotonic};
  };
  if (name == "sigmoid") return made(sigmoid);
  if (name == "tanh") return made(tanh);
  if (name == "hard_sigmoid") return made(hard_sigmoid);
  if (name == "softplus") return made(softplus);
  if (name == "swish" || name == "silu") return made(swish, false);
  if (name == "gelu") return made(gelu, false);
  if (name == "softsign") {
    return made([](long double x) {
      const auto [sum, is_exact] = sum_of(std::fabs(x), 1.0L);
      return is_exact ? quotient(x, sum) : around(x / sum);
    });
  }
  if (name == "exponential") {
    return made([](long double x) { return x == 0 ? Enclosure{1, 1} : around(std::exp(x), 0.0); });
  }
  if (name == "elu") {
    return made([alpha](long double x) { return elu(x, alpha, 1.0L); }, alpha >= 0);
  }
  if (name == "selu") {
    return made([](long double x) { return elu(x, kSeluAlpha, kSeluScale); });
  }
  return std::nullopt;
}

UnaryFunction leaky_function(double slope, double threshold) {
  const auto evaluate = [slope, threshold](long double x) {
    if (x > threshold) return exactly(x);
    const auto [distance, is_exact] = sum_of(x, -static_cast<long double>(threshold));
    const long double y = distance * slope;
    const bool keeps = is_exact && std::fma(distance, static_cast<long double>(slope), -y) == 0.0L;
    return keeps ? exactly(y) : around(y);
  };
  return {fmt::format("relu with negative slope {}", slope), evaluate,
          slope >= 0 && threshold >= 0};
}

std::function<double(double)> real_function(UnaryFunction function) {
  return [function = std::move(function)](double x) {
    const UnaryFunction::Enclosure y = function.enclose(x);
    return y.low + (y.high - y.low) / 2;
  };
}

UnaryFunction sign_function() {
  return {"the sign", [](long double x) { return x >= 0 ? Enclosure{1, 1} : Enclosure{-1, -1}; }};
}

UnaryFunction step_function() {
  return {"the step", [](long double x) { return x >= 0 ? Enclosure{1, 1} : Enclosure{0, 0}; }};
}

UnaryFunction dead_zone_function(double threshold) {
  return {"the ternary sign", [threshold](long double x) {
            if (std::fabs(x) < threshold) return Enclosure{0, 0};
            return x > 0 ? Enclosure{1, 1} : (x < 0 ? Enclosure{-1, -1} : Enclosure{0, 0});
          }};
}

UnaryFunction power_of_two_function(int least, int most, double max_value) {
  const auto enclose = [least, most, max_value](long double x) {
    constexpr long double kSmallest = 1e-7L;
    // Two float32 logarithms and their quotient decide in the framework.
    constexpr long double kLogarithmError = 1e-5L;
    long double magnitude = std::fabs(x);
    if (max_value > 0) magnitude = std::min(magnitude, static_cast<long double>(max_value));
    const auto signed_power = [&](long double exponent) {
      const double power =
          std::ldexp(1.0, std::clamp(static_cast<int>(std::nearbyint(exponent)), least, most));
      return x >= 0 ? power : -power;
    };
    if (magnitude < kSmallest) {
      const double power = signed_power(least);
      return Enclosure{power, power};
    }
    const long double exponent = std::log2(magnitude);
    const double a = signed_power(exponent - kLogarithmError);
    const double b = signed_power(exponent + kLogarithmError);
    return Enclosure{std::min(a, b), std::max(a, b)};
  };
  return {"the nearest power of two", enclose};
}

UnaryFunction quotient_function(double divisor) {
  return {fmt::format("division by {}", divisor),
          [divisor](long double x) { return quotient(x, divisor); }, divisor > 0};
}

std::int64_t quantized_value(const UnaryFunction& function, std::int64_t mantissa, int frac_bits,
                             const fixed::Quantizer& to) {
  const long double x = std::ldexp(static_cast<long double>(mantissa), -frac_bits);
  const Enclosure y = function.enclose(x);
  const std::int64_t low = fixed::quantize_real(y.low, to);
  // Between equal mantissas of a wrapping format there may be others, but not over so short a way.
  if (fixed::quantize_real(y.high, to) == low) return low;
  throw ModelError(codes::kActivation, "",
                   fmt::format("{} of {} is too close to a rounding border of {} to decide",
                               function.name, static_cast<double>(x), to_string(to.format)),
                   "give its result fewer fractional bits");
}

UnaryLayers tabulate(const UnaryFunction& function, const network::Quantize& quantize,
                     const network::TensorType& x) {
  UnaryLayers layers;
  const std::size_t count = quantize.quantizers.size();
  int frac_bits = quantize.quantizers.front().format.frac_bits;
  for (const fixed::Quantizer& to : quantize.quantizers) {
    frac_bits = std::max(frac_bits, to.format.frac_bits);
  }
  layers.lookup.frac_bits = frac_bits;
  fixed::Interval kept{std::numeric_limits<std::int64_t>::max(),
                       std::numeric_limits<std::int64_t>::min()};
  std::vector<fixed::Interval> ranges;
  for (std::size_t i = 0; i < count; ++i) {
    fixed::Interval range = x.ranges[i];
    for (std::size_t k = i; k < x.ranges.size(); k += count) range = hull(range, x.ranges[k]);
    ranges.push_back(range);
    kept =
        hull(kept, Tabulation(function, quantize.quantizers[i], x.format.frac_bits).varying(range));
  }
  layers.clamp = {kept.min, kept.max, x.format.frac_bits};
  for (std::size_t i = 0; i < count; ++i) {
    const Tabulation tabulation(function, quantize.quantizers[i], x.format.frac_bits);
    const fixed::Interval range{std::clamp(ranges[i].min, kept.min, kept.max),
                                std::clamp(ranges[i].max, kept.min, kept.max)};
    if (range.max - range.min >= kMostEntries) {
      throw ModelError(codes::kActivation, "",
                       fmt::format("{} needs a table of {} entries for its operand in {}",
                                   function.name, range.max - range.min + 1, to_string(x.format)),
                       fmt::format("quantize its operand to fewer bits: tables have up to {} "
                                   "entries",
                                   kMostEntries));
    }
    network::Lookup::Table& table = layers.lookup.tables.emplace_back();
    table.first = range.min;
    const int zeros = frac_bits - quantize.quantizers[i].format.frac_bits;
    for (std::int64_t m = range.min; m <= range.max; ++m) {
      table.mantissas.push_back(fixed::shift_left(tabulation.value(m), zeros));
    }
  }
  return layers;
}

}  // namespace sluice::frontend
