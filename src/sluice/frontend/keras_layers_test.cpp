#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include "sluice/base/npy.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/testing/evaluate.hpp"
#include "sluice/frontend/testing/keras_json.hpp"
#include "sluice/frontend/testing/real_events.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::frontend {
namespace {

const std::filesystem::path kData = std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data";

/// The Keras layer whose last layer `name` of the network is.
std::string keras_layer(const ModelSource& source, const std::string& name) {
  for (const LayerSummary& layer : source.layers) {
    if (!layer.network_layers.empty() && layer.network_layers.back() == name) return layer.name;
  }
  return name;
}

/// Every output of a model against the framework in float64.
void expect_exact(const Imported& model, const char* vectors_file) {
  const network::Network& net = model.network;
  EXPECT_NO_THROW(network::verify(net));
  const auto vectors = load_npz(kData / vectors_file);
  std::vector<std::vector<double>> inputs;
  for (std::size_t i = 0; i < net.inputs().size(); ++i) {
    inputs.push_back(vectors.at(fmt::format("x_{}", i)).to_double());
  }
  std::vector<std::vector<double>> expected;
  for (const network::LayerId id : net.outputs()) {
    const std::string name = keras_layer(model.source, net.layer(id).name);
    ASSERT_TRUE(vectors.contains("y_" + name)) << name;
    expected.push_back(vectors.at("y_" + name).to_double());
  }
  const auto events = static_cast<std::size_t>(vectors.at("x_0").shape[0]);
  std::map<std::string, int> differing;
  for (std::size_t event = 0; event < events; ++event) {
    std::vector<double> reals;
    for (const std::vector<double>& input : inputs) {
      const auto width = static_cast<std::ptrdiff_t>(input.size() / events);
      const auto first = input.begin() + static_cast<std::ptrdiff_t>(event) * width;
      reals.insert(reals.end(), first, first + width);
    }
    const std::vector<std::int64_t> got = testing::evaluate_reals(net, reals);
    std::size_t next = 0;
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const network::Layer& layer = net.layer(net.outputs()[k]);
      const std::size_t width = expected[k].size() / events;
      ASSERT_EQ(width, layer.type.ranges.size()) << layer.name;
      for (std::size_t i = 0; i < width; ++i) {
        const double value = fixed::to_double(got[next++], layer.type.format.frac_bits);
        if (value != expected[k][event * width + i]) ++differing[layer.name];
      }
    }
  }
  for (const auto& [layer, count] : differing) {
    ADD_FAILURE() << layer << ": " << count << " elements differ";
  }
}

class LayersAgainstKeras : public ::testing::TestWithParam<const char*> {};
TEST_P(LayersAgainstKeras, EveryOutputIsExact) {
  const std::string stem = fmt::format("layers_{}", GetParam());
  expect_exact(import_model(kData / (stem + ".h5")), (stem + "_vectors.npz").c_str());
}
INSTANTIATE_TEST_SUITE_P(Models, LayersAgainstKeras,
                         ::testing::Values("conv2d", "conv1d", "pooling", "movement", "merge",
                                           "activation", "tables", "quantizer", "power_of_two",
                                           "small_cnn", "nested", "transposed", "einsum",
                                           "qkeras_more"),
                         [](const auto& model) { return std::string(model.param); });

class LayersAgainstHgq2 : public ::testing::TestWithParam<const char*> {};
TEST_P(LayersAgainstHgq2, EveryOutputIsExact) {
  const std::string stem = fmt::format("hgq2_{}", GetParam());
  expect_exact(import_model(kData / (stem + ".keras")), (stem + ".npz").c_str());
}
INSTANTIATE_TEST_SUITE_P(Models, LayersAgainstHgq2,
                         ::testing::Values("convolution", "merge", "activation"),
                         [](const auto& model) { return std::string(model.param); });

// An archive, and JSON with `keras3_nested.weights.h5` beside it.
TEST(NestedModels, OfKeras3AreExact) {
  for (const char* const file : {"keras3_nested.keras", "keras3_nested.json"}) {
    const Imported model = import_model(
        kData / file,
        testing::with_config(
            R"({"Model": {"Precision": {"weight": "ap_fixed<8,4>", "bias": "ap_fixed<8,4>",
                                           "result": "ap_fixed<44,20>"}}})"));
    expect_exact(model, "keras3_nested.npz");
    const auto names = [&](const char* name) {
      return std::ranges::count(model.source.layers, std::string(name), &LayerSummary::name);
    };
    // The outer `dense` keeps its name; the inner ones carry the way to them.
    EXPECT_EQ(names("dense"), 1);
    EXPECT_EQ(names("block/dense"), 1);
    EXPECT_EQ(names("pair/dense"), 1);
    EXPECT_EQ(names("dense_again"), 1);
  }
}

TEST(NestedModels, AllProblemsOfAnArchiveAtOnce) {
  try {
    import_model(kData / "faults.keras",
                 testing::with_config(R"({"Model": {"Precision": "ap_fixed<48,20>"}})"));
    FAIL();
  } catch (const ModelError& error) {
    using ::testing::HasSubstr;
    EXPECT_THAT(error.what(),
                ::testing::AllOf(HasSubstr("4 problems"),
                                 HasSubstr("both: layer class `LayerNormalization`"),
                                 HasSubstr("activation `mystery`"), HasSubstr("`kernel` has shape"),
                                 HasSubstr("padding='reflect'")));
  }
}

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::import_json;
using testing::json_refusal;
using testing::layer_json;
using testing::outputs;
using testing::Tensors;

Json model_of(std::vector<int> shape, std::vector<Json> layers) {
  layers.insert(layers.begin(),
                {testing::input_json("x", std::move(shape)), testing::kQuantizeInput});
  return testing::sequential(std::move(layers));
}

Json convolution(Json more) {
  Json config = {{"filters", 2},
                 {"kernel_size", {2}},
                 {"use_bias", false},
                 {"kernel_quantizer", "quantized_bits(6,1,alpha=1)"}};
  config.update(more);
  return layer_json("QConv1D", "conv", std::move(config));
}

Imported softmax_model(const char* strategy, std::vector<Json> behind = {},
                       const std::map<std::string, Tensors>& weights = {}) {
  std::vector<Json> layers{testing::input_json("x", {5}),
                           layer_json("Activation", "s", {{"activation", "softmax"}})};
  layers.insert(layers.end(), behind.begin(), behind.end());
  return import_json(
      testing::sequential(std::move(layers)), weights,
      testing::with_config(fmt::format(
          R"({{"LayerName": {{"x": {{"Precision": "ap_fixed<16,6>"}},
                              "s": {{"Strategy": "{}", "Precision": {{"result": "{}"}}}}}}}})",
          strategy, std::string_view(strategy) == "Stable" ? "ap_fixed<16,6>" : "auto")));
}

// Products of 12 and 24 bits are exact in a double.
TEST(Slopes, OfTwentyFourBitsAreExact) {
  const std::vector<float> alpha{0.00123F, 0.9F, 1.0e-4F};
  const ImportOptions options =
      testing::with_config(R"({"LayerName": {"x": {"Precision": "ap_fixed<12,6>"}}})");
  const Imported prelu =
      import_json(testing::sequential({testing::input_json("x", {3}), layer_json("PReLU", "p")}),
                  {{"p", {{"alpha", {3}, {alpha[0], alpha[1], alpha[2]}}}}}, options);
  const Imported leaky = import_json(
      testing::sequential({testing::input_json("x", {3}),
                           layer_json("LeakyReLU", "l", {{"negative_slope", double{alpha[0]}}})}),
      {}, options);
  const std::vector<double> x{-31.984375, -0.015625, -7.328125};
  EXPECT_EQ(outputs(prelu, x),
            (std::vector<double>{x[0] * alpha[0], x[1] * alpha[1], x[2] * alpha[2]}));
  EXPECT_EQ(outputs(leaky, x),
            (std::vector<double>{x[0] * alpha[0], x[1] * alpha[0], x[2] * alpha[0]}));
  EXPECT_EQ(outputs(prelu, {3, 2, 1}), (std::vector<double>{3, 2, 1}));
}

TEST(Softmax, ArgmaxIsOneHotWithTheFirstOfEquals) {
  const Imported model = softmax_model("argmax");
  EXPECT_EQ(outputs(model, {1, 3, -2, 3, 0}), (std::vector<double>{0, 1, 0, 0, 0}));
  EXPECT_EQ(outputs(model, {-1, -3, -2, -3, -0.5}), (std::vector<double>{0, 0, 0, 0, 1}));
  EXPECT_EQ(outputs(model, {0, 0, 0, 0, 0}), (std::vector<double>{1, 0, 0, 0, 0}));
}

TEST(Softmax, TablesStayWithinTheirBound) {
  const Imported model = softmax_model("Table");
  ASSERT_EQ(model.warnings.size(), 1u);
  EXPECT_EQ(model.warnings[0].code, "W-FRONTEND-005");
  const std::string& message = model.warnings[0].message;
  const std::size_t start = message.find("within ");
  ASSERT_NE(start, std::string::npos) << message;
  const double bound = std::stod(message.substr(start + 7));
  EXPECT_LT(bound, 2e-3);
  const auto vectors = load_npz(kData / "hls4ml_softmax.npz");
  const std::vector<double> x = vectors.at("x").to_double();
  double largest = 0;
  for (std::size_t event = 0; event < x.size() / 5; ++event) {
    const std::vector<double> one(x.begin() + 5 * event, x.begin() + 5 * (event + 1));
    const double top = *std::ranges::max_element(one);
    double sum = 0;
    for (const double value : one) sum += std::exp(value - top);
    const std::vector<double> got = outputs(model, one);
    for (std::size_t i = 0; i < 5; ++i) {
      largest = std::max(largest, std::abs(got[i] - std::exp(one[i] - top) / sum));
    }
  }
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, bound / 100);
}

// Recorded from hls4ml 1.1.0's softmax_stable, compiled: ap_fixed<16,6> in and out, its table
// types.
TEST(Softmax, StableEqualsHls4mlBitForBit) {
  const Imported model = softmax_model("Stable");
  const auto vectors = load_npz(kData / "hls4ml_softmax.npz");
  EXPECT_EQ(testing::differences(model.network, vectors.at("x"), vectors.at("y")).events, 0);
}

TEST(Softmax, MayStandInsideOfANetwork) {
  const Tensors kernel{{"kernel", {5, 1}, {0, 1, 2, 3, 4}}, {"bias", {1}, {0.5}}};
  const Imported model = softmax_model(
      "argmax",
      {testing::qdense("index", 1, {{"kernel_quantizer", "quantized_bits(8,4,alpha=1)"}})},
      {{"index", kernel}});
  EXPECT_EQ(outputs(model, {1, 0, 5, 2, 5}), (std::vector<double>{2.5}));
  EXPECT_THAT(json_refusal(model_of({2}, {layer_json("Softmax", "p"), testing::qdense("fc", 1)}),
                           {{"fc", {{"kernel", {2, 1}, {1, 1}}, {"bias", {1}, {1}}}}}),
              AllOf(HasSubstr("p: softmax is left out at the very end only"),
                    HasSubstr(R"("Strategy": "table")")));
}

TEST(KerasLayers, GroupsSeeTheirOwnChannels) {
  // Two taps, one channel per group, two filters: filter 0 sees channel 0, filter 1 channel 1.
  const Tensors kernel{{"kernel", {2, 1, 2}, {1, 0.5, -1, 1.5}}};
  const Imported model =
      import_json(model_of({3, 2}, {convolution({{"groups", 2}})}), {{"conv", kernel}});
  EXPECT_EQ(outputs(model, {1, 2, 3, 4, 5, 6}),
            (std::vector<double>{1 - 3, 0.5 * 2 + 1.5 * 4, 3 - 5, 0.5 * 4 + 1.5 * 6}));
}

Json functional(const char* name, std::vector<Json> layers, const char* input, Json output) {
  Json model{{"class_name", "Functional"}, {"name", name}};
  model["config"] = {{"name", name},
                     {"layers", std::move(layers)},
                     {"input_layers", {{input, 0, 0}}},
                     {"output_layers", {std::move(output)}}};
  return model;
}

Json called_with(Json layer, const char* operand, int node = 0) {
  layer["name"] = layer["config"]["name"];
  layer["inbound_nodes"] = {{{operand, node, 0, Json::object()}}};
  return layer;
}

// An outer model that calls one which only passes its input on.
Json passing_on(const char* operand, int node, Json output) {
  const Json inner = functional("inner", {testing::input_json("a", {2})}, "a", Json{"a", 0, 0});
  return functional("outer", {testing::input_json("x", {2}), called_with(inner, operand, node)},
                    "x", std::move(output));
}

TEST(NestedModels, MayPassTheirInputOn) {
  const Imported model =
      import_json(passing_on("x", 0, Json{"inner", 1, 0}), {},
                  testing::with_config(R"({"Model": {"Precision": "ap_fixed<8,4>"}})"));
  EXPECT_EQ(outputs(model, {1.5, -2}), (std::vector<double>{1.5, -2}));
}

TEST(NestedModels, RefuseWhatDoesNotExist) {
  const auto refused = [](const Json& model) { return json_refusal(model, {}); };
  EXPECT_THAT(refused(passing_on("x", 0, Json{"inner", 1, 3})),
              HasSubstr("uses call 1, tensor 3 of `inner`, which does not exist"));
  EXPECT_THAT(refused(passing_on("x", 0, Json{"inner", 5, 0})), HasSubstr("uses call 5"));
  EXPECT_THAT(refused(passing_on("inner", 1, Json{"inner", 1, 0})), HasSubstr("has a cycle"));
  Json deep = functional("m", {testing::input_json("a", {2})}, "a", Json{"a", 0, 0});
  for (int i = 0; i < 40; ++i) {
    deep = functional("m", {testing::input_json("a", {2}), called_with(deep, "a")}, "a",
                      Json{"m", 1, 0});
  }
  EXPECT_THAT(refused(deep), HasSubstr("too deep"));
  // Every level calls the next one twice.
  Json wide = functional("m", {testing::input_json("a", {2})}, "a", Json{"a", 0, 0});
  for (int i = 0; i < 14; ++i) {
    Json twice = called_with(wide, "a");
    twice["inbound_nodes"].push_back(twice["inbound_nodes"][0]);
    wide = functional("m", {testing::input_json("a", {2}), twice}, "a", Json{"m", 1, 0});
  }
  EXPECT_THAT(refused(wide), HasSubstr("calls too many layers"));
  const Json wrapped =
      layer_json("TimeDistributed", "t", {{"layer", functional("m", {}, "a", Json{"a", 0, 0})}});
  EXPECT_THAT(refused(model_of({2, 2}, {wrapped})),
              HasSubstr("TimeDistributed `t` of something else than a layer"));
}

TEST(KerasLayers, QuantisedTransposedConvolution) {
  const Json layer = layer_json("QConv2DTranspose", "up",
                                {{"filters", 1},
                                 {"kernel_size", {1, 2}},
                                 {"strides", {1, 2}},
                                 {"use_bias", false},
                                 {"kernel_quantizer", "quantized_bits(4,1,alpha=1)"}});
  const Imported model =
      import_json(model_of({1, 2, 1}, {layer}), {{"up", {{"kernel", {1, 2, 1, 1}, {1, 0.5}}}}});
  EXPECT_EQ(outputs(model, {1, 2}), (std::vector<double>{1, 0.5, 2, 1}));
}

TEST(KerasLayers, ChannelsFirstIsAPermutation) {
  const Tensors kernel{{"kernel", {2, 2, 2}, {1, 0, 0, 1, 0.5, 0, 0, -1}}};
  const Imported last =
      import_json(model_of({3, 2}, {convolution(Json::object())}), {{"conv", kernel}});
  const Imported first = import_json(
      model_of({2, 3}, {convolution({{"data_format", "channels_first"}})}), {{"conv", kernel}});
  const std::vector<double> y = outputs(last, {1, 4, 2, 5, 3, 6});
  EXPECT_EQ(y, (std::vector<double>{1 + 0.5 * 2, 4 - 5, 2 + 0.5 * 3, 5 - 6}));
  EXPECT_EQ(outputs(first, {1, 2, 3, 4, 5, 6}), (std::vector<double>{y[0], y[2], y[1], y[3]}));
  const auto pooled = [](const char* class_name, Json config) {
    config["data_format"] = "channels_first";
    return outputs(import_json(model_of({2, 2}, {layer_json(class_name, "p", config)}), {}),
                   {1, 2, 4, 3});
  };
  EXPECT_EQ(pooled("MaxPooling1D", {{"pool_size", 2}}), (std::vector<double>{2, 4}));
  EXPECT_EQ(pooled("AveragePooling1D", {{"pool_size", 2}}), (std::vector<double>{1.5, 3.5}));
  EXPECT_EQ(pooled("GlobalMaxPooling1D", Json::object()), (std::vector<double>{2, 4}));
  EXPECT_EQ(pooled("Flatten", Json::object()), (std::vector<double>{1, 4, 2, 3}));
}

TEST(KerasLayers, WhatHasNoExactResultNeedsAQuantizer) {
  const Json sigmoid = layer_json("Activation", "s", {{"activation", "sigmoid"}});
  EXPECT_THAT(json_refusal(model_of({2}, {sigmoid}), {}),
              AllOf(HasSubstr("s: sigmoid has no exact result"), HasSubstr("quantize it")));
  const Json flatten = layer_json("Flatten", "f");
  const Json quantizer =
      layer_json("QActivation", "a", {{"activation", "quantized_bits(4,0,alpha=1)"}});
  const Imported model = import_json(model_of({2, 1}, {sigmoid, flatten, quantizer}), {});
  EXPECT_EQ(outputs(model, {0, 7}), (std::vector<double>{0.5, 0.875}));
  const Json average = layer_json("AveragePooling1D", "p", {{"pool_size", 3}});
  EXPECT_THAT(json_refusal(model_of({3, 1}, {average}), {}),
              HasSubstr("p: division by 3 has no exact result"));
  EXPECT_THAT(
      json_refusal(model_of({3, 1}, {layer_json("AveragePooling1D", "p", {{"padding", "same"}})}),
                   {}),
      HasSubstr("fewer elements at the edges"));
}

TEST(KerasLayers, ATableOfTooManyEntriesIsRefused) {
  const Json wide =
      layer_json("QActivation", "w", {{"activation", "quantized_bits(24,3,alpha=1)"}});
  const Json swish = layer_json("Activation", "s", {{"activation", "swish"}});
  const Json narrow =
      layer_json("QActivation", "n", {{"activation", "quantized_bits(20,3,alpha=1)"}});
  const Json model = testing::sequential({testing::input_json("x", {1}), wide, swish, narrow});
  EXPECT_THAT(json_refusal(model, {}), AllOf(HasSubstr("n: swish needs a table of 16777216"),
                                             HasSubstr("quantize its operand to fewer bits")));
}

TEST(KerasLayers, LargeResultsAreRefusedBeforeMemoryIsTaken) {
  const auto refused = [](const char* class_name, Json config) {
    return json_refusal(model_of({4, 4, 1}, {layer_json(class_name, "l", std::move(config))}), {});
  };
  const Json most = {1 << 20, 1 << 20};
  for (const std::string& text :
       {refused("MaxPooling2D", {{"pool_size", most}, {"padding", "same"}}),
        refused("UpSampling2D", {{"size", most}}), refused("ZeroPadding2D", {{"padding", most}})}) {
    EXPECT_THAT(text, HasSubstr("l: the model is larger than what is read"));
  }
}

TEST(KerasLayers, SettingsThatDoNotFit) {
  const Tensors kernel{{"kernel", {2, 2, 2}, {1, 0, 0, 1, 0.5, 0, 0, -1}}};
  const auto refused = [&](Json more) {
    return json_refusal(model_of({3, 2}, {convolution(std::move(more))}), {{"conv", kernel}});
  };
  EXPECT_THAT(refused({{"padding", "reflect"}}), HasSubstr("conv: padding='reflect'"));
  EXPECT_THAT(refused({{"kernel_size", {3}}}), HasSubstr("`kernel` has shape (2, 2, 2)"));
  EXPECT_THAT(refused({{"filters", 3}}), HasSubstr("`kernel` has shape"));
  EXPECT_THAT(refused({{"strides", 0}}), HasSubstr("strides=0 does not fit"));
  EXPECT_THAT(refused({{"dilation_rate", 3}}), HasSubstr("a window of 2 does not fit"));
  EXPECT_THAT(json_refusal(model_of({2}, {layer_json("Permute", "p", {{"dims", {2, 1}}})}), {}),
              HasSubstr("dims do not permute"));
  EXPECT_THAT(
      json_refusal(model_of({2, 1}, {layer_json("Cropping1D", "c", {{"cropping", {1, 1}}})}), {}),
      HasSubstr("nothing is left"));
  EXPECT_THAT(json_refusal(model_of({2}, {layer_json("Add", "a")}), {}),
              HasSubstr("a: has 1 inputs, expected 2 or more"));
}

}  // namespace
}  // namespace sluice::frontend
