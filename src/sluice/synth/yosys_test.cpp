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
};

/// Synthesises a module for UltraScale+; LUT1 to LUT6 count as one LUT each, and so does LUT6_2.
Cells synthesise(const std::string& verilog) {
  const TemporaryFolder folder;
  write_file(folder.path() / "core.v", verilog);
  const Finished yosys = run_process(
      {{"yosys", "-q", "-p",
        "read_verilog core.v " SLUICE_SOURCE_DIR
        "/hw/sluice_ternary_adder.v; synth_xilinx -family xcup -flatten -noiopad -noclkbuf "
        "-top perceptron_core; tee -o stat.txt stat"},
       folder.path(),
       {}});
  EXPECT_EQ(yosys.exit_status, 0) << yosys.output;
  const std::string stat = read_file(folder.path() / "stat.txt");
  const std::regex cell(R"(\s(LUT[1-6](?:_2)?|FD\w+)\s+(\d+)\n)");
  Cells cells;
  for (std::sregex_iterator it(stat.begin(), stat.end(), cell), end; it != end; ++it) {
    const std::int64_t count = std::stoll((*it)[2]);
    ((*it)[1].str().starts_with("LUT") ? cells.luts : cells.flip_flops) += count;
  }
  return cells;
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
  const circuit::Circuit circuit = lower(network, {.cmvm = {.adders = GetParam()}});
  const circuit::Schedule plan = schedule(circuit, {}, 200.0);
  const Area expected = estimate(circuit, plan).total.area;
  const Cells cells = synthesise(rtl::emit_core(circuit, plan, {.name = "perceptron"}));
  RecordProperty("estimated_luts", std::to_string(expected.luts));
  RecordProperty("yosys_luts", std::to_string(cells.luts));
  // The estimate sees values one by one; Yosys also merges logic across them.
  constexpr double kTolerance = 0.05;
  const auto ratio = [](std::int64_t a, std::int64_t b) {
    return static_cast<double>(a) / static_cast<double>(b);
  };
  EXPECT_NEAR(ratio(expected.luts, cells.luts), 1.0, kTolerance)
      << expected.luts << " LUT estimated, " << cells.luts << " by Yosys";
  EXPECT_NEAR(ratio(expected.flip_flops, cells.flip_flops), 1.0, kTolerance)
      << expected.flip_flops << " FF estimated, " << cells.flip_flops << " by Yosys";
}

INSTANTIATE_TEST_SUITE_P(Adders, EstimateAgainstYosys,
                         ::testing::Values(Adders::two, Adders::three));

}  // namespace
}  // namespace sluice::synth
