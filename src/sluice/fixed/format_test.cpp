#include "sluice/fixed/format.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "sluice/base/error.hpp"
#include "sluice/fixed/interval.hpp"

namespace sluice::fixed {
namespace {

constexpr std::int64_t kMin64 = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax64 = std::numeric_limits<std::int64_t>::max();

TEST(Format, RangesAtEveryWidth) {
  EXPECT_EQ(range_of({16, 10, true}), (Interval{-32768, 32767}));
  EXPECT_EQ(range_of({16, 10, false}), (Interval{0, 65535}));
  EXPECT_EQ(range_of({1, 0, true}), (Interval{-1, 0}));
  EXPECT_EQ(range_of({1, 0, false}), (Interval{0, 1}));
  EXPECT_EQ(range_of({0, 0, true}), (Interval{0, 0}));
  EXPECT_EQ(range_of({0, 0, false}), (Interval{0, 0}));
  EXPECT_EQ(range_of({64, 0, true}), (Interval{kMin64, kMax64}));
  EXPECT_EQ(range_of({63, 0, false}), (Interval{0, kMax64}));
}

TEST(Format, TextRoundTrips) {
  for (const Format& format : {Format{16, 10, true}, Format{8, 0, false}, Format{4, -3, true},
                               Format{64, 70, true}, Format{0, 0, false}}) {
    EXPECT_EQ(parse_format(to_string(format)), format);
  }
  EXPECT_EQ(to_string(Format{16, 10, true}), "s16.10");
  for (const char* bad : {"", "s", "16.10", "s16", "s16.", "sx.1", "s65.0", "u64.0", "s1.2x"}) {
    EXPECT_THROW(parse_format(bad), ModelError) << bad;
  }
}

TEST(Format, ContainerIsTheSmallestSignedMachineInteger) {
  EXPECT_EQ(container_bits({8, 0, true}), 8);
  EXPECT_EQ(container_bits({8, 0, false}), 16);
  EXPECT_EQ(container_bits({7, 0, false}), 8);
  EXPECT_EQ(container_bits({16, 6, true}), 16);
  EXPECT_EQ(container_bits({33, 0, true}), 64);
}

TEST(Interval, FormatOfIsTight) {
  for (std::int64_t min = -20; min <= 20; ++min) {
    for (std::int64_t max = min; max <= 20; ++max) {
      const Format format = format_of({min, max}, 3);
      EXPECT_TRUE(range_of(format).contains(Interval{min, max}));
      EXPECT_EQ(format.is_signed, min < 0);
      if (format.width > 0) {
        const Format narrower{format.width - 1, 3, format.is_signed};
        EXPECT_FALSE(range_of(narrower).contains(Interval{min, max}));
      }
    }
  }
  EXPECT_EQ(format_of({kMin64, kMax64}, 0), (Format{64, 0, true}));
}

TEST(Interval, ArithmeticIsExactOrRefused) {
  EXPECT_EQ((Interval{-1, 2} + Interval{3, 4}), (Interval{2, 6}));
  EXPECT_EQ((Interval{-1, 2} - Interval{3, 4}), (Interval{-5, -1}));
  EXPECT_EQ((Interval{-2, 3} * Interval{-5, 7}), (Interval{-15, 21}));
  EXPECT_EQ((Interval{-2, 3} * -4), (Interval{-12, 8}));
  EXPECT_EQ(shift_left(Interval{-2, 3}, 4), (Interval{-32, 48}));
  EXPECT_EQ(shift_left(std::int64_t{-1}, 63), kMin64);
  EXPECT_THROW(shift_left(std::int64_t{1}, 63), ModelError);
  EXPECT_THROW((Interval{kMin64, 0} + Interval{-1, 0}), ModelError);
  EXPECT_THROW((Interval{kMax64, kMax64} * 2), ModelError);
  EXPECT_THROW((-Interval{kMin64, 0}), ModelError);
}

}  // namespace
}  // namespace sluice::fixed
