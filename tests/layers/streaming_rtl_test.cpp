// Networks that share hardware, as Verilog at the cycles that their schedule predicts.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "sluice/base/files.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/circuit/random_circuit.hpp"
#include "sluice/network/testing/random_cnn.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/rtl/simulated_design.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"

namespace sluice {
namespace {

const std::filesystem::path kSource = SLUICE_SOURCE_DIR;

rtl::testing::Design design_of(const network::Network& network, const synth::LowerOptions& options,
                               int random_events) {
  circuit::Circuit circuit = synth::lower(network, options);
  std::vector<std::int64_t> events =
      circuit::testing::corner_and_random_events(circuit, 1, random_events);
  constexpr double kClockMhz = 200;
  circuit::Schedule schedule = synth::schedule(circuit, synth::DelayModel{}, kClockMhz);
  EXPECT_FALSE(circuit.processes.empty());
  return {std::move(circuit), std::move(schedule), std::move(events)};
}

std::string run_in(const std::filesystem::path& folder, std::vector<std::string> arguments) {
  const Finished finished = run_process({std::move(arguments), folder, {}});
  EXPECT_EQ(finished.exit_status, 0) << finished.output;
  return finished.output;
}

void expect_equal_to_interpreter(std::vector<rtl::testing::Design> designs) {
  if (!find_program("verilator")) GTEST_SKIP() << "no verilator";
  const rtl::testing::DesignSet set(std::move(designs));
  const TemporaryFolder folder;
  std::vector<std::string> command{
      "verilator", "--cc", "--exe",  "--build",      "-j",
      "2",         "-O3",  "-Wall",  "--top-module", "top",
      "-CFLAGS",   "-O0",  "--Mdir", "build",        "-Wno-DECLFILENAME"};
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

TEST(StreamingAsVerilog, RandomConvolutionalNetworks) {
  std::vector<rtl::testing::Design> designs;
  const char* const chosen = std::getenv("SLUICE_TEST_SEED");
  const std::uint64_t first = chosen != nullptr ? std::stoull(chosen) : 0;
  for (std::uint64_t seed = first; seed < first + 8; ++seed) {
    synth::LowerOptions options{.form = synth::Form::streaming};
    if (seed % 3 == 0) options.most_parallel_weights = 0;
    if (seed % 4 == 1) options.reuse = 2;
    designs.push_back(design_of(network::testing::random_cnn(seed), options, 10));
  }
  expect_equal_to_interpreter(std::move(designs));
}

TEST(StreamingAsVerilog, ReuseOfAPerceptron) {
  const network::Network network = network::testing::random_mlp(5, {.units = {9, 12, 7, 2}});
  std::vector<rtl::testing::Design> designs;
  for (const std::int64_t reuse : {2, 5, 12}) {
    designs.push_back(design_of(network, {.reuse = reuse}, 40));
  }
  // Weights of three bits, which take gates instead of multipliers.
  const network::Network narrow = network::testing::random_mlp(
      6, {.units = {7, 9, 3}, .input = {{6, 3, true}}, .weight = {3, 1, true}, .weight_sigma = 2});
  designs.push_back(design_of(narrow, {.reuse = 3}, 40));
  expect_equal_to_interpreter(std::move(designs));
}

}  // namespace
}  // namespace sluice
