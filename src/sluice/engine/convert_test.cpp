#include "sluice/engine/convert.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "sluice/base/error.hpp"
#include "sluice/engine/engine.hpp"

namespace sluice::engine {
namespace {

using fixed::Overflow;
using fixed::Quantizer;
using fixed::Rounding;

template <class T>
std::vector<T> reals_around(const Quantizer& to) {
  std::vector<T> reals;
  const auto add_neighbours = [&](double value) {
    const T centre = static_cast<T>(value);
    const T infinity = std::numeric_limits<T>::infinity();
    for (const T x :
         {std::nextafter(centre, -infinity), centre, std::nextafter(centre, infinity)}) {
      reals.push_back(x);
      reals.push_back(-x);
    }
  };
  // Grid points, ties and their neighbours, inside and outside of the range.
  for (int quarter = 0; quarter <= 40; ++quarter) {
    add_neighbours(std::ldexp(quarter, -2 - to.format.frac_bits));
  }
  const auto max = static_cast<double>(to.format.max_mantissa());
  for (const double offset : {-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0}) {
    add_neighbours(std::ldexp(max + offset, -to.format.frac_bits));
    add_neighbours(std::ldexp(2 * max + offset, -to.format.frac_bits));
  }
  for (const T x : {T{0}, std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::min(),
                    std::numeric_limits<T>::max(), std::numeric_limits<T>::infinity()}) {
    reals.push_back(x);
    reals.push_back(-x);
  }
  std::mt19937_64 generator(11);
  std::uniform_int_distribution<int> exponent(-to.format.frac_bits - 8,
                                              to.format.integer_bits() + 70);
  std::uniform_real_distribution<double> fraction(-1, 1);
  for (int i = 0; i < 200; ++i) {
    reals.push_back(static_cast<T>(std::ldexp(fraction(generator), exponent(generator))));
  }
  // An odd number of reals, so that the last vector is partial on every target.
  if (reals.size() % 2 == 0) reals.push_back(T{1} / 3);
  return reals;
}

template <class T>
std::vector<std::int64_t> quantized(const std::vector<T>& reals, const EventLayout& layout,
                                    const std::string& target) {
  std::vector<std::byte> bytes(reals.size() / layout.elements() * layout.event_bytes());
  EventConverter(layout, target)
      .quantize(reals, as_mantissas(std::span<std::byte>(bytes), layout.container_bits()));
  return std::visit([](auto span) { return std::vector<std::int64_t>(span.begin(), span.end()); },
                    as_mantissas(std::span<const std::byte>(bytes), layout.container_bits()));
}

template <class T>
void expect_exact(const Quantizer& to) {
  const std::vector<T> reals = reals_around<T>(to);
  const EventLayout layout{{{"x", 1, to}}};
  for (const std::string& target : supported_targets()) {
    const std::vector<std::int64_t> found = quantized(reals, layout, target);
    for (std::size_t i = 0; i < reals.size(); ++i) {
      ASSERT_EQ(found[i], fixed::quantize_real(static_cast<double>(reals[i]), to))
          << target << " " << reals[i] << " to " << to_string(to.format) << " "
          << to_string(to.rounding) << " " << to_string(to.overflow);
    }
  }
}

TEST(QuantizeEvents, EveryModeWidthAndScale) {
  for (const fixed::Format& format : {fixed::Format{1, 0, true},
                                      {1, 3, false},
                                      {5, 2, true},
                                      {8, 0, false},
                                      {8, -3, true},
                                      {16, 10, true},
                                      {16, 6, false},
                                      {24, 30, false},
                                      {25, 12, true},
                                      {26, 12, true},
                                      {32, 0, true},
                                      {40, -5, true},
                                      {53, 20, false},
                                      {54, 1, true},
                                      {64, 32, true},
                                      {7, -59, true},
                                      {7, -70, true},
                                      {7, 120, true},
                                      {7, -1000, true},
                                      {7, 1000, true},
                                      {0, 4, true}}) {
    for (const Rounding rounding : fixed::kAllRoundings) {
      for (const Overflow overflow : fixed::kAllOverflows) {
        ASSERT_NO_FATAL_FAILURE(expect_exact<float>({format, rounding, overflow}));
        ASSERT_NO_FATAL_FAILURE(expect_exact<double>({format, rounding, overflow}));
      }
    }
  }
}

TEST(QuantizeEvents, ExhaustiveFloatTiesOfSixteenBits) {
  for (const Rounding rounding : fixed::kAllRoundings) {
    const Quantizer to{{16, 10, true}, rounding, Overflow::sat};
    std::vector<float> reals;
    for (int half = -70'000; half <= 70'000; ++half) reals.push_back(std::ldexp(half, -11));
    const EventLayout layout{{{"x", 1, to}}};
    for (const std::string& target : supported_targets()) {
      const std::vector<std::int64_t> found = quantized(reals, layout, target);
      for (std::size_t i = 0; i < reals.size(); ++i) {
        ASSERT_EQ(found[i], fixed::quantize_real(static_cast<double>(reals[i]), to)) << reals[i];
      }
    }
  }
}

const EventLayout kTwoInputs{{{"a", 2, {{8, 4, true}, Rounding::rnd, Overflow::sat}},
                              {"b", 3, {{20, 2, true}, Rounding::trn, Overflow::wrap}}}};

TEST(QuantizeEvents, EverySegmentHasItsQuantizer) {
  EXPECT_EQ(kTwoInputs.elements(), 5u);
  EXPECT_EQ(kTwoInputs.container_bits(), 32);
  EXPECT_EQ(kTwoInputs.event_bytes(), 20u);
  const std::vector<double> reals{1, 2, 3, 4, 5, 100, -100, 0.25, 0.3, -0.3};
  for (const std::string& target : supported_targets()) {
    EXPECT_EQ(quantized(reals, kTwoInputs, target),
              (std::vector<std::int64_t>{16, 32, 12, 16, 20, 127, -128, 1, 1, -2}));
  }
}

TEST(QuantizeEvents, NanIsRefusedByName) {
  std::vector<double> reals(5 * 4, 0.5);
  reals[5 * 3 + 4] = std::numeric_limits<double>::quiet_NaN();
  reals[5 * 2 + 3] = std::numeric_limits<double>::quiet_NaN();
  for (const std::string& target : supported_targets()) {
    try {
      quantized(reals, kTwoInputs, target);
      ADD_FAILURE() << target;
    } catch (const UsageError& error) {
      EXPECT_EQ(error.subject(), "b");
      EXPECT_EQ(error.message(), "event 2, element 1 is NaN");
    }
  }
}

TEST(QuantizeEvents, WrongUse) {
  const std::vector<float> reals(5);
  std::vector<std::int16_t> narrow(5);
  std::vector<std::int32_t> right(5);
  const EventConverter converter(kTwoInputs);
  EXPECT_NO_THROW(converter.quantize(reals, right));
  EXPECT_THROW(converter.quantize(reals, narrow), UsageError);
  EXPECT_THROW(converter.quantize(right, right), UsageError);
  EXPECT_THROW(converter.quantize(std::span(reals).first(4), right), UsageError);
  EXPECT_THROW(converter.quantize(std::vector<float>(10), right), UsageError);
  EXPECT_THROW(EventConverter(kTwoInputs, "MMX"), UsageError);
  EXPECT_THROW(EventConverter(EventLayout{}), UsageError);
  EXPECT_THROW(as_mantissas(std::span<const std::byte>(), 12), UsageError);
  const std::array<std::byte, 3> three{};
  EXPECT_THROW(as_mantissas(std::span<const std::byte>(three), 16), UsageError);
}

template <class T, class C>
void expect_dequantized(const fixed::Format& format) {
  const EventLayout layout{{{"y", 1, {format}}}};
  ASSERT_EQ(layout.container_bits(), static_cast<int>(sizeof(C) * 8));
  std::vector<C> mantissas;
  for (const std::int64_t m : {format.min_mantissa(), format.max_mantissa(), std::int64_t{0},
                               std::int64_t{-1}, std::int64_t{1}, format.max_mantissa() / 3}) {
    mantissas.push_back(static_cast<C>(m));
  }
  std::mt19937_64 generator(5);
  for (int i = 0; i < 101; ++i) mantissas.push_back(static_cast<C>(generator()));
  std::vector<T> reals(mantissas.size());
  for (const std::string& target : supported_targets()) {
    EventConverter(layout, target).dequantize(mantissas, reals);
    for (std::size_t i = 0; i < reals.size(); ++i) {
      // Rounded once to T; multiplying by a power of two is exact in these formats.
      ASSERT_EQ(reals[i], std::ldexp(static_cast<T>(mantissas[i]), -format.frac_bits)) << target;
    }
  }
}

TEST(DequantizeEvents, EveryContainer) {
  for (const int frac_bits : {-20, 0, 10, 200, 1000}) {
    expect_dequantized<float, std::int8_t>({8, frac_bits, true});
    expect_dequantized<float, std::int16_t>({16, frac_bits, true});
    expect_dequantized<float, std::int32_t>({32, frac_bits, true});
    expect_dequantized<float, std::int64_t>({64, frac_bits, true});
    expect_dequantized<double, std::int8_t>({8, frac_bits, true});
    expect_dequantized<double, std::int16_t>({16, frac_bits, true});
    expect_dequantized<double, std::int32_t>({32, frac_bits, true});
    expect_dequantized<double, std::int64_t>({64, frac_bits, true});
  }
}

}  // namespace
}  // namespace sluice::engine
