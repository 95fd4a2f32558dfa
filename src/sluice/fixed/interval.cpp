#include "sluice/fixed/interval.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"

namespace sluice::fixed {

namespace {

[[noreturn]] void refuse_wide() {
  throw ModelError("E-FIXED-003", "", "an exact intermediate result needs more than 64 bits",
                   "quantise the operands to fewer bits");
}

int bits_of_magnitude(std::int64_t value) {
  return 64 - std::countl_zero(static_cast<std::uint64_t>(value < 0 ? ~value : value));
}

}  // namespace

std::int64_t add_exact(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) refuse_wide();
  return sum;
}

std::int64_t multiply_exact(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) refuse_wide();
  return product;
}

std::int64_t shift_left(std::int64_t mantissa, int bits) {
  SLUICE_CHECK(bits >= 0, "shift by {}", bits);
  if (mantissa == 0) return 0;
  if (bits_of_magnitude(mantissa) + bits > 63) refuse_wide();
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(mantissa) << bits);
}

Interval operator+(const Interval& a, const Interval& b) {
  return {add_exact(a.min, b.min), add_exact(a.max, b.max)};
}

Interval operator-(const Interval& a) {
  return {multiply_exact(a.max, -1), multiply_exact(a.min, -1)};
}

Interval operator-(const Interval& a, const Interval& b) {
  std::int64_t min = 0;
  std::int64_t max = 0;
  if (__builtin_sub_overflow(a.min, b.max, &min) || __builtin_sub_overflow(a.max, b.min, &max)) {
    refuse_wide();
  }
  return {min, max};
}

Interval operator*(const Interval& a, const Interval& b) {
  const auto [min, max] = std::minmax({multiply_exact(a.min, b.min), multiply_exact(a.min, b.max),
                                       multiply_exact(a.max, b.min), multiply_exact(a.max, b.max)});
  return {min, max};
}

Interval operator*(const Interval& a, std::int64_t factor) { return a * Interval{factor, factor}; }

Interval shift_left(const Interval& a, int bits) {
  return {shift_left(a.min, bits), shift_left(a.max, bits)};
}

Interval hull(const Interval& a, const Interval& b) noexcept {
  return {std::min(a.min, b.min), std::max(a.max, b.max)};
}

Interval range_of(const Format& format) noexcept {
  return {format.min_mantissa(), format.max_mantissa()};
}

Format format_of(const Interval& interval, int frac_bits) {
  const bool is_signed = interval.min < 0;
  const int magnitude = std::max(bits_of_magnitude(interval.min), bits_of_magnitude(interval.max));
  return {magnitude + (is_signed ? 1 : 0), frac_bits, is_signed};
}

std::string to_string(const Interval& interval) {
  return fmt::format("[{}, {}]", interval.min, interval.max);
}

}  // namespace sluice::fixed
