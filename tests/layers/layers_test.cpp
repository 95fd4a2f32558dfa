// Every Keras layer of tests/data through the engine, on every target, and the circuit.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <ostream>
#include <string>

#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/random_circuit.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/lower_shared.hpp"

namespace sluice {
namespace {

struct Model {
  std::string file;
  std::string config = "{}";
  std::string name = std::filesystem::path(file).stem().string();
};
void PrintTo(const Model& model, std::ostream* out) { *out << model.name; }

class Layers : public ::testing::TestWithParam<Model> {};

std::vector<std::int64_t> engine_outputs(const engine::Engine& engine,
                                         const std::vector<std::int64_t>& events) {
  const auto in_container = [](std::span<const std::int64_t> mantissas, int bits) {
    std::vector<std::int64_t> words((mantissas.size() * static_cast<std::size_t>(bits) + 63) / 64);
    auto* bytes = reinterpret_cast<std::byte*>(words.data());
    for (const std::int64_t mantissa : mantissas) {
      std::memcpy(bytes, &mantissa, static_cast<std::size_t>(bits / 8));
      bytes += bits / 8;
    }
    return words;
  };
  const int in_bits = engine.input().container_bits();
  const int out_bits = engine.output().container_bits();
  const std::size_t count = events.size() / engine.input().elements();
  const std::size_t elements = count * engine.output().elements();
  std::vector<std::int64_t> inputs = in_container(events, in_bits);
  std::vector<std::int64_t> outputs((elements * static_cast<std::size_t>(out_bits) + 63) / 64);
  const auto bytes_of = [](std::vector<std::int64_t>& words, std::size_t bytes) {
    return std::as_writable_bytes(std::span(words)).first(bytes);
  };
  const std::span<std::byte> in_bytes =
      bytes_of(inputs, events.size() * static_cast<std::size_t>(in_bits / 8));
  const std::span<std::byte> out_bytes =
      bytes_of(outputs, elements * static_cast<std::size_t>(out_bits / 8));
  engine.run(engine::as_mantissas(std::span<const std::byte>(in_bytes), in_bits),
             engine::as_mantissas(out_bytes, out_bits));
  std::vector<std::int64_t> result;
  std::visit(
      [&](const auto& values) {
        for (const auto value : values) result.push_back(static_cast<std::int64_t>(value));
      },
      engine::as_mantissas(std::span<const std::byte>(out_bytes), out_bits));
  return result;
}

TEST_P(Layers, EngineEqualsTheCircuit) {
  frontend::ImportOptions options;
  options.config = parse_json(GetParam().config, GetParam().name);
  const frontend::Imported model = frontend::import_model(
      std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data" / GetParam().file, options);
  const circuit::Circuit circuit = synth::lower(model.network);
  const circuit::Interpreter interpreter(circuit, circuit::Checking::ranges);
  constexpr int kRandomEvents = 150;
  const std::vector<std::int64_t> events =
      circuit::testing::corner_and_random_events(circuit, 1, kRandomEvents);
  const std::size_t count = events.size() / static_cast<std::size_t>(interpreter.input_elements());
  std::vector<std::int64_t> expected(count *
                                     static_cast<std::size_t>(interpreter.output_elements()));
  interpreter.run(events, expected);
  for (const std::string& target : engine::supported_targets()) {
    const engine::Engine engine(model.network, {.target = target});
    EXPECT_EQ(engine_outputs(engine, events), expected) << target;
  }
}

class Streaming : public ::testing::TestWithParam<const char*> {};

// Channels first: whatever their number, one position enters per tick, and all layers keep its
// pace.
TEST_P(Streaming, OnnxConvolutionsTakeOnePositionPerTick) {
  const frontend::Imported model =
      frontend::import_model(std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/data" / GetParam());
  const synth::LowerOptions options{.form = synth::Form::streaming};
  for (const Diagnostic& warning : synth::sharing_warnings(model.network, options)) {
    ADD_FAILURE() << warning.subject << " " << warning.message;
  }
  const circuit::Circuit circuit = synth::lower(model.network, options);
  const network::Shape& shape = model.network.layer(model.network.inputs()[0]).type.shape;
  EXPECT_THAT(circuit.processes.front().extents, ::testing::ElementsAre(shape[1], shape[2]));
  EXPECT_EQ(std::ssize(circuit.processes.front().sources), shape[0]);
  const circuit::Interpreter streaming(circuit, circuit::Checking::ranges);
  const circuit::Circuit parallel_circuit = synth::lower(model.network);
  const circuit::Interpreter parallel(parallel_circuit, circuit::Checking::ranges);
  const std::vector<std::int64_t> events =
      circuit::testing::corner_and_random_events(circuit, 1, 100);
  const std::size_t outputs = events.size() / static_cast<std::size_t>(streaming.input_elements()) *
                              static_cast<std::size_t>(streaming.output_elements());
  std::vector<std::int64_t> found(outputs);
  std::vector<std::int64_t> expected(outputs);
  streaming.run(events, found);
  parallel.run(events, expected);
  EXPECT_EQ(found, expected);
}

INSTANTIATE_TEST_SUITE_P(
    Models, Streaming, ::testing::Values("onnx_pool.onnx", "qonnx_cnn.onnx", "qonnx_streamed.onnx"),
    [](const auto& model) { return std::filesystem::path(model.param).stem().string(); });

INSTANTIATE_TEST_SUITE_P(
    Models, Layers,
    ::testing::Values(
        Model{"layers_conv2d.h5"}, Model{"layers_conv1d.h5"}, Model{"layers_pooling.h5"},
        Model{"layers_movement.h5"}, Model{"layers_merge.h5"}, Model{"layers_activation.h5"},
        Model{"layers_tables.h5"}, Model{"layers_quantizer.h5"}, Model{"layers_power_of_two.h5"},
        Model{"layers_small_cnn.h5"}, Model{"layers_nested.h5"}, Model{"layers_transposed.h5"},
        Model{"layers_einsum.h5"}, Model{"layers_qkeras_more.h5"}, Model{"hgq2_convolution.keras"},
        Model{"hgq2_merge.keras"}, Model{"hgq2_activation.keras"}, Model{"onnx_functions.onnx"},
        Model{"onnx_movement.onnx"}, Model{"onnx_matrix.onnx"}, Model{"onnx_pool.onnx"},
        Model{"qonnx_cnn.onnx"}, Model{"qonnx_streamed.onnx"}),
    [](const auto& model) { return model.param.name; });

/// Each form of a softmax, at an end, inside, and along an axis that is not the last.
std::vector<Model> softmax_models() {
  std::vector<Model> models;
  for (const char* const form : {"table", "stable", "argmax"}) {
    for (const char* const file : {"onnx_softmax", "onnx_softmax_axis"}) {
      models.push_back({fmt::format("{}.onnx", file),
                        fmt::format(R"({{"LayerName": {{"x": {{"Precision": "ap_fixed<10,5>"}}}},
                                         "LayerType": {{"Softmax": {{"Strategy": "{}"}}}}}})",
                                    form),
                        fmt::format("{}_{}", file, form)});
    }
  }
  return models;
}
INSTANTIATE_TEST_SUITE_P(Softmax, Layers, ::testing::ValuesIn(softmax_models()),
                         [](const auto& model) { return model.param.name; });

}  // namespace
}  // namespace sluice
