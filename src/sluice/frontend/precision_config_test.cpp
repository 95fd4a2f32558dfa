#include "sluice/frontend/precision_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::frontend {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PrecisionConfig parse(std::string_view json, Diagnostics& diagnostics) {
  return PrecisionConfig::parse(parse_json(json, "test"), diagnostics);
}

std::vector<std::string> errors(const Diagnostics& diagnostics) {
  std::vector<std::string> texts;
  for (const Diagnostic& error : diagnostics.errors()) {
    texts.push_back(error.subject + ": " + error.message);
  }
  return texts;
}

TEST(PrecisionConfig, NameBeforeTypeBeforeModel) {
  Diagnostics diagnostics;
  const PrecisionConfig config = parse(R"({
    "Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1, "Strategy": "Latency",
              "BramFactor": 1000000000, "TraceOutput": false},
    "LayerType": {"Dense": {"Precision": {"weight": "ap_fixed<8,2>", "bias": "ap_fixed<9,2>"},
                            "Strategy": "distributed_arithmetic"}},
    "LayerName": {"fc1": {"Precision": {"weight": "ap_fixed<4,1>", "result": "auto"}},
                  "fc2": {"Precision": "ap_ufixed<5,5>", "Trace": false}}})",
                                       diagnostics);
  EXPECT_THAT(errors(diagnostics), ElementsAre());
  const auto width = [&](const char* name, const char* class_name, const char* variable) {
    const auto found = config.find(name, class_name, variable);
    return found ? found->quantizer.format.width : -1;
  };
  EXPECT_EQ(width("fc1", "Dense", "weight"), 4);
  EXPECT_EQ(width("fc1", "QDense", "bias"), 9);
  EXPECT_TRUE(config.find("fc1", "Dense", "result")->is_auto);
  EXPECT_EQ(width("fc2", "Dense", "weight"), 5);
  EXPECT_EQ(width("fc3", "Dense", "weight"), 8);
  EXPECT_EQ(width("fc3", "Dense", "result"), 16);
  EXPECT_EQ(width("relu", "Activation", "result"), 16);
  EXPECT_FALSE(config.of_layer("relu", "Activation", "result").has_value());
  EXPECT_FALSE(config.find("fc2", "Dense", "accum").has_value());
}

TEST(PrecisionConfig, ReuseFactorsGoByNameTypeAndModel) {
  Diagnostics diagnostics;
  const PrecisionConfig config = parse(R"({
    "Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 2, "Strategy": "Resource"},
    "LayerType": {"Conv2D": {"ReuseFactor": 3}},
    "LayerName": {"fc1": {"ReuseFactor": 4}}})",
                                       diagnostics);
  EXPECT_TRUE(diagnostics.warnings().empty());
  EXPECT_EQ(config.reuse("fc1", "QDense"), 4);
  EXPECT_EQ(config.reuse("conv", "QConv2D"), 3);
  EXPECT_EQ(config.reuse("other", "Dense"), 2);
  EXPECT_EQ(PrecisionConfig().reuse("fc1", "Dense"), std::nullopt);
}

std::vector<std::string> warnings(const Diagnostics& diagnostics) {
  std::vector<std::string> texts;
  for (const Diagnostic& warning : diagnostics.warnings()) {
    texts.push_back(warning.subject + ": " + warning.message);
  }
  return texts;
}

TEST(PrecisionConfig, ReuseFactorsWithoutEffectAreNamed) {
  const std::vector<ReusableLayer> layers{
      {"fc1", "QDense", 32}, {"fc2", "Dense", 1}, {"relu", "QActivation", 0}};
  const auto said = [&](std::string_view json) {
    Diagnostics diagnostics;
    parse(json, diagnostics).check_reuse(layers, diagnostics);
    EXPECT_THAT(errors(diagnostics), ElementsAre());
    return warnings(diagnostics);
  };
  EXPECT_THAT(said(R"({"Model": {"ReuseFactor": 32}, "LayerType": {"Dense": {"ReuseFactor": 4}},
                       "LayerName": {"fc1": {"ReuseFactor": 2}, "relu": {"ReuseFactor": 1}}})"),
              ElementsAre());
  EXPECT_THAT(
      said(R"({"Model": {"ReuseFactor": 33},
               "LayerType": {"Activation": {"ReuseFactor": 2}, "Conv2D": {"ReuseFactor": 3}},
               "LayerName": {"fc1": {"ReuseFactor": 64}, "fc2": {"ReuseFactor": 4},
                             "fc1_softmax": {"ReuseFactor": 5}}})"),
      ElementsAre(
          "configuration: Model: ReuseFactor=33 acts as 32: the products of an output are made at "
          "once, and there are 32 outputs",
          "configuration: LayerType/Activation: ReuseFactor=2 has no effect: it acts on products "
          "with weights, and there are none",
          "configuration: LayerType/Conv2D: ReuseFactor=3 has no effect: no layer of the model "
          "goes by it",
          "configuration: LayerName/fc1: ReuseFactor=64 acts as 32: the products of an output are "
          "made at once, and there are 32 outputs",
          "configuration: LayerName/fc1_softmax: ReuseFactor=5 has no effect: it acts on products "
          "with weights, and there are none",
          "configuration: LayerName/fc2: ReuseFactor=4 has no effect: there is one output, and "
          "the products of an output are made at once"));
}

TEST(PrecisionConfig, SoftmaxFormsOfOtherLayersAreNamed) {
  Diagnostics diagnostics;
  const PrecisionConfig config =
      parse(R"({"LayerName": {"fc1": {"Strategy": "Stable"}, "out_softmax": {"Strategy": "argmax"},
                              "fc2": {"Strategy": "Latency"}}})",
            diagnostics);
  config.check_softmax_forms({"out_softmax"}, diagnostics);
  EXPECT_THAT(errors(diagnostics), ElementsAre());
  EXPECT_THAT(warnings(diagnostics),
              ElementsAre("configuration: LayerName/fc1: Strategy=stable has no effect: the layer "
                          "is no softmax"));
}

TEST(PrecisionConfig, InputLayerGoesByHls4mlsName) {
  Diagnostics diagnostics;
  const PrecisionConfig config =
      parse(R"({"LayerType": {"Input": {"Precision": "ap_fixed<7,2>"}}})", diagnostics);
  EXPECT_TRUE(config.of_layer("x", "InputLayer", "result").has_value());
}

TEST(PrecisionConfig, EveryUnknownKeyIsNamed) {
  Diagnostics diagnostics;
  const PrecisionConfig config = parse(R"({
    "Backend": "Vitis",
    "Model": {"Precision": {"default": "ap_fixed<16,6>", "maximum": "ap_fixed<32,16>"},
              "ReuseFactor": 0, "Strategy": "Unrolled", "Compression": true},
    "LayerType": {"Dense": {"Precision": {"weight": "int8"}}},
    "LayerName": {"fc9": {"Precision": 16}, "fc1": {"Trace": true}, "fc2": 3}})",
                                       diagnostics);
  config.check_names({"fc1", "fc2"}, diagnostics);
  EXPECT_THAT(
      errors(diagnostics),
      ElementsAre(HasSubstr("unknown section `Backend`"), HasSubstr("unknown key `maximum`"),
                  HasSubstr("ReuseFactor=0"), HasSubstr("Strategy=\"Unrolled\""),
                  HasSubstr("unknown key `Compression`"), HasSubstr("`int8`: not a fixed-point"),
                  HasSubstr("LayerName/fc9/Precision: is 16"), HasSubstr("Trace=true"),
                  HasSubstr("LayerName/fc2: is 3"), HasSubstr("LayerName/fc9: no layer")));
}

TEST(PrecisionConfig, WidthsBeyondTheExactOnesAreRefused) {
  for (const char* const type : {"ap_fixed<65,10>", "ap_ufixed<64,10>", "ap_fixed<16,99999>",
                                 "ap_fixed<99999999999,1>", "ap_fixed<8,2,ROUND>"}) {
    Diagnostics diagnostics;
    PrecisionConfig::parse({{"Model", {{"Precision", type}}}}, diagnostics);
    EXPECT_EQ(diagnostics.errors().size(), 1u) << type;
  }
  Diagnostics diagnostics;
  PrecisionConfig::parse("ap_fixed<16,6>", diagnostics);
  EXPECT_EQ(diagnostics.errors().size(), 1u);
}

}  // namespace
}  // namespace sluice::frontend
