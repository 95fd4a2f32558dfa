#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string>

#include "sluice/calibrate/calibrate.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/testing/document_table.hpp"
#include "sluice/frontend/testing/real_events.hpp"
#include "sluice/network/verify.hpp"

/// The table of docs/reference/models.md, made from the models themselves.
namespace sluice::calibrate {
namespace {

using frontend::Imported;
using frontend::ImportOptions;

struct Row {
  const char* file;
  const char* weights;  // of a JSON model, where it has another name
  const char* config;   // null: none
  const char* vectors;
  const char* outputs;
  const char* what;
  std::int64_t events;
  double target = 0;  // of a float model: largest error of the outputs
};

constexpr std::array kRows{
    Row{"example-models/KERAS_3layer.json", nullptr, nullptr, "KERAS_3layer", "logits",
        "Dense, float32", 200, 0.05},
    Row{"example-models/KERAS_3layer.json",
        "example-models/KERAS_3layer_70pruned_retrained_weights.h5", nullptr,
        "KERAS_3layer_70pruned", "logits", "Dense, float32, 72 % of weights 0", 200, 0.05},
    Row{"example-models/qkeras_3layer.json", nullptr,
        R"({"LayerName": {"fc1_input": {"Precision": "ap_fixed<18,8>"}}})", "qkeras_3layer",
        "logits", "QDense, 6 bits", 200},
    Row{"example-models/qkeras-v3_3layer.keras", nullptr,
        R"({"LayerName": {"fc1_input": {"Precision": "ap_fixed<18,8>"}}})", "qkeras-v3_3layer",
        "logits", "QDense, 6 bits, Keras 3", 200},
    Row{"example-models/qkeras_mnist_cnn.json", nullptr,
        R"({"LayerName": {"input_1": {"Precision": "ap_ufixed<8,0>"}}})", "qkeras_mnist_cnn",
        "logits", "QConv2D, MaxPooling2D, QDense", 20},
    Row{"example-models/hgq_jet_classifier.h5", nullptr, nullptr, "hgq_jet_classifier", "y_exact",
        "HGQ proxy, bits per element", 200},
    Row{"example-models/KERAS_conv1d_small.json", nullptr, nullptr, "KERAS_conv1d_small", "logits",
        "Conv1D, Dense, float32", 200, 0.02},
    Row{"example-models/three_layer_keras.onnx", nullptr, nullptr, "three_layer_keras", "logits",
        "MatMul, Add, Relu, float32", 200, 0.05},
    Row{"example-models/three_layer_pytorch.onnx", nullptr, nullptr, "three_layer_pytorch",
        "logits", "Gemm, Relu, float32", 200, 0.005},
    Row{"example-models/conv2d_small_keras.onnx", nullptr, nullptr, "conv2d_small_keras", "logits",
        "Conv, Transpose, Gemm, float32", 200, 0.02},
    Row{"qonnx_model_zoo/qkeras_jettagging.onnx", nullptr,
        R"({"LayerName": {"global_in": {"Precision": "ap_fixed<18,8>"}}})", "qkeras_jettagging",
        "logits", "QONNX Quant, 6 bits", 200},
    Row{"qonnx_model_zoo/TFC_1W1A.onnx", nullptr, nullptr, "TFC_1W1A", "y_exact",
        "QONNX BipolarQuant, BatchNormalization", 200},
    Row{"tiny_results_v0.7/AD08_model.h5", nullptr,
        R"({"Model": {"Precision": "ap_fixed<20,12>"}})", "AD08", "y_exact", "QDenseBatchnorm",
        200},
    Row{"tiny/ad01.h5", nullptr, nullptr, "ad01", "y_exact",
        "Dense 640-...-640, BatchNormalization, float32", 200, 0.2},
};

/// Events of an array, from `first` on.
NpyArray events_of(const NpyArray& all, std::int64_t first, std::int64_t count) {
  NpyArray part = all;
  part.shape.front() = count;
  const std::size_t event_bytes = all.bytes.size() / static_cast<std::size_t>(all.shape.front());
  part.bytes = all.bytes.substr(static_cast<std::size_t>(first) * event_bytes,
                                static_cast<std::size_t>(count) * event_bytes);
  return part;
}

class ModelTable : public frontend::testing::ModelFolder {
 protected:
  std::string row(const Row& row) const {
    ImportOptions options;
    if (row.config != nullptr) options.config = parse_json(row.config, row.file);
    if (row.weights != nullptr) options.weights = folder_ / row.weights;
    const auto vectors = load_npz(folder_ / "vectors" / (std::string(row.vectors) + ".npz"));
    return row.target > 0 ? calibrated_row(row, options, vectors)
                          : given_row(row, options, vectors);
  }

 private:
  using Vectors = std::map<std::string, NpyArray>;

  // Formats from the first half of the events, judged by the other half.
  std::string calibrated_row(const Row& row, ImportOptions options, const Vectors& vectors) const {
    const frontend::ModelBytes bytes = frontend::read_model(folder_ / row.file, options);
    const std::int64_t half = row.events / 2;
    const Calibration chosen = calibrate(bytes, options, events_of(vectors.at("x"), 0, half),
                                         {row.target, ErrorMeasure::max});
    options.config = chosen.report.config;
    const Imported model = frontend::import_model(folder_ / row.file, options);
    const frontend::testing::Differences found =
        frontend::testing::differences(model.network, events_of(vectors.at("x"), half, half),
                                       events_of(vectors.at(row.outputs), half, half));
    EXPECT_LE(found.largest, row.target) << row.file;
    int widest = 0;
    for (const FormatLoss& loss : chosen.report.formats) widest = std::max(widest, loss.bits);
    return fmt::format(
        "| {} | {} | {} | `--calibrate` with {} events, `--target-error {:g}`: up to {} bits | "
        "within {:.2g}, {} other events; outputs reach {:.2g} |\n",
        row.vectors, model.source.format, row.what, half, row.target, widest, found.largest, half,
        chosen.report.largest_output);
  }

  std::string given_row(const Row& row, const ImportOptions& options,
                        const Vectors& vectors) const {
    const Imported model = frontend::import_model(folder_ / row.file, options);
    EXPECT_NO_THROW(network::verify(model.network)) << row.file;
    const frontend::testing::Differences found = frontend::testing::differences(
        model.network, vectors.at("x"), vectors.at(row.outputs), row.events);
    const bool exact = vectors.at("exact").to_double().front() != 0;
    if (exact) {
      EXPECT_EQ(found.events, 0) << row.file;
    }
    EXPECT_LT(found.largest, 0.05) << row.file;
    return fmt::format("| {} | {} | {} | {} | {} |\n", row.vectors, model.source.format, row.what,
                       row.config == nullptr ? "none" : options.config->dump(),
                       exact ? fmt::format("{} of {} events differ", found.events, row.events)
                             : fmt::format("within {:.1e}, {} events", found.largest, row.events));
  }
};

TEST_F(ModelTable, IsWhatTheDocumentSays) {
  std::string table =
      "| model | file | layers | configuration | outputs against float64 "
      "|\n|---|---|---|---|---|\n";
  for (const Row& each : kRows) table += row(each);
  frontend::testing::expect_table_at_end("docs/reference/models.md", table);
}

}  // namespace
}  // namespace sluice::calibrate
