#include <gtest/gtest.h>

#include <regex>

#include "sluice/base/files.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/rtl/core.hpp"
#include "sluice/synth/estimate.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"

namespace sluice::synth {
namespace {

struct Cells {
  std::int64_t luts = 0;
  std::int64_t flip_flops = 0;
  std::int64_t dsps = 0;
};

/// Synthesises a module for UltraScale+; LUT1 to LUT6 count as one LUT each, and so do LUT6_2 and
/// what holds a shift register.
Cells synthesise(const std::string& verilog) {
  const TemporaryFolder folder;
  write_file(folder.path() / "core.v", verilog);
  const Finished yosys = run_process(
      {{"yosys", "-q", "-p",
        "read_verilog core.v " SLUICE_SOURCE_DIR "/hw/sluice_ternary_adder.v " SLUICE_SOURCE_DIR
        "/hw/sluice_multiply_add.v " SLUICE_SOURCE_DIR "/hw/sluice_delay.v " SLUICE_SOURCE_DIR
        "/hw/sluice_loop.v; synth_xilinx -family xcup -flatten -noiopad -noclkbuf "
        "-top perceptron_core; tee -o stat.txt stat"},
       folder.path(),
       {}});
  EXPECT_EQ(yosys.exit_status, 0) << yosys.output;
  const std::string stat = read_file(folder.path() / "stat.txt");
  const std::regex cell(R"(\s(LUT[1-6](?:_2)?|SRL\w+|FD\w+|DSP48E2)\s+(\d+)\n)");
  Cells cells;
  for (std::sregex_iterator it(stat.begin(), stat.end(), cell), end; it != end; ++it) {
    const std::int64_t count = std::stoll((*it)[2]);
    const std::string kind = (*it)[1];
    (kind == "DSP48E2"        ? cells.dsps
     : kind.starts_with("FD") ? cells.flip_flops
                              : cells.luts) += count;
  }
  return cells;
}

// The estimate sees values one by one; Yosys also merges logic across them.
constexpr double kTolerance = 0.05;

void expect_estimate(const circuit::Circuit& circuit) {
  const circuit::Schedule plan = schedule(circuit, {}, 200.0);
  const Area expected = estimate(circuit, plan).total.area;
  const Cells cells = synthesise(rtl::emit_core(circuit, plan, {.name = "perceptron"}));
  const auto expect_near = [](const std::string& what, std::int64_t estimated, std::int64_t found) {
    testing::Test::RecordProperty("estimated_" + what, std::to_string(estimated));
    testing::Test::RecordProperty("yosys_" + what, std::to_string(found));
    EXPECT_NEAR(static_cast<double>(estimated) / static_cast<double>(found), 1.0, kTolerance)
        << estimated << " " << what << " estimated, " << found << " by Yosys";
  };
  expect_near("luts", expected.luts, cells.luts);
  expect_near("flip_flops", expected.flip_flops, cells.flip_flops);
  EXPECT_EQ(expected.dsps, cells.dsps);
}

class EstimateAgainstYosys : public ::testing::TestWithParam<Adders> {};

TEST_P(EstimateAgainstYosys, IsWithinFivePercentForASmallNetwork) {
  if (!find_program("yosys")) GTEST_SKIP() << "yosys is not installed";
  const network::Network network = network::testing::random_mlp(
      3, {.units = {8, 10, 6, 2},
          .input = {{8, 4, true}},
          .activation = {{8, 4, false}, fixed::Rounding::rnd_conv, fixed::Overflow::sat},
          .output = {{8, 4, true}, fixed::Rounding::rnd_conv, fixed::Overflow::sat},
          .weight = {7, 4, true},
          .weight_sigma = 16});
  expect_estimate(lower(network, {.cmvm = {.adders = GetParam()}}));
}

INSTANTIATE_TEST_SUITE_P(Adders, EstimateAgainstYosys,
                         ::testing::Values(Adders::two, Adders::three));

class ReuseAgainstYosys : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(ReuseAgainstYosys, IsWithinFivePercentForASmallNetwork) {
  if (!find_program("yosys")) GTEST_SKIP() << "yosys is not installed";
  const network::Network network = network::testing::random_mlp(
      3, {.units = {10, 12, 4},
          .input = {{10, 4, true}},
          .activation = {{9, 4, false}, fixed::Rounding::rnd, fixed::Overflow::wrap},
          .output = {{10, 4, true}, fixed::Rounding::rnd, fixed::Overflow::wrap},
          .weight = {9, 4, true},
          .weight_sigma = 16});
  expect_estimate(lower(network, {.reuse = GetParam()}));
}

INSTANTIATE_TEST_SUITE_P(Ticks, ReuseAgainstYosys, ::testing::Values(2));

}  // namespace
}  // namespace sluice::synth
