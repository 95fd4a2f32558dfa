#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sluice/fixed/format.hpp"
#include "sluice/fixed/interval.hpp"

/// The only place of the product that defines rounding and overflow.
namespace sluice::fixed {

/// What happens to bits below the new least significant bit: the quantisation modes of ap_fixed
/// (UG1399, "Quantization Modes").
enum class Rounding : std::uint8_t {
  trn,          ///< towards minus infinity
  trn_zero,     ///< towards zero
  rnd,          ///< to nearest, ties towards plus infinity
  rnd_zero,     ///< to nearest, ties towards zero
  rnd_inf,      ///< to nearest, ties away from zero
  rnd_min_inf,  ///< to nearest, ties towards minus infinity
  rnd_conv,     ///< to nearest, ties to even
};
inline constexpr std::array kAllRoundings{
    Rounding::trn,     Rounding::trn_zero,    Rounding::rnd,     Rounding::rnd_zero,
    Rounding::rnd_inf, Rounding::rnd_min_inf, Rounding::rnd_conv};

/// What happens to a value outside of the new range: the overflow modes of ap_fixed (UG1399).
enum class Overflow : std::uint8_t {
  wrap,      ///< keep the low bits
  sat,       ///< nearest end of the range
  sat_zero,  ///< 0
  sat_sym,   ///< nearest end of the symmetric range [-max, max]
};
inline constexpr std::array kAllOverflows{Overflow::wrap, Overflow::sat, Overflow::sat_zero,
                                          Overflow::sat_sym};

std::string_view to_string(Rounding rounding) noexcept;  ///< "TRN", "RND_CONV", ...
std::string_view to_string(Overflow overflow) noexcept;  ///< "WRAP", "SAT", ...
/// Inverses of to_string, lower case accepted; throw ModelError.
Rounding parse_rounding(std::string_view text);
Overflow parse_overflow(std::string_view text);

/// A format together with how values are brought into it.
struct Quantizer {
  Format format;
  Rounding rounding = Rounding::trn;
  Overflow overflow = Overflow::wrap;

  friend bool operator==(const Quantizer&, const Quantizer&) = default;
};

/// The mantissa, in `to.format`, of the value `mantissa * 2^-frac_bits`.
std::int64_t quantize(std::int64_t mantissa, int frac_bits, const Quantizer& to) noexcept;

/// The same for a real number, exactly. Throws UsageError for NaN; infinities overflow.
std::int64_t quantize_real(double value, const Quantizer& to);

/// Exact range of quantize() over an interval of mantissas.
Interval quantize(const Interval& interval, int frac_bits, const Quantizer& to) noexcept;

/// `mantissa * 2^-frac_bits` as a double; exact while |mantissa| <= 2^53.
double to_double(std::int64_t mantissa, int frac_bits) noexcept;

}  // namespace sluice::fixed
