#include "sluice/frontend/rational.hpp"

#include <cmath>
#include <numeric>

namespace sluice::frontend {

Rational exact(double value) { return Rational(value); }

std::optional<Dyadic> dyadic(const Rational& value) {
  constexpr std::size_t kMostBits = 62;
  if (value == 0) return Dyadic{};
  const mpz_class& denominator = value.get_den();
  const mp_bitcnt_t bits_below = mpz_scan1(denominator.get_mpz_t(), 0);
  if (mpz_sizeinbase(denominator.get_mpz_t(), 2) != bits_below + 1) return std::nullopt;
  const mp_bitcnt_t zeros = mpz_scan1(value.get_num().get_mpz_t(), 0);
  const mpz_class odd = value.get_num() >> zeros;
  if (mpz_sizeinbase(odd.get_mpz_t(), 2) > kMostBits) return std::nullopt;
  return Dyadic{odd.get_si(), static_cast<int>(bits_below) - static_cast<int>(zeros)};
}

std::optional<int> log2_exact(const Rational& value) {
  const auto parts = dyadic(value);
  if (!parts || parts->mantissa != 1) return std::nullopt;
  return -parts->frac_bits;
}

std::optional<Grid> common_grid(std::span<const double> values, std::int64_t most) {
  constexpr int kMostShift = 62;
  constexpr int kDoubleBits = 53;
  int lowest = std::numeric_limits<int>::max();
  const auto odd_part = [&](double value, int& exponent) {
    auto mantissa =
        static_cast<std::int64_t>(std::ldexp(std::frexp(value, &exponent), kDoubleBits));
    exponent -= kDoubleBits;
    while (mantissa % 2 == 0) {
      mantissa /= 2;
      ++exponent;
    }
    return mantissa;
  };
  for (const double value : values) {
    if (value == 0.0) continue;
    int exponent = 0;
    odd_part(value, exponent);
    lowest = std::min(lowest, exponent);
  }
  Grid grid;
  std::int64_t divisor = 0;
  for (const double value : values) {
    std::int64_t integer = 0;
    if (value != 0.0) {
      int exponent = 0;
      integer = odd_part(value, exponent);
      const int shift = exponent - lowest;
      if (shift > kMostShift || std::abs(integer) > (std::int64_t{1} << kMostShift >> shift)) {
        return std::nullopt;
      }
      integer *= std::int64_t{1} << shift;
    }
    divisor = std::gcd(divisor, integer);
    grid.integers.push_back(integer);
  }
  if (divisor == 0) return grid;
  for (std::int64_t& integer : grid.integers) {
    integer /= divisor;
    if (std::abs(integer) > most) return std::nullopt;
  }
  grid.unit = Rational(static_cast<double>(divisor));
  if (divisor > (std::int64_t{1} << kDoubleBits)) {
    grid.unit = Rational(mpz_class(std::to_string(divisor)));
  }
  if (lowest >= 0) {
    grid.unit *= Rational(mpz_class(1) << static_cast<mp_bitcnt_t>(lowest));
  } else {
    grid.unit /= Rational(mpz_class(1) << static_cast<mp_bitcnt_t>(-lowest));
  }
  return grid;
}

Rational common_unit(std::span<const Rational> values) {
  mpz_class numerator = 0;
  mpz_class denominator = 1;
  for (const Rational& value : values) {
    if (value == 0) continue;
    numerator = gcd(numerator, value.get_num());
    denominator = lcm(denominator, value.get_den());
  }
  Rational unit(numerator, denominator);
  unit.canonicalize();
  return unit;
}

bool is_unwieldy(const Rational& value) {
  constexpr std::size_t kMostBits = 4096;
  return mpz_sizeinbase(value.get_num().get_mpz_t(), 2) > kMostBits ||
         mpz_sizeinbase(value.get_den().get_mpz_t(), 2) > kMostBits;
}

mpz_class floored(const Rational& value) {
  mpz_class result;
  mpz_fdiv_q(result.get_mpz_t(), value.get_num().get_mpz_t(), value.get_den().get_mpz_t());
  return result;
}

mpz_class round_to_integer(const Rational& value, fixed::IntegerRounding rounding) {
  mpz_class lower = floored(value);
  const Rational rest = value - lower;
  if (rest == 0) return lower;
  const bool up = fixed::rounds_up(rounding, {.half = cmp(rest, Rational(1, 2)),
                                              .lower_is_odd = mpz_odd_p(lower.get_mpz_t()) != 0,
                                              .negative = value < 0});
  if (up) ++lower;
  return lower;
}

}  // namespace sluice::frontend
