#pragma once

#include <cstdint>
#include <optional>

#include "sluice/fixed/quantize.hpp"

namespace sluice::fixed {

/// How a real number becomes an integer: the modes of QONNX, two of which no ap_fixed has.
enum class IntegerRounding : std::uint8_t {
  half_even,
  half_away,     ///< ties away from zero
  half_towards,  ///< ties towards zero
  floor,
  ceil,
  towards_zero,
  away_from_zero,
};

/// What decides about a number strictly between two integers.
struct BetweenIntegers {
  int half = 0;  ///< sign of (number - lower integer - 1/2)
  bool lower_is_odd = false;
  bool negative = false;
};

/// True when the number becomes the upper of the two integers.
bool rounds_up(IntegerRounding rounding, const BetweenIntegers& number) noexcept;

/// The mode of ap_fixed that is the same function; nothing for ceil and away_from_zero.
std::optional<Rounding> as_rounding(IntegerRounding rounding) noexcept;

}  // namespace sluice::fixed
