#include <fmt/format.h>
#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "sluice/base/error.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/testing/keras_json.hpp"
#include "sluice/frontend/testing/real_events.hpp"
#include "sluice/network/text.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::frontend {
namespace {

using testing::Differences;
using ::testing::HasSubstr;

ImportOptions with_config(std::string_view json) {
  ImportOptions options;
  options.config = parse_json(json, "test");
  return options;
}

const std::filesystem::path kData = std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data";

class OnnxGraphs : public ::testing::TestWithParam<const char*> {};

// Recorded in float64 by tests/data/make_onnx.py.
TEST_P(OnnxGraphs, EqualFloat64BitForBit) {
  const std::string name = GetParam();
  const Imported model = import_model(kData / (name + ".onnx"));
  EXPECT_NO_THROW(network::verify(model.network));
  const auto vectors = load_npz(kData / (name + "_onnx.npz"));
  EXPECT_EQ(testing::differences(model.network, vectors.at("x"), vectors.at("y")).events, 0)
      << network::print(model.network);
  for (const Diagnostic& warning : model.warnings) ADD_FAILURE() << warning.message;
}
INSTANTIATE_TEST_SUITE_P(Data, OnnxGraphs,
                         ::testing::Values("qonnx_cnn", "qonnx_flatten", "qonnx_binary", "qcdq",
                                           "onnx_functions", "onnx_movement", "onnx_matrix",
                                           "onnx_pool", "qonnx_streamed"));

TEST(OnnxGraph, AllProblemsAtOnce) {
  try {
    import_model(kData / "faults.onnx",
                 with_config(R"({"Model": {"Precision": "ap_fixed<16,6>"}})"));
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(
        error.what(),
        ::testing::AllOf(HasSubstr("5 problems"), HasSubstr("bad_rounding: "),
                         HasSubstr("determinant: operator `Det` is not supported"),
                         HasSubstr("transposed: Gemm: its transposed operand adds up the "
                                   "events of a batch"),
                         HasSubstr("not_a_number: MatMul: a weight holds nan"),
                         HasSubstr("inner_softmax: Softmax: softmax is left out at the very end "
                                   "only"),
                         HasSubstr(R"("Strategy": "table")")));
  }
}

ImportOptions softmax_config(std::string_view form) {
  return with_config(fmt::format(
      R"({{"LayerName": {{"x": {{"Precision": "ap_fixed<16,6>"}}}},
           "LayerType": {{"Softmax": {{"Strategy": "{}", "Precision": {{"result": "{}"}}}}}}}})",
      form, form == "stable" ? "ap_fixed<16,6>" : "auto"));
}

// Recorded from hls4ml 1.1.0, as for a softmax of Keras.
TEST(OnnxSoftmax, StableEqualsHls4mlBitForBit) {
  const Imported model = import_model(kData / "onnx_softmax.onnx", softmax_config("stable"));
  const auto vectors = load_npz(kData / "hls4ml_softmax.npz");
  const std::vector<double> x = vectors.at("x").to_double();
  const std::vector<double> y = vectors.at("y").to_double();
  ASSERT_EQ(y.size(), 2000u);
  for (std::size_t first = 0; first < y.size(); first += 5) {
    const auto event = [&](const std::vector<double>& all) {
      return std::vector<double>(&all[first], &all[first] + 5);
    };
    std::vector<double> expected = event(y);
    expected.push_back(expected[1] + 2 * expected[2] + 3 * expected[3] + 4 * expected[4]);
    EXPECT_EQ(testing::outputs(model, event(x)), expected) << first / 5;
  }
}

TEST(OnnxSoftmax, ArgmaxAlongEveryAxis) {
  EXPECT_EQ(testing::outputs(import_model(kData / "onnx_softmax.onnx", softmax_config("argmax")),
                             {1, 0, 5, 2, 5}),
            (std::vector<double>{0, 0, 1, 0, 0, 2}));
  const std::vector<double> x{1, 5, 2, 0, 4, 5, -3, 1, 2, 3, 0, -1};
  EXPECT_EQ(
      testing::outputs(import_model(kData / "onnx_softmax_axis.onnx", softmax_config("argmax")), x),
      (std::vector<double>{0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(
      testing::outputs(import_model(kData / "onnx_softmax_old.onnx", softmax_config("argmax")), x),
      (std::vector<double>{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(OnnxSoftmax, TablesSayTheirBound) {
  const Imported model = import_model(kData / "onnx_softmax_axis.onnx", softmax_config("table"));
  ASSERT_EQ(model.warnings.size(), 1u);
  EXPECT_EQ(model.warnings[0].code, "W-FRONTEND-005");
  EXPECT_EQ(model.warnings[0].subject, "s");
  EXPECT_EQ(model.source.layers.at(1).quantizers.at(0).first, "exp table");
}

TEST(OnnxSoftmax, AtTheEndIsLeftOutUnlessAsked) {
  const Imported model =
      import_model(kData / "onnx_softmax_axis.onnx",
                   with_config(R"({"LayerName": {"x": {"Precision": "ap_fixed<16,6>"}}})"));
  ASSERT_EQ(model.warnings.size(), 1u);
  EXPECT_EQ(model.warnings[0].code, "W-FRONTEND-001");
}

class OnnxModels : public testing::ModelFolder {
 protected:
  Differences compare(const Imported& model, const char* name, const char* outputs) const {
    EXPECT_NO_THROW(network::verify(model.network));
    const auto vectors = load_npz(folder_ / "vectors" / (std::string(name) + ".npz"));
    return testing::differences(model.network, vectors.at("x"), vectors.at(outputs));
  }
};

TEST_F(OnnxModels, QonnxJetTaggerIsExact) {
  const std::filesystem::path path = folder_ / "qonnx_model_zoo/qkeras_jettagging.onnx";
  const Imported model = import_model(
      path, with_config(R"({"LayerName": {"global_in": {"Precision": "ap_fixed<18,8>"}}})"));
  EXPECT_EQ(compare(model, "qkeras_jettagging", "logits").events, 0)
      << network::print(model.network);
  EXPECT_EQ(model.source.format, "ONNX");
  ASSERT_EQ(model.warnings.size(), 1u);
  EXPECT_EQ(model.warnings[0].code, "W-FRONTEND-001");
}

// The last normalisation divides by an irrational number: its values are no fixed-point numbers,
// and the vectors are float64. The network's outputs lie on a grid of 2^-32.
TEST_F(OnnxModels, BinaryNetworkWithFoldedNormalisation) {
  const Imported model = import_model(folder_ / "qonnx_model_zoo/TFC_1W1A.onnx");
  const auto& input = std::get<network::Input>(model.network.layer(model.network.inputs()[0]).op);
  EXPECT_EQ(to_string(input.quantizer.format), "u1.1");
  EXPECT_LT(compare(model, "TFC_1W1A", "y_exact").largest, 1e-7);
}

TEST_F(OnnxModels, FloatModelsWithFormats) {
  const ImportOptions options =
      with_config(R"({"Model": {"Precision": "ap_fixed<32,12,RND_CONV,SAT>"}})");
  for (const char* const name :
       {"three_layer_keras", "three_layer_pytorch", "conv2d_small_keras"}) {
    const std::filesystem::path path = folder_ / "example-models" / (std::string(name) + ".onnx");
    const Differences found = compare(import_model(path, options), name, "logits");
    EXPECT_LT(found.largest, 1e-4) << name;
  }
}

}  // namespace
}  // namespace sluice::frontend
