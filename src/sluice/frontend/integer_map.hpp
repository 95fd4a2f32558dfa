#pragma once

#include <cstdint>
#include <optional>

#include "sluice/fixed/integer_rounding.hpp"
#include "sluice/fixed/interval.hpp"
#include "sluice/frontend/rational.hpp"

namespace sluice::frontend {

/// y(n) = clamp(round(slope * n + offset), min, max), of an integer n: a quantiser whose scale is
/// any real number, seen from the integers of its operand.
struct IntegerMap {
  Rational slope = 1;
  Rational offset = 0;
  fixed::IntegerRounding rounding = fixed::IntegerRounding::half_even;
  /// When not 0, slope * n + offset is first rounded to nearest, ties to even, then divided by
  /// 2^dropped_bits and rounded by `rounding`: QONNX's Trunc.
  int dropped_bits = 0;
  std::int64_t min = 0;
  std::int64_t max = 0;

  std::int64_t operator()(std::int64_t n) const;
};

/// clamp(floor((n * multiplier + addend) / 2^shift), min, max)
struct MultiplyShift {
  std::int64_t multiplier = 0;
  std::int64_t addend = 0;
  int shift = 0;
};

/// The multiplier and shift of fewest bits that equal `map` for every n of `interval`: every step
/// of the function, which is monotone, is compared. `saturates` says whether what is below min (or
/// above max) may be left to a saturation. Nothing when there is none within 62 bits, or when the
/// function has too many steps to compare.
struct Saturation {
  bool low = true;
  bool high = true;
};
std::optional<MultiplyShift> find_multiply_shift(const IntegerMap& map,
                                                 const fixed::Interval& interval,
                                                 Saturation saturates);

}  // namespace sluice::frontend
