#include "sluice/fixed/integer_rounding.hpp"

namespace sluice::fixed {

bool rounds_up(IntegerRounding rounding, const BetweenIntegers& number) noexcept {
  switch (rounding) {
    case IntegerRounding::half_even:
      return number.half > 0 || (number.half == 0 && number.lower_is_odd);
    case IntegerRounding::half_away:
      return number.half > 0 || (number.half == 0 && !number.negative);
    case IntegerRounding::half_towards:
      return number.half > 0 || (number.half == 0 && number.negative);
    case IntegerRounding::floor:
      return false;
    case IntegerRounding::ceil:
      return true;
    case IntegerRounding::towards_zero:
      return number.negative;
    case IntegerRounding::away_from_zero:
      return !number.negative;
  }
  return false;
}

std::optional<Rounding> as_rounding(IntegerRounding rounding) noexcept {
  switch (rounding) {
    case IntegerRounding::half_even:
      return Rounding::rnd_conv;
    case IntegerRounding::half_away:
      return Rounding::rnd_inf;
    case IntegerRounding::half_towards:
      return Rounding::rnd_zero;
    case IntegerRounding::floor:
      return Rounding::trn;
    case IntegerRounding::towards_zero:
      return Rounding::trn_zero;
    case IntegerRounding::ceil:
    case IntegerRounding::away_from_zero:
      break;
  }
  return std::nullopt;
}

}  // namespace sluice::fixed
