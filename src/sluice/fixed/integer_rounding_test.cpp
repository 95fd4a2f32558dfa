#include "sluice/fixed/integer_rounding.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace sluice::fixed {
namespace {

/// The rule applied to quarters, which hold every case.
double rounded(int quarters, IntegerRounding rounding) {
  const double value = quarters / 4.0;
  const double lower = std::floor(value);
  const double rest = value - lower;
  if (rest == 0) return value;
  const BetweenIntegers number{.half = rest < 0.5 ? -1 : static_cast<int>(rest > 0.5),
                               .lower_is_odd = std::fmod(lower, 2) != 0,
                               .negative = value < 0};
  return lower + (rounds_up(rounding, number) ? 1 : 0);
}

TEST(IntegerRounding, IsWhatTheCLibraryHas) {
  const std::pair<IntegerRounding, std::function<double(double)>> modes[] = {
      {IntegerRounding::half_even, [](double x) { return std::nearbyint(x); }},
      {IntegerRounding::half_away, [](double x) { return std::round(x); }},
      {IntegerRounding::half_towards,
       [](double x) { return std::copysign(std::ceil(std::abs(x) - 0.5), x); }},
      {IntegerRounding::floor, [](double x) { return std::floor(x); }},
      {IntegerRounding::ceil, [](double x) { return std::ceil(x); }},
      {IntegerRounding::towards_zero, [](double x) { return std::trunc(x); }},
      {IntegerRounding::away_from_zero,
       [](double x) { return std::copysign(std::ceil(std::abs(x)), x); }}};
  for (const auto& [mode, expected] : modes) {
    for (int quarters = -25; quarters <= 25; ++quarters) {
      EXPECT_EQ(rounded(quarters, mode), expected(quarters / 4.0))
          << quarters << "/4, mode " << static_cast<int>(mode);
    }
  }
}

TEST(IntegerRounding, OfApFixedIsTheSameFunction) {
  int same = 0;
  for (int mode = 0; mode <= static_cast<int>(IntegerRounding::away_from_zero); ++mode) {
    const auto rounding = as_rounding(static_cast<IntegerRounding>(mode));
    if (!rounding) continue;
    ++same;
    for (int quarters = -25; quarters <= 25; ++quarters) {
      EXPECT_EQ(
          static_cast<double>(quantize(quarters, 2, {{8, 0, true}, *rounding, Overflow::sat})),
          rounded(quarters, static_cast<IntegerRounding>(mode)))
          << quarters << "/4, mode " << mode;
    }
  }
  EXPECT_EQ(same, 5);
}

}  // namespace
}  // namespace sluice::fixed
