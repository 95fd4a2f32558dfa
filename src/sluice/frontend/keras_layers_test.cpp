#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <string>

#include "sluice/base/npy.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/testing/evaluate.hpp"
#include "sluice/frontend/testing/keras_json.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::frontend {
namespace {

const std::filesystem::path kData = std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data";

/// Every output of a model against Keras or QKeras in float64.
class LayersAgainstKeras : public ::testing::TestWithParam<const char*> {};

/// The Keras layer whose last layer `name` of the network is.
std::string keras_layer(const ModelSource& source, const std::string& name) {
  for (const LayerSummary& layer : source.layers) {
    if (!layer.network_layers.empty() && layer.network_layers.back() == name) return layer.name;
  }
  return name;
}

TEST_P(LayersAgainstKeras, EveryOutputIsExact) {
  const std::string stem = fmt::format("layers_{}", GetParam());
  const Imported model = import_model(kData / (stem + ".h5"));
  const network::Network& net = model.network;
  EXPECT_NO_THROW(network::verify(net));
  const auto vectors = load_npz(kData / (stem + "_vectors.npz"));
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

INSTANTIATE_TEST_SUITE_P(Models, LayersAgainstKeras,
                         ::testing::Values("conv2d", "conv1d", "pooling", "movement", "merge",
                                           "activation", "tables", "quantizer", "power_of_two",
                                           "small_cnn"),
                         [](const auto& model) { return std::string(model.param); });

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

TEST(KerasLayers, GroupsSeeTheirOwnChannels) {
  // Two taps, one channel per group, two filters: filter 0 sees channel 0, filter 1 channel 1.
  const Tensors kernel{{"kernel", {2, 1, 2}, {1, 0.5, -1, 1.5}}};
  const Imported model =
      import_json(model_of({3, 2}, {convolution({{"groups", 2}})}), {{"conv", kernel}});
  EXPECT_EQ(outputs(model, {1, 2, 3, 4, 5, 6}),
            (std::vector<double>{1 - 3, 0.5 * 2 + 1.5 * 4, 3 - 5, 0.5 * 4 + 1.5 * 6}));
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
