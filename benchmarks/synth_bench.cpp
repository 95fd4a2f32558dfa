// Synthesises one network and prints what came of it as a JSON object.

#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/json.hpp"
#include "sluice/circuit/circuit.hpp"
#include "sluice/network/text.hpp"
#include "sluice/rtl/core.hpp"
#include "sluice/synth/cost.hpp"
#include "sluice/synth/estimate.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"

namespace {

using namespace sluice;

struct Options {
  std::string network;
  std::string verilog;
  std::string values;
  std::string effort = "normal";
  std::string adders = "three";
  std::string family{rtl::kFamilies.front().name};
  int extra_depth = 0;
  std::int64_t dsps = 0;
  double clock_mhz = 200.0;
  int repetitions = 1;
  bool few_registers = false;
};

/// Of this process: what else runs on the machine does not count.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Adders on the longest way through the circuit.
int adder_depth(const circuit::Function& function) {
  const std::vector<synth::Area> areas = synth::logic_area(function);
  std::vector<int> depths;
  for (const circuit::Instr& instr : function.instrs()) {
    const bool adds = is_sum(instr.op) && !(areas[depths.size()] == synth::Area{});
    int depth = 0;
    for (int k = 0; k < operand_count(instr.op); ++k) {
      depth = std::max(depth, depths[index(instr.operands[static_cast<std::size_t>(k)])]);
    }
    depths.push_back(depth + (adds ? 1 : 0));
  }
  return depths.empty() ? 0 : *std::ranges::max_element(depths);
}

/// What the delay model says of every value.
Json delays_of(const circuit::Function& function, const circuit::Schedule& plan) {
  const std::vector<double> ready_ns = synth::ready_ns(function, plan, {});
  Json values = Json::array();
  for (std::size_t id = 0; id < ready_ns.size(); ++id) {
    values.push_back({{"operation", to_string(function.instrs()[id].op)},
                      {"stage", plan.stages[id]},
                      {"ready_ns", ready_ns[id]}});
  }
  return values;
}

std::int64_t peak_memory_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

Json measure(const Options& options) {
  const std::map<std::string, synth::Effort> efforts{{"fast", synth::Effort::fast},
                                                     {"normal", synth::Effort::normal},
                                                     {"max", synth::Effort::max}};
  const network::Network network = network::parse(read_file(options.network), options.network);
  circuit::Circuit circuit;
  std::vector<double> lower_s;
  for (int round = 0; round < options.repetitions; ++round) {
    const double start = cpu_seconds();
    circuit = synth::lower(
        network,
        {.cmvm = {.extra_depth = options.extra_depth,
                  .effort = efforts.at(options.effort),
                  .adders = options.adders == "two" ? synth::Adders::two : synth::Adders::three},
         .multipliers = options.dsps});
    lower_s.push_back(cpu_seconds() - start);
  }
  const double start = cpu_seconds();
  const circuit::Schedule plan = synth::schedule(
      circuit, {}, options.clock_mhz,
      options.few_registers ? synth::PipelineGoal::registers : synth::PipelineGoal::speed);
  const double schedule_s = cpu_seconds() - start;
  const synth::Estimate estimate = synth::estimate(circuit, plan);
  if (!options.verilog.empty()) {
    const auto family = std::ranges::find(rtl::kFamilies, options.family, &rtl::Family::name);
    write_file(options.verilog,
               rtl::emit_core(circuit, plan, {.name = "bench", .family = *family}));
  }
  if (!options.values.empty()) {
    write_file(options.values, delays_of(circuit.function, plan).dump());
  }
  return {{"adders", estimate.total.adders},
          {"adder_depth", adder_depth(circuit.function)},
          {"lut_estimated", estimate.total.area.luts},
          {"ff_estimated", estimate.total.area.flip_flops},
          {"dsp", estimate.total.area.dsps},
          {"latency_cycles", estimate.latency_cycles},
          {"critical_path_ns", estimate.critical_path_ns},
          {"optimise_s", median(lower_s)},
          {"schedule_s", schedule_s},
          {"peak_memory_kib", peak_memory_kib()}};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Synthesises one network and prints what came of it as a JSON object");
  app.add_option("network", options.network, "Network in text form")->required();
  app.add_option("--effort", options.effort)->check(CLI::IsMember({"fast", "normal", "max"}));
  app.add_option("--adders", options.adders, "Most operands of an adder")
      ->check(CLI::IsMember({"two", "three"}));
  app.add_option("--extra-depth", options.extra_depth, "Adder levels above the least")
      ->check(CLI::Range(0, 16));
  app.add_option("--dsp", options.dsps, "Multipliers that weights may take")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--clock-mhz", options.clock_mhz);
  app.add_flag("--few-registers", options.few_registers);
  std::vector<std::string> families;
  families.reserve(rtl::kFamilies.size());
  for (const rtl::Family& family : rtl::kFamilies) families.emplace_back(family.name);
  app.add_option("--family", options.family, "Which the Verilog is for")
      ->check(CLI::IsMember(families));
  app.add_option("--repetitions", options.repetitions, "Of which the median time is printed")
      ->check(CLI::PositiveNumber);
  app.add_option("--verilog", options.verilog, "File to write");
  app.add_option("--values", options.values, "File to write: each value's operation, stage, delay");
  CLI11_PARSE(app, argc, argv);
  try {
    fmt::print("{}\n", measure(options).dump());
  } catch (const Error& error) {
    fmt::print(stderr, "{}: {}\n", error.code(), error.what());
    return 1;
  }
  return 0;
}
