#include "sluice/frontend/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/frontend/testing/evaluate.hpp"
#include "sluice/frontend/testing/hdf5_writer.hpp"
#include "sluice/frontend/testing/keras_json.hpp"
#include "sluice/frontend/testing/real_events.hpp"
#include "sluice/network/text.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::frontend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::import_json;
using testing::input_json;
using testing::json_refusal;
using testing::kQuantizeInput;
using testing::layer_json;
using testing::outputs;
using testing::qdense;
using testing::sequential;
using testing::Tensors;
using testing::with_config;

const std::filesystem::path kData = std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data";

// What import_model says when it refuses; empty when it accepts.
std::string refusal(const std::filesystem::path& path, const ImportOptions& options = {}) {
  try {
    import_model(path, options);
  } catch (const ModelError& error) {
    EXPECT_EQ(exit_code(error.kind()), 3);
    return error.what();
  }
  return {};
}

std::int64_t differing_events(const network::Network& net, const NpyArray& x,
                              const NpyArray& expected) {
  return testing::differences(net, x, expected).events;
}

double largest_error(const network::Network& net, const NpyArray& x, const NpyArray& expected) {
  return testing::differences(net, x, expected).largest;
}

TEST(Import, TinyModelEqualsQkerasBitForBit) {
  const Imported model = import_model(kData / "qkeras_tiny.h5");
  EXPECT_NO_THROW(network::verify(model.network));
  const auto vectors = load_npz(kData / "qkeras_tiny_vectors.npz");
  EXPECT_EQ(differing_events(model.network, vectors.at("x"), vectors.at("y")), 0)
      << network::print(model.network);
}

TEST(Import, FunctionalModelEqualsQkerasBitForBit) {
  const Imported model = import_model(kData / "qkeras_functional.h5");
  EXPECT_NO_THROW(network::verify(model.network));
  const auto vectors = load_npz(kData / "qkeras_functional_vectors.npz");
  EXPECT_EQ(differing_events(model.network, vectors.at("x"), vectors.at("y")), 0)
      << network::print(model.network);
}

TEST(Import, Hgq2ArchiveEqualsHgq2BitForBit) {
  const Imported model = import_model(kData / "hgq2_tiny.keras");
  EXPECT_NO_THROW(network::verify(model.network));
  const auto vectors = load_npz(kData / "hgq2_tiny.npz");
  EXPECT_EQ(differing_events(model.network, vectors.at("x"), vectors.at("y")), 0)
      << network::print(model.network);
}

TEST(Import, SummaryTellsWhatBecameOfEachLayer) {
  const Imported model = import_model(kData / "qkeras_functional.h5");
  EXPECT_EQ(model.source.format, "Keras HDF5");
  EXPECT_EQ(model.source.keras_version, "2.15.0");
  EXPECT_EQ(model.network.name(), "qkeras_functional");
  const auto layer = [&](const std::string& name) {
    const auto found = std::ranges::find(model.source.layers, name, &LayerSummary::name);
    EXPECT_NE(found, model.source.layers.end()) << name;
    return *found;
  };
  const LayerSummary dense = layer("dense_1");
  EXPECT_EQ(dense.class_name, "QDense");
  EXPECT_EQ(dense.output_shape, network::Shape{5});
  EXPECT_EQ(dense.parameters, 6 * 5 + 5);
  EXPECT_GT(dense.zeros, 0);
  EXPECT_EQ(dense.quantizers.front(),
            (std::pair<std::string, std::string>{"kernel", "quantized_bits(6,1,alpha=0.5)"}));
  EXPECT_EQ(dense.network_layers, std::vector<std::string>{"dense_1"});
  EXPECT_EQ(layer("bounded_relu").network_layers,
            (std::vector<std::string>{"bounded_relu", "bounded_relu_relu"}));
  EXPECT_TRUE(layer("dropout").network_layers.empty());
  ASSERT_EQ(model.warnings.size(), 1u);
  EXPECT_EQ(model.warnings[0].subject, "clipped_relu");
}

TEST(Import, RefusesByNameWhatItCannotDoExactly) {
  EXPECT_THAT(refusal(kData / "unsupported_layer.h5"),
              AllOf(HasSubstr("E-FRONTEND-003"), HasSubstr("recurrent"), HasSubstr("`LSTM`")));
  EXPECT_THAT(refusal(kData / "unsupported_quantizer.h5"),
              AllOf(HasSubstr("E-FRONTEND-005"), HasSubstr("ternary_dense"),
                    HasSubstr("stochastic_ternary with alpha")));
  EXPECT_THAT(refusal(kData / "unsupported_alpha.h5"),
              AllOf(HasSubstr("E-FRONTEND-005"), HasSubstr("auto_scaled_dense"),
                    HasSubstr("alpha='auto'"), HasSubstr("alpha='auto_po2'")));
  EXPECT_THAT(refusal(kData / "nan_weight.h5"),
              AllOf(HasSubstr("E-FRONTEND-007"), HasSubstr("hidden"),
                    HasSubstr("`kernel` holds nan at [1, 2]")));
}

TEST(Import, FloatModelIsToldToGiveFormats) {
  const std::string text = refusal(kData / "keras_float.h5");
  EXPECT_THAT(text, AllOf(HasSubstr("hidden (kernel), output (kernel): float32 weights"),
                          HasSubstr("the input is float32"), HasSubstr("ap_fixed<16,6>")));
  const Imported model = import_model(kData / "keras_float.h5",
                                      with_config(R"({"Model": {"Precision": "ap_fixed<16,6>"}})"));
  const auto width = [&](const char* name) {
    return model.network.layer(*model.network.find(name)).type.format.width;
  };
  EXPECT_EQ(width("hidden_quantize"), 16);
  EXPECT_EQ(width("output_quantize"), 16);
}

TEST(Import, EveryTruncationIsRefused) {
  const std::string whole = read_file(kData / "qkeras_tiny.h5");
  for (std::size_t size = 0; size < whole.size(); size += 311) {
    EXPECT_THROW(import_model_bytes(whole.substr(0, size), std::nullopt, "cut.h5"), ModelError)
        << size;
  }
}

TEST(Import, FilesThatAreNoModel) {
  const TemporaryFolder folder;
  EXPECT_THROW(import_model(folder.path() / "absent.h5"), ToolError);
  EXPECT_THROW(import_model(folder.path()), Error);
  const auto refused = [&](const char* name, std::string_view bytes) {
    write_file(folder.path() / name, bytes);
    return refusal(folder.path() / name);
  };
  EXPECT_THAT(refused("model.keras", std::string("PK\x03\x04....")), HasSubstr("zip archive"));
  EXPECT_THAT(refused("model.onnx", "\x08\x04\x42"), HasSubstr("not an intact ONNX file"));
  EXPECT_THAT(refused("empty.h5", ""), HasSubstr("not a model file"));
  testing::WeightsWriter weights;
  EXPECT_THAT(refused("weights.h5", weights.bytes()), HasSubstr("holds no model"));
  write_file(folder.path() / "alone.json", "{}");
  EXPECT_THROW(import_model(folder.path() / "alone.json"), ToolError);
}

const Tensors kTwoByOne{{"kernel", {2, 1}, {0.5, -1.25}}, {"bias", {1}, {0.75}}};

TEST(ImportJson, FindsItsWeightsBesideIt) {
  const TemporaryFolder folder;
  const Json model = sequential({input_json("x", {2}), kQuantizeInput, qdense("fc", 1)});
  write_file(folder.path() / "net.json", model.dump());
  testing::WeightsWriter writer;
  writer.layer("fc", kTwoByOne);
  const std::string bytes = writer.bytes();
  for (const char* const name : {"net.h5", "net_weights.h5", "other.h5"}) {
    const std::filesystem::path weights = folder.path() / name;
    write_file(weights, bytes);
    ImportOptions options;
    if (std::string_view(name) == "other.h5") options.weights = weights;
    const Imported found = import_model(folder.path() / "net.json", options);
    EXPECT_EQ(outputs(found, {1.0, 2.0}), std::vector<double>{0.5 - 2.5 + 0.75});
    EXPECT_EQ(found.source.format, "Keras JSON + HDF5");
    std::filesystem::remove(weights);
  }
}

TEST(ImportJson, WrongShapesNameTensorAndExpectation) {
  const Json model = sequential({input_json("x", {2}), kQuantizeInput, qdense("fc", 1)});
  EXPECT_THAT(json_refusal(model, {}), HasSubstr("fc: the file holds no `kernel`"));
  EXPECT_THAT(json_refusal(model, {{"fc", {{"kernel", {2, 3}, std::vector<double>(6)}}}}),
              HasSubstr("`kernel` has shape (2, 3), expected (inputs, 1)"));
  EXPECT_THAT(json_refusal(model, {{"fc", {{"kernel", {2, 1}, {1, 1}}, {"bias", {2}, {1, 1}}}}}),
              HasSubstr("`bias` has shape (2), expected (1)"));
  EXPECT_THAT(json_refusal(model, {{"fc", {{"kernel", {3, 1}, {1, 1, 1}}, {"bias", {1}, {1}}}}}),
              AllOf(HasSubstr("fc: "), HasSubstr("expects 3 inputs")));
}

TEST(ImportJson, AllProblemsAtOnce) {
  const Json model = sequential(
      {input_json("x", {2}), kQuantizeInput, qdense("fc1", 1, {{"kernel_quantizer", "mystery(3)"}}),
       layer_json("LSTM", "memory"), layer_json("Activation", "act", {{"activation", "magic"}}),
       qdense("fc2", 1)});
  const std::string text = json_refusal(model, {{"fc1", kTwoByOne}, {"fc2", kTwoByOne}});
  EXPECT_THAT(text,
              AllOf(HasSubstr("3 problems"), HasSubstr("fc1: quantizer `mystery`"),
                    HasSubstr("memory: layer class `LSTM`"), HasSubstr("act: activation `magic`")));
}

TEST(ImportJson, FloatBiasIsExactOrRefused) {
  const Json model = sequential(
      {input_json("x", {2}), kQuantizeInput, qdense("fc", 1, {{"bias_quantizer", nullptr}})});
  const Tensors exact{{"kernel", {2, 1}, {0.5, 1}}, {"bias", {1}, {0.1F}}};
  EXPECT_EQ(outputs(import_json(model, {{"fc", exact}}), {0, 0}),
            std::vector<double>{static_cast<double>(0.1F)});
  const Tensors tiny{{"kernel", {2, 1}, {0.5, 1}}, {"bias", {1}, {1e-9F}}};
  EXPECT_THAT(json_refusal(model, {{"fc", tiny}}), HasSubstr("fc (bias): float32 weights"));
  const ImportOptions options =
      with_config(R"({"LayerName": {"fc": {"Precision": {"bias": "ap_fixed<8,2>"}}}})");
  EXPECT_EQ(outputs(import_json(model, {{"fc", tiny}}, options), {1, 1}), std::vector<double>{1.5});
}

TEST(ImportJson, DenseWithoutBiasAndWithActivations) {
  const Tensors kernel{{"kernel", {2, 1}, {1.0, -1.0}}};
  const auto model = [&](const Json& activation) {
    return import_json(
        sequential({input_json("x", {2}), kQuantizeInput,
                    qdense("fc", 1, {{"use_bias", false}, {"activation", activation}})}),
        {{"fc", kernel}});
  };
  EXPECT_EQ(outputs(model("linear"), {1, 3}), std::vector<double>{-2});
  EXPECT_EQ(outputs(model(nullptr), {1, 3}), std::vector<double>{-2});
  EXPECT_EQ(outputs(model("relu"), {1, 3}), std::vector<double>{0});
  EXPECT_EQ(outputs(model("relu6"), {7.5, 0}), std::vector<double>{6});
  EXPECT_EQ(outputs(model("quantized_relu(3,2)"), {7.5, 0}), std::vector<double>{3.5});
  EXPECT_EQ(outputs(model("quantized_bits(4,2,alpha=0.5)"), {7.5, 0}), std::vector<double>{1.75});
  const Json object =
      Json::parse(R"({"class_name": "quantized_relu", "config": {"bits": 3, "integer": 2}})");
  EXPECT_EQ(outputs(model(object), {7.5, 0}), std::vector<double>{3.5});
  EXPECT_NE(model("relu").network.find("fc_relu"), std::nullopt);
}

TEST(ImportJson, ReluLayerAndShapes) {
  const Json relu = layer_json("ReLU", "r", {{"max_value", 1.5}, {"negative_slope", 0.0}});
  const Json model = sequential(
      {input_json("x", {2, 1}), layer_json("Flatten", "f"), kQuantizeInput, relu,
       layer_json("Reshape", "s", {{"target_shape", {1, -1}}}), layer_json("Dropout", "d")});
  const Imported imported = import_json(model, {});
  EXPECT_EQ(outputs(imported, {-1, 2}), (std::vector<double>{0, 1.5}));
  EXPECT_EQ(imported.source.layers.back().output_shape, (network::Shape{1, 2}));
  EXPECT_THAT(json_refusal(sequential({input_json("x", {2}), kQuantizeInput,
                                       layer_json("ReLU", "r", {{"negative_slope", 0.1}})}),
                           {}),
              HasSubstr("r: relu with negative slope 0.1 has no exact result"));
  EXPECT_THAT(json_refusal(sequential({input_json("x", {5}), kQuantizeInput,
                                       layer_json("Reshape", "s", {{"target_shape", {2, -1}}})}),
                           {}),
              HasSubstr("s: target_shape (2, -1) does not fit 5"));
}

TEST(ImportJson, SoftmaxAtTheEndLeavesTheLogits) {
  const Json softmax = layer_json("Activation", "soft", {{"activation", "softmax"}});
  const std::map<std::string, Tensors> weights{{"fc", kTwoByOne}};
  const Imported model = import_json(
      sequential({input_json("x", {2}), kQuantizeInput, qdense("fc", 1), softmax}), weights);
  ASSERT_EQ(model.warnings.size(), 1u);
  EXPECT_EQ(model.warnings[0].code, "W-FRONTEND-001");
  EXPECT_EQ(outputs(model, {1, 0}), std::vector<double>{1.25});
  EXPECT_THAT(
      json_refusal(sequential({input_json("x", {2}), kQuantizeInput, softmax, qdense("fc", 1)}),
                   weights),
      HasSubstr("soft: softmax is left out at the very end only"));
}

TEST(ImportJson, BatchNormalizationNeedsFormatsUnlessExact) {
  const auto model = [](int axis) {
    return sequential(
        {input_json("x", {2, 2}), kQuantizeInput,
         layer_json("BatchNormalization", "bn", {{"axis", {axis}}, {"epsilon", 0.001}})});
  };
  const Tensors statistics{{"gamma", {2}, {1, 2}},
                           {"beta", {2}, {0, 1}},
                           {"moving_mean", {2}, {0.5, 0.5}},
                           {"moving_variance", {2}, {1, 1}}};
  EXPECT_THAT(json_refusal(model(2), {{"bn", statistics}}),
              HasSubstr("bn (scale, offset): float32 weights"));
  const ImportOptions options = with_config(
      R"({"LayerName": {"bn": {"Precision": {"scale": "ap_fixed<8,3,RND>",
                                             "bias": "ap_fixed<8,3,RND>"}}}})");
  EXPECT_EQ(outputs(import_json(model(2), {{"bn", statistics}}, options), {1, 1, 2, 2}),
            (std::vector<double>{0.5, 2, 1.5, 4}));
  EXPECT_THAT(json_refusal(model(1), {{"bn", statistics}}, options),
              HasSubstr("bn: axis=1 is not the last one of shape (batch, 2, 2)"));
}

TEST(ImportJson, InputTakesTheQuantizerThatAllItsUsersHave) {
  const auto functional = [](const char* first, const char* second) {
    Json a = layer_json("QActivation", "a", {{"activation", first}});
    Json b = layer_json("QActivation", "b", {{"activation", second}});
    Json x = input_json("x", {1});
    for (Json* layer : {&a, &b}) {
      (*layer)["name"] = (*layer)["config"]["name"];
      (*layer)["inbound_nodes"] = Json::parse(R"([[["x", 0, 0, {}]]])");
    }
    x["name"] = "x";
    x["inbound_nodes"] = Json::array();
    return Json{{"class_name", "Functional"},
                {"config",
                 {{"name", "net"},
                  {"layers", {b, a, x}},
                  {"input_layers", Json::parse(R"([["x", 0, 0]])")},
                  {"output_layers", Json::parse(R"([["a", 0, 0], ["b", 0, 0]])")}}}};
  };
  const char* const byte = "quantized_bits(8,3,alpha=1)";
  const Imported same = import_json(functional(byte, byte), {});
  EXPECT_EQ(same.network.layers().size(), 1u);
  EXPECT_EQ(same.network.outputs().size(), 2u);
  EXPECT_THAT(json_refusal(functional(byte, "quantized_relu(8,3)"), {}),
              HasSubstr("x: not all users of the input quantize it in the same way"));
  const Imported configured =
      import_json(functional(byte, "quantized_relu(8,3)"), {},
                  with_config(R"({"LayerName": {"x": {"Precision": "ap_fixed<12,6>"}}})"));
  EXPECT_EQ(configured.network.layers().size(), 3u);
}

TEST(ImportJson, SharedLayerIsBuiltForEachCall) {
  Json x = input_json("x", {1});
  Json shared = layer_json("QActivation", "a", {{"activation", "quantized_bits(4,3,alpha=1)"}});
  Json dense = qdense("fc", 1);
  const auto node = [](Json& layer, const char* nodes) {
    layer["name"] = layer["config"]["name"];
    layer["inbound_nodes"] = Json::parse(nodes);
  };
  node(x, "[]");
  node(dense, R"([[["a", 0, 0, {}]]])");
  node(shared, R"([[["x", 0, 0, {}]], [["fc", 0, 0, {"training": false}]]])");
  const Json model{{"class_name", "Functional"},
                   {"config",
                    {{"name", "net"},
                     {"layers", {x, shared, dense}},
                     {"input_layers", Json::parse(R"([["x", 0, 0]])")},
                     {"output_layers", Json::parse(R"([["a", 1, 0]])")}}}};
  const Tensors weights{{"kernel", {1, 1}, {0.75}}, {"bias", {1}, {0}}};
  EXPECT_EQ(outputs(import_json(model, {{"fc", weights}}), {3.0}), std::vector<double>{2.0});
}

TEST(ImportJson, GraphsThatAreNoGraph) {
  const auto model = [](const char* nodes, const char* outputs) {
    Json x = input_json("x", {1});
    Json a = layer_json("Activation", "a", {{"activation", "relu"}});
    Json b = layer_json("Activation", "b", {{"activation", "relu"}});
    for (Json* layer : {&x, &a, &b}) (*layer)["name"] = (*layer)["config"]["name"];
    a["inbound_nodes"] = Json::parse(nodes);
    b["inbound_nodes"] = Json::parse(R"([[["a", 0, 0, {}]]])");
    return Json{{"class_name", "Functional"},
                {"config",
                 {{"name", "net"},
                  {"layers", {x, a, b}},
                  {"input_layers", Json::parse(R"([["x", 0, 0]])")},
                  {"output_layers", Json::parse(outputs)}}}};
  };
  const ImportOptions options = with_config(R"({"Model": {"Precision": "ap_fixed<8,4>"}})");
  const auto refused = [&](const char* nodes, const char* ends = R"([["b", 0, 0]])") {
    return json_refusal(model(nodes, ends), {}, options);
  };
  EXPECT_EQ(refused(R"([[["x", 0, 0, {}]]])"), "");
  EXPECT_THAT(refused(R"([[["b", 0, 0, {}]]])"), HasSubstr("follows from no input"));
  EXPECT_THAT(refused(R"([[["z", 0, 0, {}]]])"), HasSubstr("call 0 of `z`, which does not exist"));
  EXPECT_THAT(refused(R"([[["x", 3, 0, {}]]])"), HasSubstr("call 3 of `x`"));
  EXPECT_THAT(refused(R"([[["x", 0, 0, {}], ["x", 0, 0, {}]]])"), HasSubstr("a: has 2 inputs"));
  EXPECT_THAT(refused(R"([[["x", 0, 0, {"training": true}]]])"), HasSubstr("calls `a` with"));
  EXPECT_THAT(refused(R"([{"args": []}])"), HasSubstr("a: has 0 inputs"));
  EXPECT_THAT(refused(R"([{"args": [3]}])"), HasSubstr("calls `a` with 3"));
  EXPECT_THAT(refused(R"([7])"), HasSubstr("manner of Keras"));
  EXPECT_THAT(refused(R"([[["x", 0, 0, {}]]])", R"([["q", 0, 0]])"), HasSubstr("`q`"));
  EXPECT_THAT(refused(R"([[["x", 0, 0, {}]]])", "[]"), HasSubstr("no `output_layers`"));
}

TEST(ImportJson, DescriptionsThatAreNoModel) {
  const auto refused = [](std::string_view json) {
    return json_refusal(parse_json(json, "test"), {});
  };
  EXPECT_THAT(refused("{}"), HasSubstr("no `class_name` and `config`"));
  EXPECT_THAT(refused(R"({"class_name": "MyModel", "config": {}})"), HasSubstr("is a `MyModel`"));
  EXPECT_THAT(refused(R"({"class_name": "Sequential", "config": {"layers": []}})"),
              HasSubstr("has no layers"));
  EXPECT_THAT(refused(R"({"class_name": "Sequential", "config": {"layers": [7]}})"),
              HasSubstr("without `class_name`"));
  EXPECT_THAT(json_refusal(sequential({layer_json("Flatten", "f")}), {}),
              HasSubstr("does not say the shape"));
  EXPECT_THAT(json_refusal(sequential({input_json("x", {1}), layer_json("Flatten", "x")}), {}),
              HasSubstr("two layers named `x`"));
  EXPECT_THAT(json_refusal(sequential({input_json("x", {1 << 30, 1 << 30}), kQuantizeInput}), {}),
              HasSubstr("larger than what is read"));
  EXPECT_THAT(json_refusal(sequential({input_json("x", {0}), kQuantizeInput}), {}),
              HasSubstr("shape (0) is not possible"));
  std::string deep(5000, '[');
  EXPECT_THROW(import_model_bytes("{\"a\":" + deep, testing::WeightsWriter().bytes(), "m.json"),
               ModelError);
}

TEST(ImportJson, AccumulatorIsAcceptedWhereItLosesNothing) {
  const Json model = sequential({input_json("x", {2}), kQuantizeInput, qdense("fc", 1)});
  const auto with_accumulator = [](const char* type) {
    return with_config(
        fmt::format(R"({{"LayerName": {{"fc": {{"Precision": {{"accum": "{}"}}}}}}}})", type));
  };
  const std::map<std::string, Tensors> weights{{"fc", kTwoByOne}};
  EXPECT_EQ(json_refusal(model, weights, with_accumulator("ap_fixed<24,12>")), "");
  EXPECT_EQ(json_refusal(model, weights, with_accumulator("auto")), "");
  for (const char* const type : {"ap_fixed<24,17>", "ap_fixed<12,4>"}) {
    EXPECT_THAT(json_refusal(model, weights, with_accumulator(type)),
                AllOf(HasSubstr("E-FRONTEND-009: model.json: fc"), HasSubstr("accum")));
  }
}

// In a model with quantizers of its own, the configuration of the whole model gives formats to what
// has none; results stay exact.
TEST(ImportJson, ModelPrecisionFillsGapsOnly) {
  const Json model = sequential({input_json("x", {2}), qdense("fc", 1)});
  const Imported imported = import_json(
      model, {{"fc", kTwoByOne}}, with_config(R"({"Model": {"Precision": "ap_fixed<6,4>"}})"));
  EXPECT_EQ(imported.network.layers().size(), 2u);
  const Imported named = import_json(model, {{"fc", kTwoByOne}},
                                     with_config(R"({"Model": {"Precision": "ap_fixed<6,4>"},
                      "LayerName": {"fc": {"Precision": {"result": "ap_fixed<3,3>"}}}})"));
  EXPECT_NE(named.network.find("fc_quantize"), std::nullopt);
}

class ModelFolder : public testing::ModelFolder {
 protected:
  std::int64_t differing(const Imported& model, const char* name, const char* outputs) const {
    const auto vectors = load_npz(folder_ / "vectors" / name);
    return differing_events(model.network, vectors.at("x"), vectors.at(outputs));
  }
};

TEST_F(ModelFolder, JetTaggerIsExact) {
  const std::filesystem::path path = folder_ / "example-models/qkeras_3layer.json";
  EXPECT_THAT(refusal(path), HasSubstr("fc1_input: the input is float32"));
  const Imported model = import_model(path, with_config(R"({"LayerName": {"fc1_input": {"Precision":
                                                                     "ap_fixed<18,8>"}}})"));
  EXPECT_EQ(differing(model, "qkeras_3layer.npz", "logits"), 0);
}

TEST_F(ModelFolder, Keras3ArchiveIsExact) {
  const Imported model =
      import_model(folder_ / "example-models/qkeras-v3_3layer.keras",
                   with_config(R"({"LayerName": {"fc1_input": {"Precision": "ap_fixed<18,8>"}}})"));
  EXPECT_EQ(model.source.format, "Keras archive");
  EXPECT_EQ(model.source.keras_version, "3.14.1");
  EXPECT_EQ(differing(model, "qkeras-v3_3layer.npz", "logits"), 0);
}

TEST_F(ModelFolder, HgqProxyModelIsExact) {
  const Imported model = import_model(folder_ / "example-models/hgq_jet_classifier.h5");
  EXPECT_EQ(differing(model, "hgq_jet_classifier.npz", "y_exact"), 0);
}

TEST_F(ModelFolder, AnomalyDetectorWithFoldedNormalisationIsExact) {
  const Imported model =
      import_model(folder_ / "tiny_results_v0.7/AD08_model.h5",
                   with_config(R"({"Model": {"Precision": "ap_fixed<20,12>"}})"));
  EXPECT_EQ(differing(model, "AD08.npz", "y_exact"), 0);
}

TEST_F(ModelFolder, ImageClassifierIsExact) {
  const Imported model =
      import_model(folder_ / "example-models/qkeras_mnist_cnn.json",
                   with_config(R"({"LayerName": {"input_1": {"Precision": "ap_ufixed<8,0>"}}})"));
  EXPECT_EQ(differing(model, "qkeras_mnist_cnn.npz", "logits"), 0);
}

TEST_F(ModelFolder, FloatConvolutionsImportWithFormats) {
  const Imported model =
      import_model(folder_ / "example-models/KERAS_conv1d_small.json",
                   with_config(R"({"Model": {"Precision": "ap_fixed<28,8,RND,SAT>"}})"));
  const auto vectors = load_npz(folder_ / "vectors/KERAS_conv1d_small.npz");
  // Weights, inputs and results are rounded to 2^-20; errors grow by the weights' magnitudes.
  EXPECT_LT(largest_error(model.network, vectors.at("x"), vectors.at("logits")), 0x1p-14);
}

TEST_F(ModelFolder, FloatModelsImportWithFormats) {
  const std::filesystem::path path = folder_ / "example-models/KERAS_3layer.json";
  EXPECT_THAT(refusal(path), HasSubstr("float32 weights without a quantizer"));
  ImportOptions options = with_config(R"({"Model": {"Precision": "ap_fixed<24,10,RND,SAT>"}})");
  EXPECT_EQ(import_model(path, options).network.outputs().size(), 1u);
  options.weights = folder_ / "example-models/KERAS_3layer_70pruned_retrained_weights.h5";
  const Imported pruned = import_model(path, options);
  EXPECT_GT(pruned.source.layers[1].zeros, pruned.source.layers[1].parameters / 2);
}

TEST_F(ModelFolder, TheRestIsRefusedByName) {
  EXPECT_THAT(refusal(folder_ / "tiny/ad01.h5"), HasSubstr("batch_normalization (scale, offset)"));
}

}  // namespace
}  // namespace sluice::frontend
