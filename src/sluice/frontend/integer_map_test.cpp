#include "sluice/frontend/integer_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sluice::frontend {
namespace {

std::int64_t apply(const MultiplyShift& found, const IntegerMap& map, std::int64_t n) {
  return std::clamp((n * found.multiplier + found.addend) >> found.shift, map.min, map.max);
}

// Every integer of the interval, not only the steps that the search looks at.
void expect_equal(const IntegerMap& map, const MultiplyShift& found, fixed::Interval interval) {
  for (std::int64_t n = interval.min; n <= interval.max; ++n) {
    ASSERT_EQ(apply(found, map, n), map(n))
        << map.slope << " * " << n << " + " << map.offset << ": * " << found.multiplier << " + "
        << found.addend << " >> " << found.shift;
  }
}

TEST(IntegerMap, RoundsAsEachModeSays) {
  const auto rounded = [](double value, fixed::IntegerRounding rounding) {
    IntegerMap map;
    map.slope = 0;
    map.offset = exact(value);
    map.rounding = rounding;
    map.min = -100;
    map.max = 100;
    return map(0);
  };
  struct Row {
    fixed::IntegerRounding rounding;
    std::int64_t of_2_5, of_3_5, of_minus_2_5, of_minus_0_25;
  };
  for (const Row& row : {Row{fixed::IntegerRounding::half_even, 2, 4, -2, 0},
                         Row{fixed::IntegerRounding::half_away, 3, 4, -3, 0},
                         Row{fixed::IntegerRounding::half_towards, 2, 3, -2, 0},
                         Row{fixed::IntegerRounding::floor, 2, 3, -3, -1},
                         Row{fixed::IntegerRounding::ceil, 3, 4, -2, 0},
                         Row{fixed::IntegerRounding::towards_zero, 2, 3, -2, 0},
                         Row{fixed::IntegerRounding::away_from_zero, 3, 4, -3, -1}}) {
    EXPECT_EQ(rounded(2.5, row.rounding), row.of_2_5);
    EXPECT_EQ(rounded(3.5, row.rounding), row.of_3_5);
    EXPECT_EQ(rounded(-2.5, row.rounding), row.of_minus_2_5);
    EXPECT_EQ(rounded(-0.25, row.rounding), row.of_minus_0_25);
  }
}

TEST(IntegerMap, SignNeedsOneComparison) {
  IntegerMap map;
  map.slope = exact(0.0123F);
  map.offset = exact(-1.7) + 1;
  map.rounding = fixed::IntegerRounding::floor;
  map.max = 1;
  const fixed::Interval interval{-784, 784};
  const auto found = find_multiply_shift(map, interval, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->multiplier, 1);
  EXPECT_EQ(found->shift, 0);
  expect_equal(map, *found, interval);
}

TEST(IntegerMap, RandomQuantizersAreEqualEverywhere) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<float> scale(0.001F, 0.3F);
  std::uniform_real_distribution<float> shift(-40.0F, 40.0F);
  int longest = 0;
  for (int i = 0; i < 200; ++i) {
    IntegerMap map;
    map.slope = exact(scale(random)) * (i % 3 == 0 ? -1 : 1);
    map.offset = exact(shift(random));
    map.rounding = i % 2 == 0 ? fixed::IntegerRounding::half_even : fixed::IntegerRounding::ceil;
    map.min = -8 << (i % 5);
    map.max = -map.min - 1;
    const fixed::Interval interval{-2000, 3000};
    const auto found = find_multiply_shift(map, interval, {});
    ASSERT_TRUE(found) << map.slope;
    longest = std::max(longest, found->shift);
    expect_equal(map, *found, interval);
  }
  EXPECT_LE(longest, 24);
}

// Ties to even alternate between up and down: no multiplication and shift does.
TEST(IntegerMap, TiesToEvenHaveNoEqual) {
  IntegerMap map;
  map.slope = exact(0.5);
  map.min = -128;
  map.max = 127;
  EXPECT_FALSE(find_multiply_shift(map, {-100, 100}, {}));
}

TEST(IntegerMap, TruncationRoundsTwice) {
  IntegerMap map;
  map.slope = Rational(1, 4);  // an average of four
  map.dropped_bits = 2;
  map.rounding = fixed::IntegerRounding::floor;
  map.min = -1000;
  map.max = 1000;
  EXPECT_EQ(map(15), 1);  // 3.75 -> 4, 4 / 4 -> 1
  EXPECT_EQ(map(13), 0);  // 3.25 -> 3
  const fixed::Interval interval{0, 200};
  const auto found = find_multiply_shift(map, interval, {});
  ASSERT_TRUE(found);
  expect_equal(map, *found, interval);
}

}  // namespace
}  // namespace sluice::frontend
