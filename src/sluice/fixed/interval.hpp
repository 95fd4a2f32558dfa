#pragma once

#include <cstdint>
#include <string>

#include "sluice/fixed/format.hpp"

namespace sluice::fixed {

/// All mantissas from `min` to `max`, both included: what is proven about a value.
///
/// The operations are exact; a result outside of 64 bits throws ModelError E-FIXED-003 instead of
/// wrapping.
struct Interval {
  std::int64_t min = 0;
  std::int64_t max = 0;

  constexpr bool contains(std::int64_t mantissa) const noexcept {
    return mantissa >= min && mantissa <= max;
  }
  constexpr bool contains(const Interval& other) const noexcept {
    return other.min >= min && other.max <= max;
  }
  constexpr bool is_constant() const noexcept { return min == max; }

  friend bool operator==(const Interval&, const Interval&) = default;
};

Interval operator+(const Interval& a, const Interval& b);
Interval operator-(const Interval& a, const Interval& b);
Interval operator-(const Interval& a);
Interval operator*(const Interval& a, const Interval& b);
Interval operator*(const Interval& a, std::int64_t factor);
/// Mantissas times 2^bits, bits >= 0.
Interval shift_left(const Interval& a, int bits);
/// Smallest interval that contains both.
Interval hull(const Interval& a, const Interval& b) noexcept;

Interval range_of(const Format& format) noexcept;
/// The narrowest format with this many fractional bits that holds every mantissa of `interval`;
/// unsigned when nothing is negative. Throws ModelError for an unsigned value of 64 bits.
Format format_of(const Interval& interval, int frac_bits);

/// `mantissa * 2^bits` or an exact 64-bit sum; throws ModelError E-FIXED-003 when it does not fit.
std::int64_t shift_left(std::int64_t mantissa, int bits);
std::int64_t add_exact(std::int64_t a, std::int64_t b);
std::int64_t multiply_exact(std::int64_t a, std::int64_t b);

std::string to_string(const Interval& interval);

}  // namespace sluice::fixed
