#include "sluice/fixed/quantize.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sluice/base/error.hpp"

namespace sluice::fixed {
namespace {

// An independent statement of the rules, on real numbers that doubles hold exactly: of the two
// neighbours on the new grid, which one is chosen?
double choose_neighbour(double value, Rounding rounding) {
  const double below = std::floor(value);
  const double above = std::ceil(value);
  const double to_below = value - below;
  const double to_above = above - value;
  const double nearer = to_below < to_above ? below : above;
  const bool tie = to_below == to_above;
  switch (rounding) {
    case Rounding::trn:
      return below;
    case Rounding::trn_zero:
      return value < 0 ? above : below;
    case Rounding::rnd:
      return tie ? above : nearer;
    case Rounding::rnd_zero:
      return tie ? (std::abs(below) < std::abs(above) ? below : above) : nearer;
    case Rounding::rnd_inf:
      return tie ? (std::abs(below) > std::abs(above) ? below : above) : nearer;
    case Rounding::rnd_min_inf:
      return tie ? below : nearer;
    case Rounding::rnd_conv:
      return tie ? (std::fmod(below, 2.0) == 0 ? below : above) : nearer;
  }
  return 0;
}

double bring_into_range(double grid_value, const Format& format, Overflow overflow) {
  const double levels = std::exp2(format.width);
  const double max = format.is_signed ? levels / 2 - 1 : levels - 1;
  double min = format.is_signed ? -levels / 2 : 0;
  if (overflow == Overflow::sat_sym && format.is_signed) min = -max;
  if (grid_value >= min && grid_value <= max) return grid_value;
  switch (overflow) {
    case Overflow::wrap: {
      const double residue = grid_value - levels * std::floor(grid_value / levels);
      return format.is_signed && residue >= levels / 2 ? residue - levels : residue;
    }
    case Overflow::sat:
    case Overflow::sat_sym:
      return grid_value < min ? min : max;
    case Overflow::sat_zero:
      return 0;
  }
  return 0;
}

TEST(Quantize, ExhaustiveForSmallWidths) {
  long cases = 0;
  for (int width = 1; width <= 5; ++width) {
    for (const bool is_signed : {false, true}) {
      for (int to_frac = -2; to_frac <= 4; ++to_frac) {
        const Format format{width, to_frac, is_signed};
        for (int from_frac = -1; from_frac <= 6; ++from_frac) {
          for (const Rounding rounding : kAllRoundings) {
            for (const Overflow overflow : kAllOverflows) {
              const Quantizer to{format, rounding, overflow};
              for (std::int64_t mantissa = -140; mantissa <= 140; ++mantissa) {
                const double scaled =
                    std::ldexp(static_cast<double>(mantissa), to_frac - from_frac);
                const double expected =
                    bring_into_range(choose_neighbour(scaled, rounding), format, overflow);
                ASSERT_EQ(static_cast<double>(quantize(mantissa, from_frac, to)), expected)
                    << mantissa << " * 2^-" << from_frac << " to " << to_string(format) << " "
                    << to_string(rounding) << " " << to_string(overflow);
                ++cases;
              }
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(cases, 5L * 2 * 7 * 8 * 7 * 4 * 281);
}

TEST(Quantize, TheTableOfTheVendorManual) {
  // ap_fixed<3, 2> of 1.25 and -1.25 (UG1399, examples of the quantisation modes).
  const auto half_steps = [](double value, Rounding rounding) {
    return quantize_real(value, {{3, 1, true}, rounding, Overflow::sat});
  };
  EXPECT_EQ(half_steps(1.25, Rounding::rnd), 3);
  EXPECT_EQ(half_steps(-1.25, Rounding::rnd), -2);
  EXPECT_EQ(half_steps(1.25, Rounding::rnd_zero), 2);
  EXPECT_EQ(half_steps(-1.25, Rounding::rnd_zero), -2);
  EXPECT_EQ(half_steps(1.25, Rounding::rnd_min_inf), 2);
  EXPECT_EQ(half_steps(-1.25, Rounding::rnd_min_inf), -3);
  EXPECT_EQ(half_steps(1.25, Rounding::rnd_inf), 3);
  EXPECT_EQ(half_steps(-1.25, Rounding::rnd_inf), -3);
  EXPECT_EQ(half_steps(0.75, Rounding::rnd_conv), 2);
  EXPECT_EQ(half_steps(-1.25, Rounding::rnd_conv), -2);
  EXPECT_EQ(half_steps(1.25, Rounding::trn), 2);
  EXPECT_EQ(half_steps(-1.25, Rounding::trn), -3);
  EXPECT_EQ(half_steps(-1.25, Rounding::trn_zero), -2);
}

TEST(Quantize, WideMantissasAndFarShifts) {
  const std::int64_t max = std::numeric_limits<std::int64_t>::max();
  const std::int64_t min = std::numeric_limits<std::int64_t>::min();
  for (const Rounding rounding : kAllRoundings) {
    EXPECT_EQ(quantize(max, 0, {{64, 0, true}, rounding, Overflow::sat}), max);
    EXPECT_EQ(quantize(min, 0, {{64, 0, true}, rounding, Overflow::wrap}), min);
    EXPECT_EQ(quantize(max, 0, {{64, 1, true}, rounding, Overflow::sat}), max);
    EXPECT_EQ(quantize(1, 0, {{8, 500, true}, rounding, Overflow::sat}), 127);
    EXPECT_EQ(quantize(-1, 0, {{8, 500, true}, rounding, Overflow::sat}), -128);
    EXPECT_EQ(quantize(-1, 0, {{8, 500, true}, rounding, Overflow::wrap}), 0);
    EXPECT_EQ(quantize(0, 0, {{8, 500, true}, rounding, Overflow::sat}), 0);
    EXPECT_EQ(quantize(max, 900, {{8, 0, true}, rounding, Overflow::sat}), 0);
  }
  EXPECT_EQ(quantize(-1, 900, {{8, 0, true}, Rounding::trn, Overflow::sat}), -1);
  EXPECT_EQ(quantize(max, 63, {{8, 0, true}, Rounding::rnd, Overflow::sat}), 1);
}

TEST(Quantize, RealNumbersAreTakenExactly) {
  const Quantizer to{{16, 10, true}, Rounding::rnd_conv, Overflow::sat};
  EXPECT_EQ(quantize_real(1.0, to), 1024);
  EXPECT_EQ(quantize_real(std::ldexp(0.5, -10), to), 0);
  EXPECT_EQ(quantize_real(std::nextafter(std::ldexp(0.5, -10), 1), to), 1);
  EXPECT_EQ(quantize_real(std::ldexp(1.5, -10), to), 2);
  EXPECT_EQ(quantize_real(1e300, to), 32767);
  EXPECT_EQ(quantize_real(-1e300, to), -32768);
  EXPECT_EQ(quantize_real(5e-324, to), 0);
  EXPECT_EQ(quantize_real(std::numeric_limits<double>::infinity(), to), 32767);
  EXPECT_EQ(quantize_real(-0.0, to), 0);
  EXPECT_THROW(quantize_real(std::nan(""), to), UsageError);
}

TEST(Quantize, IntervalsContainWhatQuantizeReturnsAndNoMore) {
  for (const Rounding rounding : kAllRoundings) {
    for (const Overflow overflow : kAllOverflows) {
      for (const Format& format : {Format{3, 1, true}, Format{4, 0, false}, Format{2, -1, true}}) {
        const Quantizer to{format, rounding, overflow};
        for (std::int64_t min = -24; min <= 24; ++min) {
          for (std::int64_t max = min; max <= 24; max += 3) {
            const Interval range = quantize(Interval{min, max}, 2, to);
            Interval seen{quantize(min, 2, to), quantize(min, 2, to)};
            for (std::int64_t m = min; m <= max; ++m) {
              const std::int64_t q = quantize(m, 2, to);
              seen = hull(seen, {q, q});
            }
            ASSERT_TRUE(range.contains(seen));
            const bool saturates = overflow == Overflow::sat || overflow == Overflow::sat_sym;
            if (saturates) {
              ASSERT_EQ(range, seen);
            }
          }
        }
      }
    }
  }
}

TEST(Quantize, NamesRoundTrip) {
  for (const Rounding rounding : kAllRoundings)
    EXPECT_EQ(parse_rounding(to_string(rounding)), rounding);
  for (const Overflow overflow : kAllOverflows)
    EXPECT_EQ(parse_overflow(to_string(overflow)), overflow);
  EXPECT_EQ(parse_rounding("rnd_conv"), Rounding::rnd_conv);
  EXPECT_THROW(parse_rounding("nearest"), ModelError);
  EXPECT_THROW(parse_overflow(""), ModelError);
}

}  // namespace
}  // namespace sluice::fixed
