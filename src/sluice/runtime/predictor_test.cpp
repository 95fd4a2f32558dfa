#include "sluice/runtime/predictor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sluice/base/files.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/expect_error.hpp"
#include "sluice/runtime/test_package.hpp"

namespace sluice::runtime {
namespace {

using testing::expect_error;

class PredictorTest : public ::testing::Test {
 protected:
  std::vector<double> reals(const std::vector<std::int16_t>& mantissas) const {
    std::vector<double> result;
    result.reserve(mantissas.size());
    for (const std::int16_t mantissa : mantissas) {
      result.push_back(
          fixed::to_double(mantissa, kernel_.manifest().input.quantizer.format.frac_bits));
    }
    return result;
  }

  TemporaryFolder folder_;
  package::Package package_ = testing::write_package(folder_.path());
  Kernel kernel_ = Device::open(package_, "engine").kernel();
};

TEST_F(PredictorTest, MantissasInSeveralRuns) {
  Predictor predictor(kernel_, 8);
  for (const std::size_t events :
       {std::size_t{0}, std::size_t{1}, std::size_t{8}, std::size_t{21}}) {
    const auto inputs = testing::example_inputs(events, events);
    std::vector<std::int8_t> outputs(events * 2, 99);
    predictor.predict(std::span(inputs), std::span(outputs));
    EXPECT_EQ(outputs, testing::expected_outputs(inputs));
  }
}

TEST_F(PredictorTest, RealValuesOfBothWidths) {
  Predictor predictor(kernel_, 8);
  const auto mantissas = testing::example_inputs(21, 5);
  const auto expected = testing::expected_outputs(mantissas);
  const std::vector<double> inputs = reals(mantissas);
  const std::vector<float> narrow(inputs.begin(), inputs.end());
  std::vector<double> outputs(expected.size());
  predictor.predict(std::span(narrow), std::span(outputs));
  const int frac_bits = kernel_.manifest().output.quantizer.format.frac_bits;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(outputs[i], fixed::to_double(expected[i], frac_bits)) << i;
  }
  std::vector<std::int8_t> raw(expected.size());
  predictor.predict(std::span(inputs), std::span(raw));
  EXPECT_EQ(raw, expected);
}

TEST_F(PredictorTest, RoundsAsTheManifestSays) {
  Predictor predictor(kernel_);
  const std::vector<float> inputs{0.4F / 64, 0.6F / 64, 1e9F};
  const std::vector<std::int16_t> mantissas{0, 1, 2047};
  std::vector<std::int8_t> outputs(2);
  predictor.predict(std::span(inputs), std::span(outputs));
  EXPECT_EQ(outputs, testing::expected_outputs(mantissas));
}

TEST_F(PredictorTest, MeasuresSpans) {
  Predictor predictor(kernel_, 8);
  const auto inputs = testing::example_inputs(20, 1);
  std::vector<std::int8_t> outputs(40);
  Spans spans;
  predictor.predict(std::span(inputs), std::span(outputs), &spans);
  EXPECT_GT(spans.injection.count(), 0);
  EXPECT_GT(spans.inference.count(), 0);
  EXPECT_GT(spans.extraction.count(), 0);
  EXPECT_EQ(spans.total(), spans.injection + spans.inference + spans.extraction);
  EXPECT_FALSE(predictor.kernel_cycles().has_value());
}

TEST_F(PredictorTest, Arrays) {
  Predictor predictor(kernel_, 8);
  const auto mantissas = testing::example_inputs(10, 3);
  const auto expected = testing::expected_outputs(mantissas);
  const std::vector<double> values = reals(mantissas);
  const NpyArray raw = predictor.predict(
      NpyArray::from(std::span<const std::int16_t>(mantissas), {10, 3}), Outputs::mantissas);
  EXPECT_EQ(raw.shape, (std::vector<std::int64_t>{10, 2}));
  const auto integers = raw.as<std::int8_t>();
  EXPECT_EQ(std::vector(integers.begin(), integers.end()), expected);
  const NpyArray real = predictor.predict(NpyArray::from(std::span<const double>(values), {10, 3}));
  EXPECT_EQ(real.as<double>()[7], fixed::to_double(expected[7], 3));
}

TEST_F(PredictorTest, RefusesWrongTypes) {
  Predictor predictor(kernel_);
  const std::vector<std::int32_t> wide(3);
  std::vector<std::int8_t> outputs(2);
  expect_error(ErrorKind::usage, "E-RUNTIME-002", "int16, these are int32",
               [&] { predictor.predict(std::span(wide), std::span(outputs)); });
  std::vector<std::int16_t> inputs(3);
  std::vector<std::int64_t> wide_outputs(2);
  expect_error(ErrorKind::usage, "E-RUNTIME-002", "int8, these are int64",
               [&] { predictor.predict(std::span(inputs), std::span(wide_outputs)); });
  const std::vector<std::uint16_t> unsigned_integers(3);
  expect_error(ErrorKind::usage, "E-RUNTIME-002", "uint16", [&] {
    predictor.predict(NpyArray::from(std::span<const std::uint16_t>(unsigned_integers), {1, 3}));
  });
}

TEST_F(PredictorTest, RefusesWrongShapes) {
  Predictor predictor(kernel_);
  const std::vector<std::int16_t> inputs(8);
  std::vector<std::int8_t> outputs(4);
  expect_error(ErrorKind::usage, "E-RUNTIME-003", "8 elements",
               [&] { predictor.predict(std::span(inputs), std::span(outputs)); });
  expect_error(ErrorKind::usage, "E-RUNTIME-003", "room for 2 events, 1 are given",
               [&] { predictor.predict(std::span(inputs).first(3), std::span(outputs)); });
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{2, 4}, {8}, {2, 2, 2}, {}}) {
    const std::size_t elements = shape.empty() ? 1 : 8;
    expect_error(ErrorKind::usage, "E-RUNTIME-003", "[events, 3] is due", [&] {
      predictor.predict(
          NpyArray::from(std::span<const std::int16_t>(inputs).first(elements), shape));
    });
  }
}

TEST_F(PredictorTest, RefusesMantissasOutsideOfTheFormat) {
  Predictor predictor(kernel_, 1);
  std::vector<std::int8_t> outputs(4);
  for (const int bad : {2048, -2049}) {
    std::vector<std::int16_t> inputs(6);
    inputs[4] = static_cast<std::int16_t>(bad);
    expect_error(ErrorKind::usage, "E-RUNTIME-016",
                 std::to_string(bad) + " of event 1, element 1 is outside of s12.6",
                 [&] { predictor.predict(std::span(inputs), std::span(outputs)); });
  }
}

TEST_F(PredictorTest, RefusesNan) {
  Predictor predictor(kernel_);
  const std::vector<float> inputs{0, std::numeric_limits<float>::quiet_NaN(), 0};
  std::vector<float> outputs(2);
  EXPECT_THROW(predictor.predict(std::span(inputs), std::span(outputs)), UsageError);
}

}  // namespace
}  // namespace sluice::runtime
