#include "sluice/calibrate/calibrate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>

#include "sluice/base/error.hpp"
#include "sluice/calibrate/generated_events.hpp"
#include "sluice/fixed/convert.hpp"
#include "sluice/frontend/testing/keras_json.hpp"
#include "sluice/frontend/testing/real_events.hpp"
#include "sluice/network/text.hpp"

namespace sluice::calibrate {
namespace {

using frontend::ImportOptions;
using frontend::ModelBytes;
using frontend::testing::input_json;
using frontend::testing::layer_json;
using frontend::testing::sequential;
using frontend::testing::Tensors;
using frontend::testing::WeightsWriter;

/// Numbers from a normal distribution, the same with every standard library.
std::vector<double> normal(std::uint64_t seed, std::size_t count, double sigma) {
  std::mt19937_64 generator(seed);
  std::vector<double> numbers(count);
  for (double& number : numbers) {
    number = -6;
    for (int i = 0; i < 12; ++i) number += std::ldexp(static_cast<double>(generator() >> 11), -53);
    number *= sigma;
  }
  return numbers;
}

NpyArray events(std::uint64_t seed, std::int64_t count, std::vector<std::int64_t> shape,
                double sigma = 1) {
  const auto width = static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
  shape.insert(shape.begin(), count);
  return NpyArray::from<double>(normal(seed, static_cast<std::size_t>(count) * width, sigma),
                                shape);
}

WeightsWriter::Tensor tensor(const char* name, std::vector<hsize_t> shape, std::uint64_t seed,
                             double sigma) {
  const auto count = std::accumulate(shape.begin(), shape.end(), hsize_t{1}, std::multiplies<>());
  return {name, std::move(shape), normal(seed, count, sigma)};
}

Json dense(const char* name, int units, const char* activation) {
  return layer_json("Dense", name, {{"units", units}, {"activation", activation}});
}

ModelBytes model_of(const Json& model, const std::map<std::string, Tensors>& weights) {
  WeightsWriter writer;
  for (const auto& [layer, tensors] : weights) writer.layer(layer, tensors);
  return {model.dump(), writer.bytes(), "model.json"};
}

/// 6 inputs, a hidden layer of each kind of activation, a normalisation, 3 outputs.
ModelBytes float_model() {
  return model_of(
      sequential({input_json("in", {6}), dense("a", 8, "relu"), dense("b", 7, "sigmoid"),
                  layer_json("BatchNormalization", "norm", {{"epsilon", 1e-3}, {"axis", {1}}}),
                  dense("c", 5, "tanh"), dense("out", 3, "softmax")}),
      {{"a", {tensor("kernel", {6, 8}, 1, 0.5), tensor("bias", {8}, 2, 0.1)}},
       {"b", {tensor("kernel", {8, 7}, 3, 0.4), tensor("bias", {7}, 4, 0.1)}},
       {"norm",
        {{"gamma", {7}, {1.1, 0.9, 1.3, 0.7, 1, 1.2, 0.8}},
         tensor("beta", {7}, 5, 0.3),
         tensor("moving_mean", {7}, 6, 0.2),
         {"moving_variance", {7}, {0.1, 0.2, 0.05, 0.07, 0.3, 0.15, 0.11}}}},
       {"c", {tensor("kernel", {7, 5}, 7, 0.5), tensor("bias", {5}, 8, 0.1)}},
       {"out", {tensor("kernel", {5, 3}, 9, 0.7), tensor("bias", {3}, 10, 0.1)}}});
}

/// What the layers of float_model() compute, written out.
std::vector<double> float_outputs(std::vector<double> x) {
  const auto apply = [&x](std::size_t units, std::uint64_t seed, double sigma,
                          const std::function<double(double)>& activation) {
    const auto as_float = [](double value) {
      return static_cast<double>(static_cast<float>(value));
    };
    const std::vector<double> kernel = normal(seed, x.size() * units, sigma);
    const std::vector<double> bias = normal(seed + 1, units, 0.1);
    std::vector<double> y(units);
    for (std::size_t unit = 0; unit < units; ++unit) {
      double sum = as_float(bias[unit]);
      for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * as_float(kernel[i * units + unit]);
      y[unit] = activation(sum);
    }
    x = y;
  };
  const auto as_float = [](double value) { return static_cast<double>(static_cast<float>(value)); };
  apply(8, 1, 0.5, [](double v) { return std::max(v, 0.0); });
  apply(7, 3, 0.4, [](double v) { return 1 / (1 + std::exp(-v)); });
  const std::vector<double> gamma{1.1, 0.9, 1.3, 0.7, 1, 1.2, 0.8};
  const std::vector<double> variance{0.1, 0.2, 0.05, 0.07, 0.3, 0.15, 0.11};
  const std::vector<double> beta = normal(5, 7, 0.3);
  const std::vector<double> mean = normal(6, 7, 0.2);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] =
        (x[i] - as_float(mean[i])) / std::sqrt(as_float(variance[i]) + 1e-3) * as_float(gamma[i]) +
        as_float(beta[i]);
  }
  apply(5, 7, 0.5, [](double v) { return std::tanh(v); });
  apply(3, 9, 0.7, [](double v) { return v; });
  return x;
}

/// The largest error of the exact network of `config`, against the layers written out.
double largest_error(const ModelBytes& model, const Json& config, const NpyArray& data) {
  ImportOptions options;
  options.config = config;
  const network::Network net = frontend::import_model(model, options).network;
  std::vector<double> expected;
  const std::vector<double> inputs = data.to_double();
  for (std::size_t first = 0; first < inputs.size(); first += 6) {
    const auto outputs = float_outputs({inputs.begin() + static_cast<std::ptrdiff_t>(first),
                                        inputs.begin() + static_cast<std::ptrdiff_t>(first + 6)});
    expected.insert(expected.end(), outputs.begin(), outputs.end());
  }
  return frontend::testing::differences(net, data,
                                        NpyArray::from<double>(expected, {data.shape[0], 3}))
      .largest;
}

const FormatLoss& row(const FormatReport& report, std::string_view layer,
                      std::string_view variable) {
  const auto found = std::ranges::find_if(report.formats, [&](const FormatLoss& loss) {
    return loss.layer == layer && loss.variable == variable;
  });
  EXPECT_NE(found, report.formats.end()) << layer << " " << variable;
  return found == report.formats.end() ? report.formats.front() : *found;
}

int total_bits(const FormatReport& report) {
  int bits = 0;
  for (const FormatLoss& loss : report.formats) bits += loss.bits;
  return bits;
}

TEST(Calibrate, MeetsItsTargetOnEventsThatItHasNotSeen) {
  const ModelBytes model = float_model();
  int bits_before = 0;
  for (const double target : {0.1, 0.01, 0.001}) {
    const Calibration found =
        calibrate(model, {}, events(20, 300, {6}), {target, ErrorMeasure::max});
    EXPECT_LE(found.report.error.max, target);
    EXPECT_GT(found.report.error.max, target / 20) << "more bits than needed";
    EXPECT_LE(largest_error(model, found.report.config, events(21, 300, {6})), target);
    EXPECT_GT(total_bits(found.report), bits_before);
    bits_before = total_bits(found.report);
    for (const char* const operand : {"b", "c"}) {  // of a table
      EXPECT_LE(row(found.report, operand, "result").bits, 16);
    }
  }
}

TEST(Calibrate, ItsConfigurationGivesTheSameNetworkAndTheSameChoiceAgain) {
  const ModelBytes model = float_model();
  const NpyArray data = events(22, 100, {6});
  const Calibration first = calibrate(model, {}, data, {0.02, ErrorMeasure::rms});
  EXPECT_LE(first.report.error.rms, 0.02);
  EXPECT_EQ(calibrate(model, {}, data, {0.02, ErrorMeasure::rms}).report.config,
            first.report.config);
  ImportOptions options;
  options.config = parse_json(first.report.config.dump(), "test");
  const FormatReport again = measure_formats(model, options, data);
  EXPECT_EQ(again.error.max, first.report.error.max);
  EXPECT_EQ(to_json(again), to_json(first.report));
  EXPECT_THROW(calibrate(model, options, data, {}), UsageError) << "nothing is left to choose";
}

TEST(Calibrate, KeepsWhatTheConfigurationNames) {
  const ModelBytes model = float_model();
  ImportOptions options;
  options.config = parse_json(
      R"({"Model": {"Precision": "ap_fixed<4,2>"},
          "LayerName": {"a": {"Precision": {"weight": "ap_fixed<9,2,RND,SAT>"}},
                        "in": {"Precision": "ap_fixed<11,4,RND,SAT>"}}})",
      "test");
  const Calibration found = calibrate(model, options, events(23, 200, {6}), {0.1, {}});
  EXPECT_EQ(row(found.report, "a", "weight").format, "ap_fixed<9,2,RND,SAT>");
  EXPECT_EQ(row(found.report, "in", "result").format, "ap_fixed<11,4,RND,SAT>");
  EXPECT_NE(row(found.report, "b", "weight").format, "ap_fixed<4,2>");
  EXPECT_LE(largest_error(model, found.report.config, events(24, 200, {6})), 0.1);
}

TEST(Calibrate, RoundsOnceBetweenLayers) {
  const Calibration found = calibrate(float_model(), {}, events(25, 50, {6}), {0.1, {}});
  for (const FormatLoss& loss : found.report.formats) {
    EXPECT_FALSE(loss.layer == "a" && loss.variable == "result") << "the ReLU's result is rounded";
  }
  EXPECT_TRUE(row(found.report, "a_relu", "result").format.starts_with("ap_ufixed"));
}

TEST(Calibrate, ChoosesForConvolutionsPoolsAndBranches) {
  const Json conv = layer_json(
      "Conv2D", "conv",
      {{"filters", 3}, {"kernel_size", {3, 3}}, {"padding", "same"}, {"activation", "relu"}});
  const Json pool = layer_json("AveragePooling2D", "pool", {{"pool_size", {3, 3}}});
  const ModelBytes model = model_of(
      sequential({input_json("in", {6, 6, 2}), conv,
                  layer_json("SeparableConv2D", "sep",
                             {{"filters", 4}, {"kernel_size", {2, 2}}, {"activation", "linear"}}),
                  pool, layer_json("Flatten", "flat"), dense("out", 2, "linear")}),
      {{"conv", {tensor("kernel", {3, 3, 2, 3}, 1, 0.3), tensor("bias", {3}, 2, 0.1)}},
       {"sep",
        {tensor("depthwise_kernel", {2, 2, 3, 1}, 3, 0.4),
         tensor("pointwise_kernel", {1, 1, 3, 4}, 4, 0.5), tensor("bias", {4}, 5, 0.1)}},
       {"out", {tensor("kernel", {4, 2}, 6, 0.7), tensor("bias", {2}, 7, 0.1)}}});
  const Calibration found = calibrate(model, {}, events(26, 60, {6, 6, 2}), {0.02, {}});
  EXPECT_LE(found.report.error.max, 0.02);
  ImportOptions options;
  options.config = found.report.config;
  EXPECT_LE(measure_formats(model, options, events(27, 60, {6, 6, 2})).error.max, 0.02);
}

TEST(Calibrate, SaysWhatAConfigurationDoes) {
  ImportOptions options;
  options.config = parse_json(R"({"Model": {"Precision": "ap_fixed<8,2,RND,SAT>"}})", "test");
  const FormatReport report = measure_formats(float_model(), options, events(28, 100, {6}, 2));
  EXPECT_GT(report.error.max, 0.05);
  EXPECT_GT(report.largest_output, 0.5);
  ASSERT_TRUE(report.same_class);
  EXPECT_LE(*report.same_class, 100);
  const FormatLoss& input = row(report, "in", "result");
  EXPECT_GT(input.saturated, 50) << "values beyond 2 are common";
  EXPECT_GT(input.error.max, 0.01);
  EXPECT_EQ(row(report, "out", "weight").saturated, 0);
}

TEST(Calibrate, GeneratesEventsWithinTheInputsFormat) {
  const ModelBytes model = float_model();
  const auto generated = [&](const char* format) {
    ImportOptions options;
    options.config = Json{{"Model", {{"Precision", format}}}};
    const NpyArray data = generate_events(frontend::import_model(model, options));
    EXPECT_EQ(data.shape, (std::vector<std::int64_t>{1000, 6}));
    EXPECT_GT(measure_formats(model, options, data).error.max, 0);
    return data.to_double();
  };
  const std::vector<double> wide = generated("ap_fixed<16,6>");
  EXPECT_EQ(generated("ap_fixed<16,6>"), wide);
  double sum = 0;
  double squares = 0;
  for (const double value : wide) {
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 6000, 0, 0.05);
  EXPECT_NEAR(squares / 6000, 1, 0.1);
  const std::vector<double> narrow = generated("ap_fixed<8,1>");
  EXPECT_EQ(std::ranges::min(narrow), -1);
  EXPECT_EQ(std::ranges::max(narrow), 1 - std::ldexp(1.0, -7));
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Calibrate, RefusesByName) {
  const ModelBytes model = float_model();
  const auto message = [&](const NpyArray& data, const ErrorTarget& target) {
    return refusal([&] { calibrate(model, {}, data, target); });
  };
  EXPECT_NE(message(events(1, 10, {5}), {}).find("(10, 5)"), std::string::npos);
  NpyArray with_nan = events(1, 10, {6});
  const double nan = std::nan("");
  std::memcpy(with_nan.bytes.data() + 8 * (6 * 3 + 2), &nan, 8);
  EXPECT_NE(message(with_nan, {}).find("event 3, element 2"), std::string::npos);
  EXPECT_NE(message(events(1, 10, {6}), {-1.0, {}}).find("E-CALIBRATE-004"), std::string::npos);
  EXPECT_NE(message(events(1, 10, {6}), {1e-12, {}}).find("E-CALIBRATE-003"), std::string::npos);
}

}  // namespace
}  // namespace sluice::calibrate
