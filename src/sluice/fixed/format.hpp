#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace sluice::fixed {

/// A fixed-point format: value = mantissa * 2^-frac_bits, mantissa an integer of `width` bits.
///
/// `frac_bits` may be negative or exceed `width`. A width of 0 holds only the value 0. Mantissas
/// are carried in std::int64_t, so a signed format has at most 64 bits and an unsigned one at
/// most 63.
struct Format {
  int width = 0;
  int frac_bits = 0;
  bool is_signed = false;

  /// Bits left of the binary point, the sign bit included: the I of ap_fixed<W, I>.
  constexpr int integer_bits() const noexcept { return width - frac_bits; }
  constexpr std::int64_t min_mantissa() const noexcept {
    return is_signed && width > 0 ? static_cast<std::int64_t>(~std::uint64_t{0} << (width - 1)) : 0;
  }
  constexpr std::int64_t max_mantissa() const noexcept {
    const int magnitude_bits = width - (is_signed ? 1 : 0);
    if (magnitude_bits <= 0) return 0;
    return magnitude_bits >= 63 ? std::numeric_limits<std::int64_t>::max()
                                : (std::int64_t{1} << magnitude_bits) - 1;
  }
  constexpr bool contains(std::int64_t mantissa) const noexcept {
    return mantissa >= min_mantissa() && mantissa <= max_mantissa();
  }

  friend bool operator==(const Format&, const Format&) = default;
  friend auto operator<=>(const Format&, const Format&) = default;
};

/// Throws ModelError unless 0 <= width <= 64 (63 unsigned) and |frac_bits| <= 1024.
void check_format(const Format& format, std::string_view subject);

/// Text form: `s16.10` is signed, 16 bits wide, 10 of them fractional; `u8.0`, `s4.-3`.
std::string to_string(const Format& format);
/// Inverse of to_string. Throws ModelError.
Format parse_format(std::string_view text);

/// Bits of the smallest signed machine integer (8, 16, 32 or 64) that holds every mantissa: the
/// element size of an event in memory.
int container_bits(const Format& format) noexcept;

}  // namespace sluice::fixed
