#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sluice/fixed/integer_rounding.hpp"

namespace sluice::frontend {

/// An exact number. Float32 and float64 parameters are rational; so are their quotients.
using Rational = mpq_class;

/// `value`, which is finite, without rounding.
Rational exact(double value);

/// The largest integer that is not above `value`.
mpz_class floored(const Rational& value);
mpz_class round_to_integer(const Rational& value, fixed::IntegerRounding rounding);

/// mantissa * 2^-frac_bits with the smallest frac_bits; 0 has none.
struct Dyadic {
  std::int64_t mantissa = 0;  ///< odd, or 0
  int frac_bits = 0;          ///< negative for a multiple of a power of two
};
/// Nothing when the denominator is no power of two, or the mantissa needs more than 62 bits.
std::optional<Dyadic> dyadic(const Rational& value);

/// log2 of a value that is a power of two.
std::optional<int> log2_exact(const Rational& value);

/// Numbers as multiples of their greatest common unit: values[i] = integers[i] * unit.
struct Grid {
  std::vector<std::int64_t> integers;
  Rational unit = 1;  ///< positive; 1 where all numbers are 0
};
/// Nothing when an integer is larger than `most`. The numbers are finite.
std::optional<Grid> common_grid(std::span<const double> values, std::int64_t most);

/// The largest unit of which all numbers are integer multiples; 0 where all are 0.
Rational common_unit(std::span<const Rational> values);

/// True when numerator or denominator has become too long to be the work of a sensible model.
bool is_unwieldy(const Rational& value);

}  // namespace sluice::frontend
