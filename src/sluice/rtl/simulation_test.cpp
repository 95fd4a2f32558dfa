#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <regex>

#include "sluice/base/files.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/circuit/random_circuit.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/rtl/core.hpp"
#include "sluice/rtl/layout.hpp"
#include "sluice/rtl/simulated_design.hpp"

namespace sluice::rtl {
namespace {

using circuit::Circuit;
using circuit::Schedule;
using circuit::ValueId;
using fixed::Format;
using testing::Design;
using testing::DesignSet;

const std::filesystem::path kTestData =
    std::filesystem::path(SLUICE_SOURCE_DIR) / "src/sluice/rtl/testdata";

bool has_program(const std::string& name) { return find_program(name).has_value(); }

std::string run_in(const std::filesystem::path& folder, std::vector<std::string> arguments) {
  const Finished finished = run_process({std::move(arguments), folder, {}});
  EXPECT_EQ(finished.exit_status, 0) << finished.output;
  return finished.output;
}

/// Builds with every lint warning on, as errors, and clocks all events through.
std::vector<std::uint8_t> run_verilator(const DesignSet& designs,
                                        const std::filesystem::path& folder) {
  std::vector<std::string> command{"verilator", "--cc",  "--exe",  "--build",      "-j",
                                   "2",         "-Wall", "-O3",    "--top-module", "top",
                                   "-CFLAGS",   "-O0",   "--Mdir", "build"};
  for (const std::string& file : designs.write_verilog(folder)) command.push_back(file);
  command.push_back((kTestData / "verilated_main.cpp").string());
  run_in(folder, command);
  const std::vector<std::uint8_t> stimulus = designs.stimulus();
  write_file(folder / "x.bin", {reinterpret_cast<const char*>(stimulus.data()), stimulus.size()});
  run_in(folder,
         {(folder / "build/Vtop").string(), "x.bin", "y.bin",
          fmt::format("{}", designs.input_bytes()), fmt::format("{}", designs.output_bytes())});
  const std::string bytes = read_file(folder / "y.bin");
  return {bytes.begin(), bytes.end()};
}

Design random_design(std::uint64_t seed, int latency_cycles, int random_events) {
  circuit::testing::RandomCircuitOptions options;
  if (seed % 4 == 0) options.widest_bits = 63;
  Circuit circuit = circuit::testing::random_circuit(seed, options);
  Schedule schedule = circuit::testing::random_schedule(circuit, seed, latency_cycles);
  std::vector<std::int64_t> events =
      circuit::testing::corner_and_random_events(circuit, seed, random_events);
  return {std::move(circuit), std::move(schedule), std::move(events)};
}

Design sample_design(const std::string& name) {
  circuit::Parsed parsed =
      circuit::parse(read_file(kTestData / (name + ".circuit")), name + ".circuit");
  std::vector<std::int64_t> events =
      circuit::testing::corner_and_random_events(parsed.circuit, 1, 100);
  return {std::move(parsed.circuit), *parsed.schedule, std::move(events)};
}

/// Every rounding and overflow mode into every one of `targets`, from each input.
Circuit every_quantize(const std::vector<std::pair<Format, fixed::Interval>>& sources,
                       const std::vector<Format>& targets) {
  Circuit circuit{"every_quantize", {}, {}, {"quantize"}, circuit::Function()};
  circuit::Function& f = circuit.function;
  constexpr circuit::OriginId kOrigin{};
  for (const auto& [format, range] : sources) {
    const std::int64_t element = std::ssize(circuit.inputs);
    circuit.inputs.push_back({fmt::format("x{}", element), {format}, 1});
    const ValueId x = f.input(element, format, range, kOrigin);
    for (const Format& target : targets) {
      for (const fixed::Rounding rounding : fixed::kAllRoundings) {
        for (const fixed::Overflow overflow : fixed::kAllOverflows) {
          const ValueId y = f.quantize(x, {target, rounding, overflow}, kOrigin);
          circuit.outputs.push_back(
              {fmt::format("y{}", circuit.outputs.size()), {target, rounding, overflow}, 1});
          f.add_output(y);
        }
      }
    }
  }
  return circuit;
}

TEST(Verilated, RandomCircuitsEqualTheInterpreterCycleByCycle) {
  if (!has_program("verilator")) GTEST_SKIP() << "verilator is not installed";
  std::vector<Design> designs;
  const char* const chosen = std::getenv("SLUICE_TEST_SEED");
  const std::uint64_t first = chosen != nullptr ? std::stoull(chosen) : 100;
  for (std::uint64_t seed = first; seed < first + 12; ++seed) {
    designs.push_back(random_design(seed, 1 + static_cast<int>(seed % 5), 400));
  }
  for (const char* name : {"sum", "quantize", "table"}) designs.push_back(sample_design(name));
  const DesignSet set(std::move(designs));
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> observed = run_verilator(set, folder.path());
  EXPECT_EQ(set.first_difference(observed), "");
  EXPECT_TRUE(set.idle_stages_stand_still(observed));
  EXPECT_GT(set.compared_elements(), 30000);
}

TEST(Verilated, EveryRoundingAndOverflowOnEveryInput) {
  if (!has_program("verilator")) GTEST_SKIP() << "verilator is not installed";
  const std::vector<std::pair<Format, fixed::Interval>> sources{
      {{9, 4, true}, {-256, 255}}, {{8, 4, false}, {0, 255}}, {{9, 4, true}, {-100, 37}}};
  // Narrower, wider and finer than the source, one bit, and grids coarser than the whole source.
  const std::vector<Format> targets{{5, 2, true},  {4, 1, false},  {7, 6, true},
                                    {9, 3, false}, {2, 3, true},   {3, -4, true},
                                    {3, -6, true}, {2, -5, false}, {1, 3, true}};
  Design design{every_quantize(sources, targets), {}, {}};
  design.schedule = {1, std::vector<std::int32_t>(design.circuit.function.instrs().size())};
  for (std::int64_t i = 0; i < 512; ++i) {
    design.events.insert(design.events.end(), {i - 256, i % 256, i % 138 - 100});
  }
  const DesignSet set({std::move(design)});
  const TemporaryFolder folder;
  EXPECT_EQ(set.first_difference(run_verilator(set, folder.path())), "");
  EXPECT_EQ(set.compared_elements(), 512 * 3 * 9 * 28);
}

/// Chains of products and sums, with and without a register in the multiplier: value * factor +
/// addend in several widths, factors shared and negated, and those that vary.
Circuit chains_of_multipliers() {
  Circuit circuit{
      "multipliers", {{"x", {{11, 4, true}}, 4}}, {}, {"multiply"}, circuit::Function()};
  circuit::Function& f = circuit.function;
  constexpr circuit::OriginId kOrigin{};
  std::vector<ValueId> x;
  for (int i = 0; i < 4; ++i) x.push_back(f.input(i, {11, 4, true}, {-1024, 1023}, kOrigin));
  x.push_back(f.max(x[0], f.constant(0, 4, kOrigin), kOrigin));  // unsigned
  const auto product = [&](std::size_t i, std::int64_t factor) {
    return f.multiply(x[i], f.constant(factor, 3, kOrigin), kOrigin);
  };
  ValueId sum = f.constant(77, 7, kOrigin);
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum = f.add(sum, product(i, 93), 0, kOrigin);
    const ValueId less = f.sub(sum, product(i, -51), 0, kOrigin);
    f.add_output(less);
    f.add_output(f.add(product(i, 93), less, 0, kOrigin));
  }
  f.add_output(product(1, 67));
  // Two values, of which the unsigned one takes a sign in the multiplier.
  const ValueId square = f.multiply(x[4], x[4], kOrigin);
  const ValueId chain = f.add(f.multiply(x[2], x[4], kOrigin), square, 0, kOrigin);
  f.add_output(f.add(f.multiply(x[1], x[3], kOrigin), chain, 1, kOrigin));
  for (const ValueId output : f.outputs()) {
    const Format& format = f.instr(output).format;
    circuit.outputs.push_back({fmt::format("y{}", circuit.outputs.size()), {format}, 1});
  }
  return circuit;
}

TEST(Verilated, MultipliersEqualTheInterpreterCycleByCycle) {
  if (!has_program("verilator")) GTEST_SKIP() << "verilator is not installed";
  const Circuit circuit = chains_of_multipliers();
  std::vector<Design> designs;
  for (const int latency_cycles : {1, 3, 6}) {
    designs.push_back({circuit, circuit::testing::random_schedule(circuit, 1, latency_cycles),
                       circuit::testing::corner_and_random_events(circuit, 1, 400)});
  }
  const DesignSet set(std::move(designs));
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> observed = run_verilator(set, folder.path());
  EXPECT_EQ(set.first_difference(observed), "");
  EXPECT_TRUE(set.idle_stages_stand_still(observed));
}

/// The first difference from the interpreter, or nothing. `more` are words for the compiler.
std::string run_icarus(const DesignSet& set, const std::filesystem::path& folder,
                       const std::vector<std::string>& more) {
  std::vector<std::string> command{
      "iverilog",
      "-g2005",
      "-Wall",
      "-o",
      "sim.vvp",
      "-s",
      "icarus_bench",
      fmt::format("-Picarus_bench.IN_BITS={}", 8 * set.input_bytes()),
      fmt::format("-Picarus_bench.OUT_BITS={}", 8 * set.output_bytes()),
      fmt::format("-Picarus_bench.CYCLES={}", set.cycles()),
      (kTestData / "icarus_bench.v").string()};
  for (const std::string& file : set.write_verilog(folder)) command.push_back(file);
  command.insert(command.end(), more.begin(), more.end());
  run_in(folder, command);

  const std::vector<std::uint8_t> stimulus = set.stimulus();
  const auto bytes_in = static_cast<std::ptrdiff_t>(set.input_bytes());
  std::string hex;
  for (auto record = stimulus.begin(); record != stimulus.end(); record += bytes_in) {
    for (std::ptrdiff_t i = bytes_in; i-- > 0;) hex += fmt::format("{:02x}", record[i]);
    hex += '\n';
  }
  write_file(folder / "events.hex", hex);
  const std::string printed = run_in(folder, {"vvp", "-n", "sim.vvp"});

  std::vector<std::uint8_t> observed;
  std::vector<bool> known;
  const auto line_length = static_cast<std::size_t>(2 * set.output_bytes()) + 1;
  for (std::size_t start = 0;
       start + line_length <= printed.size() &&
       std::ssize(observed) < std::ptrdiff_t{set.cycles()} * set.output_bytes();
       start += line_length) {
    for (std::size_t i = line_length - 1; i > 0; i -= 2) {
      const std::string digits = printed.substr(start + i - 2, 2);
      known.push_back(digits.find_first_not_of("0123456789abcdef") == std::string::npos);
      observed.push_back(known.back() ? static_cast<std::uint8_t>(std::stoi(digits, nullptr, 16))
                                      : 0);
    }
  }
  const std::string difference = set.first_difference(observed, known);
  return difference.empty() ? difference : difference + printed.substr(0, 400);
}

TEST(Icarus, RandomCircuitsHaveNoUnknownBitsAndEqualTheInterpreter) {
  if (!has_program("iverilog")) GTEST_SKIP() << "iverilog is not installed";
  const DesignSet set({random_design(7, 4, 60), random_design(8, 1, 60), sample_design("table")});
  const TemporaryFolder folder;
  EXPECT_EQ(run_icarus(set, folder.path(), {}), "");
}

// What synthesis sees, with Yosys's models of the vendor's cells.
TEST(Icarus, PrimitivesEqualTheInterpreter) {
  const std::filesystem::path cells = "/usr/share/yosys/xilinx/cells_sim.v";
  if (!has_program("iverilog")) GTEST_SKIP() << "iverilog is not installed";
  if (!std::filesystem::exists(cells)) GTEST_SKIP() << cells << " is not there";
  std::string used;
  const std::string models = read_file(cells);
  for (const std::string cell : {"LUT6_2", "CARRY8", "CARRY4"}) {
    const std::size_t start = models.find("\nmodule " + cell + "(");
    ASSERT_NE(start, std::string::npos) << cell;
    const std::string end = "endmodule\n";
    used += models.substr(start, models.find(end, start) + end.size() - start);
  }
  for (const Family& family : kFamilies) {
    std::vector<Design> designs;
    for (const std::uint64_t seed : {20, 21, 22, 23}) designs.push_back(random_design(seed, 3, 60));
    for (Design& design : designs) design.family = family;
    const DesignSet set(std::move(designs));
    const TemporaryFolder folder;
    write_file(folder.path() / "cells.v", used);
    std::vector<std::string> more{"-DSYNTHESIS", "cells.v",
                                  SLUICE_SOURCE_DIR "/hw/sluice_ternary_adder.v"};
    if (family.has_dsp48e2) more.emplace_back(SLUICE_SOURCE_DIR "/hw/bench/DSP48E2.v");
    EXPECT_EQ(run_icarus(set, folder.path(), more), "") << family.name;
  }
}

TEST(Yosys, SynthesisesForUltrascalePlus) {
  if (!has_program("yosys")) GTEST_SKIP() << "yosys is not installed";
  const Design design = random_design(3, 3, 1);
  const TemporaryFolder folder;
  write_file(folder.path() / "core.v", emit_core(design.circuit, design.schedule, {"random"}));
  const std::string report = run_in(
      folder.path(),
      {"yosys", "-p",
       "read_verilog core.v " SLUICE_SOURCE_DIR "/hw/sluice_ternary_adder.v " SLUICE_SOURCE_DIR
       "/hw/sluice_multiply_add.v; synth_xilinx -family xcup -flatten -noiopad -noclkbuf "
       "-top random_core; check -assert; stat"});
  // A line of ABC's about combinational networks is no finding about ours.
  EXPECT_THAT(report, ::testing::Not(::testing::HasSubstr("\nWarning:")));
  const std::string last = report.substr(report.rfind("Number of cells"));
  std::int64_t luts = 0;
  const std::regex lut_count(R"(LUT[1-6](?:_2)?\s+(\d+))");
  for (std::sregex_iterator match(last.begin(), last.end(), lut_count), end; match != end;
       ++match) {
    luts += std::stoll((*match)[1]);
  }
  EXPECT_GT(luts, 0);
  EXPECT_THAT(last, ::testing::Not(::testing::ContainsRegex("LD[CP]E|\\$_")));
  fmt::print("random_3: {} LUT by synth_xilinx -family xcup\n", luts);
}

}  // namespace
}  // namespace sluice::rtl
