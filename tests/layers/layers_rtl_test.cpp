// Convolutions, poolings and tables as Verilog, at the latency that their schedule predicts.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "sluice/base/files.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/circuit/random_circuit.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/rtl/simulated_design.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"

namespace sluice {
namespace {

const std::filesystem::path kSource = SLUICE_SOURCE_DIR;

rtl::testing::Design design_of(const std::string& file, const synth::LowerOptions& options = {},
                               const frontend::ImportOptions& reading = {}) {
  const frontend::Imported model = frontend::import_model(kSource / "tests/data" / file, reading);
  circuit::Circuit circuit = synth::lower(model.network, options);
  constexpr int kRandomEvents = 60;
  std::vector<std::int64_t> events =
      circuit::testing::corner_and_random_events(circuit, 1, kRandomEvents);
  constexpr double kClockMhz = 200;
  circuit::Schedule schedule = synth::schedule(circuit, synth::DelayModel{}, kClockMhz);
  return {std::move(circuit), std::move(schedule), std::move(events)};
}

void run_in(const std::filesystem::path& folder, std::vector<std::string> arguments) {
  const Finished finished = run_process({std::move(arguments), folder, {}});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
}

void expect_equal_to_interpreter(std::vector<rtl::testing::Design> designs) {
  if (!find_program("verilator")) GTEST_SKIP() << "no verilator";
  const rtl::testing::DesignSet set(std::move(designs));
  const TemporaryFolder folder;
  std::vector<std::string> command{"verilator", "--cc", "--exe",       "--build",      "-j",
                                   "2",         "-O3",  "--Wno-fatal", "--top-module", "top",
                                   "-CFLAGS",   "-O0",  "--Mdir",      "build"};
  for (const std::string& file : set.write_verilog(folder.path())) command.push_back(file);
  for (const char* const primitive : {"sluice_delay", "sluice_loop"}) {
    command.push_back((kSource / "hw" / fmt::format("{}.v", primitive)).string());
  }
  command.push_back((kSource / "src/sluice/rtl/testdata/verilated_main.cpp").string());
  run_in(folder.path(), command);
  const std::vector<std::uint8_t> stimulus = set.stimulus();
  write_file(folder.path() / "x.bin",
             {reinterpret_cast<const char*>(stimulus.data()), stimulus.size()});
  run_in(folder.path(),
         {(folder.path() / "build/Vtop").string(), "x.bin", "y.bin",
          fmt::format("{}", set.input_bytes()), fmt::format("{}", set.output_bytes())});
  const std::string bytes = read_file(folder.path() / "y.bin");
  EXPECT_EQ(set.first_difference({bytes.begin(), bytes.end()}), "");
  EXPECT_GT(set.compared_elements(), 0);
}

TEST(LayersAsVerilog, EqualTheInterpreter) {
  std::vector<rtl::testing::Design> designs;
  for (const char* const file : {"layers_tables.h5", "layers_small_cnn.h5"}) {
    designs.push_back(design_of(file));
  }
  expect_equal_to_interpreter(std::move(designs));
}

TEST(LayersAsVerilog, EveryFormOfSoftmaxEqualsTheInterpreter) {
  // Narrow formats: tables are logic here, and take their time to be built.
  std::vector<rtl::testing::Design> designs;
  for (const char* const form : {"table", "stable", "argmax"}) {
    frontend::ImportOptions reading;
    reading.config =
        parse_json(fmt::format(R"({{"LayerName": {{"x": {{"Precision": "ap_fixed<6,3>"}}}},
                         "LayerType": {{"Softmax": {{"Strategy": "{}", "Precision": {{
                           "exp_table": "ap_fixed<8,2,RND,SAT>", "inv_inp": "ap_ufixed<7,3,RND,SAT>",
                           "inv_table": "ap_fixed<8,2,RND,SAT>"}}}}}}}})",
                               form),
                   form);
    designs.push_back(design_of("onnx_softmax_axis.onnx", {}, reading));
  }
  expect_equal_to_interpreter(std::move(designs));
}

/// Sums of three terms and a bias, rounded in every mode with every overflow into two formats.
rtl::testing::Design design_of_rounded_sums() {
  network::Network network("rounded_sums");
  const network::LayerId x = network.append("x", network::Input{{3}, {{5, 2, true}}}, {});
  network::Quantize quantize;
  for (const fixed::Rounding rounding : fixed::kAllRoundings) {
    for (const fixed::Overflow overflow : fixed::kAllOverflows) {
      quantize.quantizers.push_back({{5, 1, true}, rounding, overflow});
      quantize.quantizers.push_back({{4, 0, false}, rounding, overflow});
    }
  }
  network::Dense dense{.inputs = 3, .units = std::ssize(quantize.quantizers)};
  dense.weight_frac_bits = dense.bias_frac_bits = 2;
  for (std::int64_t i = 0; i < dense.inputs * dense.units; ++i) {
    dense.weights.push_back(i * 29 % 15 - 7);
  }
  for (std::int64_t i = 0; i < dense.units; ++i) dense.bias.push_back(i * 5 % 7);
  const network::LayerId sums = network.append("sums", std::move(dense), {x});
  network.add_output(network.append("rounded", std::move(quantize), {sums}));
  circuit::Circuit circuit = synth::lower(network);
  std::vector<std::int64_t> events = circuit::testing::corner_and_random_events(circuit, 1, 2000);
  circuit::Schedule schedule = synth::schedule(circuit, {}, 400);
  return {std::move(circuit), std::move(schedule), std::move(events)};
}

TEST(LayersAsVerilog, RoundedSumsEqualTheInterpreter) {
  std::vector<rtl::testing::Design> designs;
  designs.push_back(design_of_rounded_sums());
  expect_equal_to_interpreter(std::move(designs));
}

TEST(LayersAsVerilog, StreamingEqualsTheInterpreter) {
  std::vector<rtl::testing::Design> designs;
  for (const std::int64_t reuse : {1, 2}) {
    designs.push_back(
        design_of("layers_small_cnn.h5", {.form = synth::Form::streaming, .reuse = reuse}));
  }
  for (const char* const file : {"onnx_pool.onnx", "qonnx_cnn.onnx", "qonnx_streamed.onnx"}) {
    designs.push_back(design_of(file, {.form = synth::Form::streaming}));
  }
  expect_equal_to_interpreter(std::move(designs));
}

}  // namespace
}  // namespace sluice
