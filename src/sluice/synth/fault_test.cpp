#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <random>

#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"

// Single faults in circuits: the comparison with the right circuit, or the verifier, finds each.
namespace sluice::synth {
namespace {

using circuit::Circuit;
using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::Schedule;
using circuit::ValueId;

constexpr int kFaultsPerKind = 50;
constexpr int kRandomEvents = 1000;

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
        circuit_(lower(network_)),
        events_(network::testing::corner_and_random_events(network_, 1, kRandomEvents)),
        right_(outputs_of(circuit_)) {}

  std::vector<std::int64_t> outputs_of(const Circuit& circuit) const {
    const circuit::Interpreter interpreter(circuit);
    const std::size_t count =
        events_.size() / static_cast<std::size_t>(interpreter.input_elements());
    std::vector<std::int64_t> outputs(count *
                                      static_cast<std::size_t>(interpreter.output_elements()));
    interpreter.run(events_, outputs);
    return outputs;
  }

  bool is_caught(const Circuit& wrong) const {
    return circuit::find_violation(wrong) || outputs_of(wrong) != right_;
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

  network::Network network_;
  Circuit circuit_;
  std::vector<std::int64_t> events_;
  std::vector<std::int64_t> right_;
  std::mt19937_64 random_{1};
};

TEST_F(Faults, WrongShiftsAreCaught) {
  for (const std::size_t target : draw_targets([&](std::size_t id) { return is_sum(id); })) {
    const int by = random_() % 2 == 0 ? 1 : -1;
    EXPECT_TRUE(is_caught(with_fault(circuit_, target, [&](Instr instr, Function& function) {
      instr.shift += by;
      return function.append(instr);
    }))) << describe(target);
  }
}

TEST_F(Faults, WrongSignsAreCaught) {
  for (const std::size_t target : draw_targets([&](std::size_t id) { return is_sum(id); })) {
    EXPECT_TRUE(is_caught(with_fault(circuit_, target, [](Instr instr, Function& function) {
      instr.op = with_a_wrong_sign(instr.op);
      return function.append(instr);
    }))) << describe(target);
  }
}

TEST_F(Faults, MissingTopBitsAreCaught) {
  const circuit::Interpreter interpreter(circuit_);
  const auto inputs = static_cast<std::size_t>(interpreter.input_elements());
  std::vector<fixed::Interval> seen(circuit_.function.instrs().size());
  for (std::size_t first = 0; first < events_.size(); first += inputs) {
    const std::vector<std::int64_t> values =
        interpreter.evaluate(std::span(events_).subspan(first, inputs));
    for (std::size_t id = 0; id < seen.size(); ++id) {
      seen[id] = fixed::hull(seen[id], {values[id], values[id]});
    }
  }
  const auto narrower = [&](std::size_t id) {
    fixed::Format format = circuit_.function.instrs()[id].format;
    --format.width;
    return format;
  };
  // A bit that no event needs is no fault that events could show.
  const auto needs_its_top_bit = [&](std::size_t id) {
    return is_sum(id) && !fixed::range_of(narrower(id)).contains(seen[id]);
  };
  for (const std::size_t target : draw_targets(needs_its_top_bit)) {
    EXPECT_TRUE(is_caught(with_fault(circuit_, target, [&](const Instr& instr, Function& function) {
      return function.quantize(function.append(instr), {narrower(target)}, instr.origin);
    }))) << describe(target);
  }
}

TEST_F(Faults, WrongStagesAreCaught) {
  const Schedule right = schedule(circuit_, {}, 200.0);
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
  ASSERT_EQ(circuit::find_violation(circuit_, right), std::nullopt);
  for (const std::size_t target : draw_targets([&](std::size_t id) { return is_sum(id); })) {
    const Instr& instr = circuit_.function.instrs()[target];
    Schedule wrong = right;
    if (random_() % 2 == 0) {
      wrong.stages[target] =
          std::min(wrong.stages[index(instr.operands[0])], wrong.stages[index(instr.operands[1])]) -
          1;
    } else {
      wrong.stages[target] = first_use(right, target) + 1;
    }
    // Of a value in a later stage the pipeline would read another event's.
    EXPECT_NE(circuit::find_violation(circuit_, wrong), std::nullopt) << describe(target);
  }
}

}  // namespace
}  // namespace sluice::synth
