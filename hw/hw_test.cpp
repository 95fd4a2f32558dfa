// Runs the Verilog tools over the shell: lint, four-state simulation, synthesis, and the proof that
// every rule of the checkers can fail.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "sluice/base/files.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/hw/sources.hpp"

namespace sluice::hw {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

const fs::path kFolder = fs::path(SLUICE_SOURCE_DIR) / "hw";

Words shell_files() {
  Words files;
  for (const Source& source : sources()) files.push_back((kFolder / source.name).string());
  return files;
}

Words bench_files(const Words& names) {
  Words files;
  for (const std::string& name : names) files.push_back((kFolder / "bench" / name).string());
  return files;
}

Words operator+(Words first, const Words& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Finished run(const Words& arguments) { return run_process({arguments, {}, {}}); }

// Compiles with Icarus; the caller's file appears only when that succeeds without a word.
void compile_bench(const Words& files, const std::string& top, const fs::path& program) {
  const Finished finished =
      run(Words{"iverilog", "-g2012", "-s", top, "-o", program.string()} + files);
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  ASSERT_EQ(finished.output, "");
}

#define SKIP_WITHOUT(program) \
  if (!find_program(program)) GTEST_SKIP() << (program) << " is not installed"

TEST(Shell, IsCleanForVerilatorsLint) {
  SKIP_WITHOUT("verilator");
  const Finished finished =
      run(Words{"verilator", "--lint-only", "-Wall", "--top-module", "sluice_example"} +
          shell_files() + bench_files({"sluice_example.v", "sluice_test_core.v"}));
  EXPECT_EQ(finished.exit_status, 0);
  EXPECT_EQ(finished.output, "");
}

TEST(Shell, HasNoUnknownValueInFourStateSimulation) {
  SKIP_WITHOUT("iverilog");
  const TemporaryFolder folder;
  compile_bench(shell_files() + bench_files({"sluice_kernel_bench.v", "sluice_example.v",
                                             "sluice_test_core.v"}),
                "sluice_kernel_bench", folder.path() / "bench");
  const Finished finished = run({"vvp", "-n", (folder.path() / "bench").string()});
  EXPECT_THAT(finished.output, HasSubstr("PASSED"));
  EXPECT_THAT(finished.output, Not(HasSubstr("ERROR")));
}

TEST(Shell, SynthesisesWithoutLatchesWithinItsBudget) {
  SKIP_WITHOUT("yosys");
  const TemporaryFolder folder;
  const std::string statistics = (folder.path() / "statistics").string();
  const std::string script = fmt::format(
      "read_verilog -DSYNTHESIS {}; chparam -set IN_BUS_BITS 64 -set OUT_BUS_BITS 64 "
      "-set IN_EVENT_BITS 32 -set OUT_EVENT_BITS 16 -set CORE_LATENCY 4 sluice_shell; "
      "synth_xilinx -family xcup -noiopad -noclkbuf -flatten -top sluice_shell; "
      "tee -o {} stat",
      fmt::join(shell_files(), " "), statistics);
  const Finished finished = run({"yosys", "-q", "-p", script});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  const std::string text = read_file(statistics);
  const auto count = [&](const std::string& cells) {
    int total = 0;
    const std::regex line("\n +(?:" + cells + ") +([0-9]+)");
    for (std::sregex_iterator match(text.begin(), text.end(), line), end; match != end; ++match) {
      total += std::stoi((*match)[1]);
    }
    return total;
  };
  const int luts = count("LUT[1-6]");
  const int registers = count("FD[RSCP]E");
  fmt::print("64-bit shell: {} LUT, {} FF, {} block RAM\n", luts, registers, count("RAMB\\d+E2"));
  EXPECT_EQ(count("LD[CP]E"), 0);
  EXPECT_GT(luts, 500);
  EXPECT_LT(luts, 1600);
  EXPECT_GT(registers, 1000);
  EXPECT_LT(registers, 2000);
}

TEST(MultiplyAdd, IsTheSameInSimulationAndInADsp48e2) {
  SKIP_WITHOUT("iverilog");
  const TemporaryFolder folder;
  const Words files = Words{(kFolder / "sluice_multiply_add.v").string()} +
                      bench_files({"sluice_multiply_add_bench.v", "DSP48E2.v"});
  const auto printed = [&](const Words& options, const std::string& name) {
    const std::string program = (folder.path() / name).string();
    const Finished built =
        run(Words{"iverilog", "-g2005", "-s", "sluice_multiply_add_bench", "-o", program} +
            options + files);
    EXPECT_EQ(built.output, "");
    return run({"vvp", "-n", program}).output;
  };
  const std::string simulated = printed({}, "simulated");
  EXPECT_GT(std::count(simulated.begin(), simulated.end(), '\n'), 1999);
  EXPECT_THAT(simulated, Not(HasSubstr("x")));
  EXPECT_EQ(printed({"-DSYNTHESIS"}, "synthesised"), simulated);
}

TEST(TernaryAdder, IsProvenEqualToItsExpression) {
  SKIP_WITHOUT("yosys");
  const fs::path bench = kFolder / "bench/sluice_ternary_bench.v";
  const std::string load = fmt::format(
      "read_verilog +/xilinx/cells_sim.v; "
      "read_verilog {} {}; select -set used LUT6_2 CARRY8 CARRY4 sluice_ternary_adder "
      "sluice_ternary_bench; delete @used %n; design -save all",
      (kFolder / "sluice_ternary_adder.v").string(), bench.string());
  const auto proof = [](int carry_bits, int width, int signs, int equal, std::uint64_t wired = 0,
                        int repeated = 63) {
    return fmt::format(
        "; design -load all; hierarchy -top sluice_ternary_bench -chparam CARRY_BITS {} "
        "-chparam WIDTH {} -chparam SUBTRACT_B {} -chparam SUBTRACT_C {} -chparam WIRED {}'d{} "
        "-chparam REPEATED {}; proc; flatten; opt -full; sat -verify -prove equal {}",
        carry_bits, width, signs & 1, signs >> 1, width, wired, std::min(repeated, width - 1),
        equal);
  };
  std::string script = load;
  for (const int carry_bits : {8, 4}) {
    for (const int signs : {0, 1, 2, 3}) {
      for (const int width : {1, 2, 3, 7, 8, 9, 13, 16, 17, 24, 40}) {
        script += proof(carry_bits, width, signs, 1);
      }
      // Bits that are wired in between and at both ends, and signs that are repeated.
      for (const int width : {2, 3, 9, 17}) {
        script += proof(carry_bits, width, signs, 1, 0b1'0110'0101'0011'1001 & ((1U << width) - 1));
        for (const int repeated : {0, 1, width - 3, width - 2}) {
          if (repeated < 0) continue;
          script += proof(carry_bits, width, signs, 1, 0, repeated);
          script += proof(carry_bits, width, signs, 1, 0b1010 & ((1U << width) - 1), repeated);
        }
      }
    }
  }
  const Finished finished = run({"yosys", "-q", "-p", script});
  EXPECT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_NE(run({"yosys", "-q", "-p", load + proof(8, 16, 3, 0)}).exit_status, 0);
}

class Checkers : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT("iverilog");
    const fs::path program = folder_.path() / "bench";
    compile_bench(shell_files() + bench_files({"sluice_check_bench.v"}), "sluice_check_bench",
                  program);
  }

  std::string play(const std::string& scenario) const {
    const std::string program = (folder_.path() / "bench").string();
    return run({"vvp", "-n", program, "+scenario=" + scenario}).output;
  }

  TemporaryFolder folder_;
};

// The first group of each match of `pattern`.
std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex expression(pattern);
  for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end;
       ++match) {
    found.insert((*match)[1]);
  }
  return found;
}

TEST_F(Checkers, AreSilentOnLegalTraffic) { EXPECT_EQ(play("legal"), "end of scenario\n"); }

TEST_F(Checkers, ReportEveryRuleWhenItIsBroken) {
  std::set<std::string> rules;
  for (const Source& source : sources()) {
    if (!source.name.starts_with("sluice_check_")) continue;
    rules.merge(matches(std::string(source.text), "`SLUICE_RULE\\([^\"]*\"([^\"]+)\""));
  }
  ASSERT_GE(rules.size(), 40U);
  const std::string bench = read_file(kFolder / "bench" / "sluice_check_bench.v");
  std::set<std::string> reported;
  for (const std::string& scenario : matches(bench, "\"([a-z0-9]+_[a-z0-9_]+)\"[:,]")) {
    const std::string output = play(scenario);
    EXPECT_THAT(output, HasSubstr("ERROR")) << scenario;
    EXPECT_THAT(output, HasSubstr("end of scenario")) << scenario;
    reported.merge(matches(output, "ERROR: [^ ]+ ([^\n]+)"));
  }
  EXPECT_EQ(reported, rules);
}

}  // namespace
}  // namespace sluice::hw
