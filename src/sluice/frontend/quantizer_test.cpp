#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "sluice/base/error.hpp"
#include "sluice/frontend/auto_po2.hpp"
#include "sluice/frontend/qkeras_quantizer.hpp"
#include "sluice/frontend/quantizer_expression.hpp"

namespace sluice::frontend {
namespace {

using ::testing::HasSubstr;

template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const ModelError& error) {
    return error.what();
  }
  return {};
}

std::vector<double> numbers(const Json& list) { return list.get<std::vector<double>>(); }

const Json& recorded() {
  static const Json data =
      read_json(std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data/qkeras_quantizers.json");
  return data;
}

TEST(Expression, ReadsPositionalAndKeywordArguments) {
  const CallExpression call =
      parse_call_expression(" quantized_bits( 6, -1 , True, alpha='auto_po2', x=None, y=2.5e-1) ");
  EXPECT_EQ(call.function, "quantized_bits");
  EXPECT_EQ(call.positional, (std::vector<Json>{6, -1, true}));
  ASSERT_EQ(call.keywords.size(), 3u);
  EXPECT_EQ(call.keywords[0], (std::pair<std::string, Json>{"alpha", "auto_po2"}));
  EXPECT_EQ(call.keywords[1], (std::pair<std::string, Json>{"x", nullptr}));
  EXPECT_EQ(call.keywords[2], (std::pair<std::string, Json>{"y", 0.25}));
}

TEST(Expression, ReadsNamesAndEmptyCalls) {
  EXPECT_EQ(parse_call_expression("relu").function, "relu");
  EXPECT_TRUE(parse_call_expression("quantized_relu()").positional.empty());
}

TEST(Expression, RefusesEverythingElse) {
  for (const char* const text : {"",          "(",
                                 "f(",        "f(1",
                                 "f(1,)",     "f(,)",
                                 "f(1) 2",    "f(a)",
                                 "f(alpha=)", "f(alpha=1, 2)",
                                 "f('x)",     "f([1,2])",
                                 "f(g(1))",   "f(1;2)",
                                 "f(nan)",    "f(inf)",
                                 "f(1e999)",  "__import__('os').system('true')",
                                 "f(0x10)",   "1+1"}) {
    EXPECT_THAT(refusal([&] { parse_call_expression(text); }), HasSubstr("E-FRONTEND-005")) << text;
  }
  EXPECT_THAT(refusal([] { parse_call_expression(std::string(100'000, 'a')); }),
              HasSubstr("too long"));
}

// QKeras's own results, among them ties, both ends of the range and numbers far outside of it.
TEST(Quantizer, EqualsQkerasElementByElement) {
  const Json& data = recorded().at("elementwise");
  const std::vector<double> x = numbers(data.at("x"));
  for (const Json& recorded_case : data.at("cases")) {
    const auto quantizer = parse_quantizer(recorded_case.at("quantizer"), QuantizerRole::bias);
    ASSERT_TRUE(quantizer.has_value());
    const std::vector<double> expected = numbers(recorded_case.at("y"));
    QkerasQuantizer unbounded = *quantizer;
    unbounded.upper_bound.reset();
    const QuantizedTensor got =
        quantize_weights(unbounded, {{static_cast<std::int64_t>(x.size()), 1}, x});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double value = fixed::to_double(got.mantissas[i], got.frac_bits);
      ASSERT_EQ(std::min(value, quantizer->upper_bound.value_or(value)), expected[i])
          << recorded_case.at("quantizer") << " of " << x[i];
    }
  }
}

TEST(Quantizer, AutoPo2EqualsQkeras) {
  for (const Json& recorded_case : recorded().at("weights")) {
    const auto quantizer = parse_quantizer(recorded_case.at("quantizer"), QuantizerRole::kernel);
    ASSERT_TRUE(quantizer.has_value());
    const QuantizedTensor got =
        quantize_weights(*quantizer, {recorded_case.at("shape").get<std::vector<std::int64_t>>(),
                                      numbers(recorded_case.at("w"))});
    const std::vector<double> expected = numbers(recorded_case.at("y"));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(fixed::to_double(got.mantissas[i], got.frac_bits), expected[i])
          << recorded_case.at("quantizer") << " of element " << i << " in "
          << recorded_case.at("shape");
    }
  }
}

TEST(Quantizer, AutoPo2RefusesWhatFloat32WouldDecide) {
  // The first scale is max / 3 = 2^-1.5 to within float32 precision.
  const RealTensor weights{{1, 1}, {3 * 0.353553390593273786}};
  EXPECT_THAT(refusal([&] { quantize_auto_po2(weights, 3, 0); }),
              HasSubstr("between two powers of two"));
}

TEST(Quantizer, NestedConfigAndTextAgree) {
  const Json object = parse_json(R"({"class_name": "quantized_bits", "module": "qkeras",
      "registered_name": "qkeras>quantized_bits", "config": {"bits": 6, "integer": 1,
      "symmetric": 1, "alpha": 0.5, "keep_negative": true, "use_stochastic_rounding": false,
      "qnoise_factor": 1.0, "post_training_scale": null}})",
                                 "test");
  const auto a = parse_quantizer(object, QuantizerRole::kernel);
  const auto b = parse_quantizer("quantized_bits(6,1,1,True,0.5)", QuantizerRole::kernel);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->quantizer, b->quantizer);
  EXPECT_EQ(a->quantizer,
            (fixed::Quantizer{{6, 4, true}, fixed::Rounding::rnd_conv, fixed::Overflow::sat_sym}));
  EXPECT_EQ(a->scale_exponents, std::vector<int>{-1});
  EXPECT_EQ(b->scale_exponents, std::vector<int>{-1});
  EXPECT_FALSE(parse_quantizer(nullptr, QuantizerRole::kernel).has_value());
}

// QDense turns the None of its kernel quantizer into 'auto_po2' when it is built.
TEST(Quantizer, NoAlphaMeansAutoPo2ForKernelsOnly) {
  EXPECT_TRUE(!!parse_quantizer("quantized_bits(6,0)", QuantizerRole::kernel)->auto_po2);
  EXPECT_FALSE(!!parse_quantizer("quantized_bits(6,0)", QuantizerRole::bias)->auto_po2);
  EXPECT_FALSE(!!parse_quantizer("quantized_bits(6,0)", QuantizerRole::activation)->auto_po2);
}

TEST(Quantizer, ScalesPerOutputShareOneBinaryPoint) {
  Json object = parse_json(R"({"class_name": "quantized_bits", "config": {"bits": 4, "integer": 0,
      "alpha": [[1.0, 0.25, 4.0]]}})",
                           "test");
  const auto quantizer = parse_quantizer(object, QuantizerRole::kernel);
  const RealTensor weights{{2, 3}, {0.5, 0.5, 0.5, -1.0, 0.125, 0.0625}};
  const QuantizedTensor got = quantize_weights(*quantizer, weights);
  std::vector<double> values;
  for (const std::int64_t mantissa : got.mantissas) {
    values.push_back(fixed::to_double(mantissa, got.frac_bits));
  }
  EXPECT_EQ(values, (std::vector<double>{0.5, 0.125, 2.0, -1.0, 0.03125, 0.0}));
  const RealTensor two_outputs{{1, 2}, {0.5, 0.5}};
  EXPECT_THAT(refusal([&] { quantize_weights(*quantizer, two_outputs); }),
              HasSubstr("3 scales for 2 outputs"));
}

TEST(Quantizer, AScaleIsTheFloat32NumberThatQkerasMultipliesBy) {
  const auto quantizer = parse_quantizer("quantized_bits(4,0,alpha=0.3)", QuantizerRole::kernel);
  const QuantizedTensor got = quantize_weights(*quantizer, {{2, 1}, {0.5, -1.0}});
  EXPECT_EQ(fixed::to_double(got.mantissas[0], got.frac_bits), 0.5 * double{0.3F});
  EXPECT_EQ(fixed::to_double(got.mantissas[1], got.frac_bits), -double{0.3F});
}

TEST(Quantizer, RefusalsSayWhy) {
  const auto expect_refused = [](const Json& quantizer, QuantizerRole role, const char* why) {
    const std::string text = refusal([&] { parse_quantizer(quantizer, role); });
    EXPECT_THAT(text, HasSubstr(why)) << quantizer;
    EXPECT_THAT(text, HasSubstr("E-FRONTEND-005")) << quantizer;
  };
  const QuantizerRole kernel = QuantizerRole::kernel;
  const QuantizerRole activation = QuantizerRole::activation;
  expect_refused("quantized_bits(6,0,alpha='auto')", kernel, "float32 sums");
  expect_refused("quantized_bits(6,0,alpha=-1)", kernel, "alpha=-1 is no scale");
  expect_refused("quantized_bits(6,0,alpha='auto_po2')", activation, "each batch of data");
  expect_refused("quantized_bits(6,0,qnoise_factor=0.5,alpha=1)", kernel, "qnoise_factor");
  expect_refused("quantized_bits(0)", kernel, "bits=0");
  expect_refused("quantized_bits(6.5)", kernel, "not an integer");
  expect_refused("quantized_bits(60,alpha=1)", kernel, "bits=60");
  expect_refused("quantized_bits(6,0,0,1,1,0,0,1,0,1,0,1)", kernel, "12 arguments");
  expect_refused("quantized_bits(6,bits=7)", kernel, "bits twice");
  expect_refused("quantized_bits(6,width=7)", kernel, "unknown setting width=7");
  expect_refused("quantized_relu(6,0,1)", activation, "use_sigmoid");
  expect_refused("quantized_relu(6,0,negative_slope=0.3)", activation, "negative_slope");
  expect_refused("quantized_relu(4,0,negative_slope=0.03125)", activation, "negative_slope");
  expect_refused("bernoulli(alpha=1)", activation, "draws random numbers");
  expect_refused("quantized_ulaw(6)", activation, "logarithms");
  expect_refused("ternary(threshold=0.5)", kernel, "searches for one");
  expect_refused("ternary(alpha='auto_po2')", QuantizerRole::bias, "alpha='auto_po2'");
  expect_refused("stochastic_ternary()", kernel, "alpha='auto_po2'");
  expect_refused("binary(alpha='auto')", kernel, "float32 sums");
  expect_refused("quantized_po2(7)", kernel, "spans 2^-32");
  expect_refused("quantized_po2(4,log2_rounding='floor')", kernel, "log2_rounding");
  expect_refused(Json::parse(R"({"config": {}})"), kernel, "is not a quantizer");
  expect_refused(7, kernel, "is not a quantizer");
  expect_refused(Json::parse(R"({"class_name": "quantized_bits", "config": {"alpha": [1, "a"]}})"),
                 kernel, "not a number");
  expect_refused(Json::parse(R"({"class_name": "quantized_bits", "config": {"alpha": []}})"),
                 kernel, "alpha is empty");
}

TEST(Quantizer, SettingsWithoutEffectAreNoted) {
  EXPECT_THAT(
      parse_quantizer("quantized_relu(6,2,relu_upper_bound=1.5)", QuantizerRole::activation)->notes,
      ::testing::ElementsAre(HasSubstr("no effect")));
  EXPECT_THAT(parse_quantizer("quantized_bits(6,2,alpha=1,use_stochastic_rounding=True)",
                              QuantizerRole::kernel)
                  ->notes,
              ::testing::ElementsAre(HasSubstr("training only")));
}

}  // namespace
}  // namespace sluice::frontend
