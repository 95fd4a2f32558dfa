#include "sluice/fixed/quantize.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "sluice/base/error.hpp"

namespace sluice::fixed {

namespace {

__extension__ typedef __int128 Wide;

constexpr std::array<std::string_view, 7> kRoundingNames{
    "TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV"};
constexpr std::array<std::string_view, 4> kOverflowNames{"WRAP", "SAT", "SAT_ZERO", "SAT_SYM"};

// A 64-bit mantissa shifted right by more than this is already far below half a unit.
constexpr int kLargestRightShift = 120;
// A non-zero mantissa shifted left by more than this has no bit in common with any format.
constexpr int kLargestLeftShift = 63;

Wide round_shift(Wide mantissa, int bits, Rounding rounding) noexcept {
  bits = std::min(bits, kLargestRightShift);
  const Wide floor = mantissa >> bits;
  const Wide rest = mantissa - (floor << bits);
  const Wide half = Wide{1} << (bits - 1);
  if (rest == 0) return floor;
  const bool tie = rest == half;
  const bool above = rest > half;
  switch (rounding) {
    case Rounding::trn:
      return floor;
    case Rounding::trn_zero:
      return floor + (mantissa < 0 ? 1 : 0);
    case Rounding::rnd:
      return floor + (above || tie ? 1 : 0);
    case Rounding::rnd_zero:
      return floor + (above || (tie && mantissa < 0) ? 1 : 0);
    case Rounding::rnd_inf:
      return floor + (above || (tie && mantissa > 0) ? 1 : 0);
    case Rounding::rnd_min_inf:
      return floor + (above ? 1 : 0);
    case Rounding::rnd_conv:
      return floor + (above || (tie && (floor & 1) != 0) ? 1 : 0);
  }
  return floor;
}

std::int64_t wrap(Wide mantissa, const Format& format) noexcept {
  if (format.width == 0) return 0;
  const auto low = static_cast<std::uint64_t>(mantissa) << (64 - format.width);
  return format.is_signed ? static_cast<std::int64_t>(low) >> (64 - format.width)
                          : static_cast<std::int64_t>(low >> (64 - format.width));
}

std::int64_t fit(Wide mantissa, const Format& format, Overflow overflow) noexcept {
  const std::int64_t max = format.max_mantissa();
  const bool symmetric = overflow == Overflow::sat_sym && format.is_signed;
  const std::int64_t min = symmetric ? -max : format.min_mantissa();
  if (mantissa >= min && mantissa <= max) return static_cast<std::int64_t>(mantissa);
  switch (overflow) {
    case Overflow::wrap:
      return wrap(mantissa, format);
    case Overflow::sat:
    case Overflow::sat_sym:
      return mantissa < min ? min : max;
    case Overflow::sat_zero:
      return 0;
  }
  return 0;
}

// Rounding is done; the value may lie outside of every 128-bit shift when it only grows.
Wide aligned(std::int64_t mantissa, int right_shift, Rounding rounding) noexcept {
  if (right_shift > 0) return round_shift(mantissa, right_shift, rounding);
  return Wide{mantissa} * (Wide{1} << std::min(-right_shift, kLargestLeftShift));
}

template <class Enum, std::size_t N>
Enum parse_name(std::string_view text, const std::array<std::string_view, N>& names,
                std::string_view what) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  const auto found = std::ranges::find(names, upper);
  if (found != names.end()) return static_cast<Enum>(found - names.begin());
  std::string known;
  for (const std::string_view name : names)
    known += (known.empty() ? "" : ", ") + std::string(name);
  throw ModelError("E-FIXED-004", std::string(text), "unknown " + std::string(what),
                   "use one of " + known);
}

}  // namespace

std::string_view to_string(Rounding rounding) noexcept {
  return kRoundingNames[static_cast<std::size_t>(rounding)];
}

std::string_view to_string(Overflow overflow) noexcept {
  return kOverflowNames[static_cast<std::size_t>(overflow)];
}

Rounding parse_rounding(std::string_view text) {
  return parse_name<Rounding>(text, kRoundingNames, "rounding mode");
}

Overflow parse_overflow(std::string_view text) {
  return parse_name<Overflow>(text, kOverflowNames, "overflow mode");
}

std::int64_t quantize(std::int64_t mantissa, int frac_bits, const Quantizer& to) noexcept {
  const int right_shift = frac_bits - to.format.frac_bits;
  if (-right_shift > kLargestLeftShift && to.overflow == Overflow::wrap) return 0;
  return fit(aligned(mantissa, right_shift, to.rounding), to.format, to.overflow);
}

std::int64_t quantize_real(double value, const Quantizer& to) {
  if (std::isnan(value)) {
    throw UsageError("E-FIXED-005", "", "NaN has no fixed-point value");
  }
  if (std::isinf(value)) {
    const Wide huge = Wide{1} << 100;
    return fit(value < 0 ? -huge : huge, to.format, to.overflow);
  }
  constexpr int kMantissaBits = 53;
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  const auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, kMantissaBits));
  return quantize(mantissa, kMantissaBits - exponent, to);
}

Interval quantize(const Interval& interval, int frac_bits, const Quantizer& to) noexcept {
  const std::int64_t low = quantize(interval.min, frac_bits, to);
  const std::int64_t high = quantize(interval.max, frac_bits, to);
  if (to.overflow == Overflow::sat || to.overflow == Overflow::sat_sym) return {low, high};
  // Rounding is monotonic, so without overflow at both ends there is none in between.
  const int right_shift = frac_bits - to.format.frac_bits;
  const bool fits = -right_shift <= kLargestLeftShift &&
                    aligned(interval.min, right_shift, to.rounding) == low &&
                    aligned(interval.max, right_shift, to.rounding) == high;
  if (fits || interval.is_constant()) return {low, high};
  return range_of(to.format);
}

double to_double(std::int64_t mantissa, int frac_bits) noexcept {
  return std::ldexp(static_cast<double>(mantissa), -frac_bits);
}

}  // namespace sluice::fixed
