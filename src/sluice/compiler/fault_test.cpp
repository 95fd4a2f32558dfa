#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <regex>
#include <span>
#include <string>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/compiler/test_vectors.hpp"
#include "sluice/compiler/verify.hpp"
#include "sluice/hw/sources.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/text.hpp"
#include "sluice/rtl/core.hpp"
#include "sluice/rtl/kernel.hpp"
#include "sluice/sim/build.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"

// Single faults in packages, each of which `sluice verify` finds: in the circuit, where engines
// then differ from it or it is refused, and in the Verilog.
namespace sluice::compiler {
namespace {

using circuit::Circuit;
using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::Schedule;
using circuit::ValueId;

constexpr int kFaultsPerKind = 50;
constexpr int kFaultsInVerilog = 4;
constexpr std::int64_t kEvents = 1000;

Circuit copy_with(const Circuit& circuit, Function function) {
  Circuit copy = circuit;
  copy.function = std::move(function);
  return copy;
}

/// The circuit with `change(instruction, its copy's function)` in place of instruction `target`.
template <class Change>
Circuit with_fault(const Circuit& circuit, std::size_t target, Change&& change) {
  const Function& right = circuit.function;
  Function wrong;
  for (const circuit::Table& table : right.tables()) wrong.add_table(table);
  std::vector<ValueId> ids;
  for (std::size_t id = 0; id < right.instrs().size(); ++id) {
    Instr instr = right.instrs()[id];
    for (int k = 0; k < operand_count(instr.op); ++k) {
      ValueId& operand = instr.operands[static_cast<std::size_t>(k)];
      operand = ids[index(operand)];
    }
    ids.push_back(id == target ? change(instr, wrong) : wrong.append(instr));
  }
  for (const ValueId output : right.outputs()) wrong.add_output(ids[index(output)]);
  return copy_with(circuit, std::move(wrong));
}

Op with_a_wrong_sign(Op op) {
  switch (op) {
    case Op::add:
      return Op::sub;
    case Op::add_add:
    case Op::sub_sub:
      return Op::add_sub;
    case Op::add_sub:
      return Op::add_add;
    default:
      return Op::add;
  }
}

class Faults : public ::testing::Test {
 protected:
  Faults()
      : network_(network::testing::random_mlp(
            3, {.units = {8, 10, 6, 3},
                .input = {{8, 4, true}},
                .activation = {{11, 4, false}, fixed::Rounding::rnd_conv, fixed::Overflow::sat},
                .output = {{20, 4, true}, fixed::Rounding::rnd_conv, fixed::Overflow::sat},
                .weight = {7, 4, true},
                .weight_sigma = 16,
                .zero_percent = 30})),
        circuit_(synth::lower(network_, {.multipliers = 20})),
        schedule_(synth::schedule(circuit_, {}, 200.0)) {
    circuit_.name = kName;
    write_file(folder() / "network.txt", network::print(network_));
  }

  const std::filesystem::path& folder() const { return folder_.path(); }

  package::Package sealed() const {
    package::Manifest manifest;
    manifest.name = kName;
    manifest.sluice_version = "test";
    manifest.source = {"test.h5", std::string(64, '0')};
    manifest.clock_mhz = 200;
    manifest.latency_cycles = schedule_.latency_cycles;
    manifest.input = port(network_.inputs().front());
    manifest.output = port(network_.outputs().front());
    package::seal(folder(), manifest);
    return package::Package::open(folder());
  }

  package::TensorPort port(network::LayerId id) const {
    const network::Layer& layer = network_.layer(id);
    package::TensorPort port{layer.name, layer.type.shape, {layer.type.format}};
    const auto* input = std::get_if<network::Input>(&layer.op);
    if (input != nullptr) port.quantizer = input->quantizer;
    return port;
  }

  bool passes(const Circuit& circuit, const Schedule& schedule, std::int64_t events = kEvents,
              const std::vector<std::string>& devices = {}) const {
    write_file(folder() / "circuit.txt", circuit::print(circuit, &schedule));
    const package::Package package = sealed();
    try {
      return verify(package, {.samples = events, .rtl_samples = events, .devices = devices})
          .passed();
    } catch (const ModelError&) {
      return false;
    }
  }

  /// A fault may add a value, which stands in the stage of the one that it changes.
  bool is_caught(const Circuit& wrong, std::size_t target) const {
    Schedule schedule = schedule_;
    const std::size_t added = wrong.function.instrs().size() - circuit_.function.instrs().size();
    schedule.stages.insert(schedule.stages.begin() + static_cast<std::ptrdiff_t>(target), added,
                           schedule.stages[target]);
    // Most faults show at once; the rest in as many events as `sluice verify` runs.
    return !passes(wrong, schedule) || !passes(wrong, schedule, VerifyOptions{}.samples);
  }

  /// Draws instructions for which `eligible` holds.
  template <class Eligible>
  std::vector<std::size_t> draw_targets(Eligible&& eligible) {
    std::vector<std::size_t> all;
    for (std::size_t id = 0; id < circuit_.function.instrs().size(); ++id) {
      if (eligible(id)) all.push_back(id);
    }
    EXPECT_FALSE(all.empty());
    std::vector<std::size_t> targets;
    for (int i = 0; i < kFaultsPerKind; ++i) targets.push_back(all[random_() % all.size()]);
    return targets;
  }

  bool is_sum(std::size_t id) const { return circuit::is_sum(circuit_.function.instrs()[id].op); }

  std::string describe(std::size_t id) const {
    return "value " + std::to_string(id) + " of " +
           std::to_string(circuit_.function.instrs().size());
  }

  static constexpr const char* kName = "faulty";

  TemporaryFolder folder_;
  network::Network network_;
  Circuit circuit_;
  Schedule schedule_;
  std::mt19937_64 random_{1};
};

TEST_F(Faults, TheRightCircuitPasses) { EXPECT_TRUE(passes(circuit_, schedule_)); }

TEST_F(Faults, WrongShiftsAreCaught) {
  for (const std::size_t target : draw_targets([&](std::size_t id) { return is_sum(id); })) {
    const int by = random_() % 2 == 0 ? 1 : -1;
    EXPECT_TRUE(is_caught(with_fault(circuit_, target,
                                     [&](Instr instr, Function& function) {
                                       instr.shift += by;
                                       return function.append(instr);
                                     }),
                          target))
        << describe(target);
  }
}

TEST_F(Faults, WrongSignsAreCaught) {
  for (const std::size_t target : draw_targets([&](std::size_t id) { return is_sum(id); })) {
    EXPECT_TRUE(is_caught(with_fault(circuit_, target,
                                     [](Instr instr, Function& function) {
                                       instr.op = with_a_wrong_sign(instr.op);
                                       return function.append(instr);
                                     }),
                          target))
        << describe(target);
  }
}

TEST_F(Faults, MissingTopBitsAreCaught) {
  const auto without_top_bit = [&](std::size_t target) {
    return with_fault(circuit_, target, [&](const Instr& instr, Function& function) {
      fixed::Format format = circuit_.function.instrs()[target].format;
      --format.width;
      return function.quantize(function.append(instr), {format}, instr.origin);
    });
  };
  // A bit that no output needs, as where what is missing saturates all the same, is no fault that
  // events could show. These are others than those of verify().
  const auto outputs = [](const Circuit& circuit) {
    const circuit::Interpreter interpreter(circuit);
    const auto inputs = static_cast<std::size_t>(interpreter.input_elements());
    const auto each = static_cast<std::size_t>(interpreter.output_elements());
    const std::vector<std::int64_t> events =
        make_inputs(circuit, kEvents, VerifyOptions{}.seed + 1);
    std::vector<std::int64_t> results(events.size() / inputs * each);
    for (std::size_t i = 0; i < events.size() / inputs; ++i) {
      interpreter.run(std::span(events).subspan(i * inputs, inputs),
                      std::span(results).subspan(i * each, each));
    }
    return results;
  };
  const std::vector<std::int64_t> right = outputs(circuit_);
  const auto shows = [&](std::size_t id) {
    return is_sum(id) && outputs(without_top_bit(id)) != right;
  };
  for (const std::size_t target : draw_targets(shows)) {
    EXPECT_TRUE(is_caught(without_top_bit(target), target)) << describe(target);
  }
}

TEST_F(Faults, WrongStagesAreCaught) {
  const auto first_use = [&](const Schedule& plan, std::size_t target) {
    const auto instrs = circuit_.function.instrs();
    std::int32_t stage = plan.latency_cycles - 1;
    for (std::size_t user = target + 1; user < instrs.size(); ++user) {
      const auto operands = std::span(instrs[user].operands)
                                .first(static_cast<std::size_t>(operand_count(instrs[user].op)));
      if (std::ranges::count(operands, ValueId{static_cast<std::int32_t>(target)}) != 0) {
        stage = std::min(stage, plan.stages[user]);
      }
    }
    return stage;
  };
  for (const std::size_t target : draw_targets([&](std::size_t id) { return is_sum(id); })) {
    const Instr& instr = circuit_.function.instrs()[target];
    Schedule wrong = schedule_;
    if (random_() % 2 == 0) {
      wrong.stages[target] =
          std::min(wrong.stages[index(instr.operands[0])], wrong.stages[index(instr.operands[1])]) -
          1;
    } else {
      wrong.stages[target] = first_use(schedule_, target) + 1;
    }
    // Of a value in a later stage the pipeline would read another event's.
    EXPECT_FALSE(passes(circuit_, wrong)) << describe(target);
  }
}

// The pipeline reads a register of the stage before, which holds the next event's value.
TEST_F(Faults, WrongStagesInVerilogAreCaught) {
  if (!find_program("verilator")) GTEST_SKIP() << "verilator is not installed";
  std::filesystem::create_directory(folder() / "rtl");
  std::filesystem::create_directory(folder() / "sim");
  hw::write_sources(folder() / "rtl");
  write_file(folder() / "rtl/faulty.v",
             rtl::emit_kernel(rtl::kernel_options(circuit_, schedule_, kName)));
  const std::string right = rtl::emit_core(circuit_, schedule_, {.name = kName});
  const auto passes_with = [&](const std::string& core) {
    write_file(folder() / "rtl/faulty_core.v", core);
    sim::build_kernel_library(folder() / "rtl", kName, folder() / "sim/kernel.so", {},
                              no_progress());
    return passes(circuit_, schedule_, kEvents, {"rtl"});
  };
  ASSERT_TRUE(passes_with(right));
  const std::regex register_update(R"((\w+)_s(\d+) <= (\1)_s(\d+);)");
  std::vector<std::smatch> updates(
      std::sregex_iterator(right.begin(), right.end(), register_update), std::sregex_iterator());
  std::erase_if(updates, [](const std::smatch& update) { return update[4] == "0"; });
  ASSERT_GT(updates.size(), 0U);
  for (int i = 0; i < kFaultsInVerilog; ++i) {
    const std::smatch& update = updates[random_() % updates.size()];
    const std::string reg = update[1].str() + "_s" + update[2].str();
    // Whoever reads the register reads what goes into it.
    const auto behind = right.begin() + update.position() + update.length();
    const std::string wrong =
        std::string(right.begin(), behind) +
        std::regex_replace(std::string(behind, right.end()), std::regex("\\b" + reg + "\\b"),
                           update[3].str() + "_s" + update[4].str());
    EXPECT_FALSE(passes_with(wrong)) << reg;
  }
}

}  // namespace
}  // namespace sluice::compiler
