#include "sluice/circuit/interpreter.hpp"

#include <gtest/gtest.h>

#include <set>

#include "sluice/base/error.hpp"
#include "sluice/circuit/random_circuit.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/circuit/verify.hpp"

namespace sluice::circuit {
namespace {

constexpr OriginId kOrigin{};
constexpr fixed::Format kS8{8, 4, true};

/// Every operation once, on x0 = s8.4 and x1 = s8.4.
Circuit every_operation() {
  Circuit circuit{"ops", {{"x", {kS8}, 2}}, {}, {"layer"}, Function()};
  Function& f = circuit.function;
  const ValueId a = f.input(0, kS8, {-128, 127}, kOrigin);
  const ValueId b = f.input(1, kS8, {-8, 127}, kOrigin);
  const ValueId constant = f.constant(-3, 1, kOrigin);
  f.add(a, b, 2, kOrigin);
  f.sub(a, constant, -1, kOrigin);
  f.sum(Op::add_add, {a, b, constant}, 1, -2, kOrigin);
  f.sum(Op::add_sub, {a, b, constant}, 0, 1, kOrigin);
  f.sum(Op::sub_sub, {a, b, constant}, -1, 0, kOrigin);
  f.negate(a, kOrigin);
  f.scale(a, 5, kOrigin);
  f.multiply(a, b, kOrigin);
  f.max(a, constant, kOrigin);
  f.min(a, constant, kOrigin);
  const ValueId low =
      f.quantize(a, {{3, 1, true}, fixed::Rounding::rnd, fixed::Overflow::sat}, kOrigin);
  f.lookup(low, {0, {10, 11, 12, 13, 14, 15, 16, 17}}, kOrigin);
  return circuit;
}

TEST(Interpreter, HandComputedValuesOfEveryOperation) {
  const Circuit circuit = every_operation();
  const Interpreter interpreter(circuit, Checking::ranges);
  // a = 2.5, b = -0.5, constant = -1.5. The sum has 4 fractional bits, the difference too:
  // 2.5 - -0.75 = 3.25. Maximum and minimum are on a's grid. 2.5 rounds into [-2, 1.5] as 1.5.
  const std::vector<std::int64_t> event{40, -8};
  const std::vector<std::int64_t> expected{40,  -8, -3,   40 - 32, 52,  18, 80, 136,
                                           -40, 40, -320, 40,      -24, 3,  17};
  EXPECT_EQ(interpreter.evaluate(event), expected);
  // a = -1.6875, b = 7.9375: -1.6875 rounds to -1.5, the table's second entry.
  const std::vector<std::int64_t> second{-27, 127};
  const std::vector<std::int64_t> seen{-27, 127, -3,    -27 + 508, -15, 221, 148, -133,
                                       27,  -27, -3429, -24,       -27, -3,  11};
  EXPECT_EQ(interpreter.evaluate(second), seen);
}

TEST(Interpreter, TheTestAboveKnowsEveryOperation) {
  std::set<Op> known;
  const Circuit circuit = every_operation();
  for (const Instr& instr : circuit.function.instrs()) known.insert(instr.op);
#define SLUICE_OP(name, operands) EXPECT_TRUE(known.contains(Op::name)) << #name;
#include "sluice/circuit/ops.def"
#undef SLUICE_OP
}

Circuit half() {
  Circuit circuit{"half", {{"x", {kS8}, 2}}, {{"y", {kS8}, 2}}, {"layer"}, Function()};
  Function& f = circuit.function;
  const ValueId a = f.input(0, kS8, {-100, 100}, kOrigin);
  const ValueId half_a = f.quantize(f.scale(a, -1, kOrigin), {kS8}, kOrigin);
  f.add_output(half_a);
  f.add_output(a);
  return circuit;
}

TEST(Interpreter, RunsBatchesEventByEvent) {
  const Circuit circuit = half();
  const Interpreter interpreter(circuit);
  EXPECT_EQ(interpreter.input_elements(), 2);
  EXPECT_EQ(interpreter.output_elements(), 2);
  const std::vector<std::int64_t> inputs{7, 0, -7, 127, 100, -128};
  std::vector<std::int64_t> outputs(6);
  interpreter.run(inputs, outputs);
  EXPECT_EQ(outputs, (std::vector<std::int64_t>{3, 7, -4, -7, 50, 100}));
}

TEST(Interpreter, RefusesWrongSizesAndInputsOutsideOfTheirRange) {
  const Circuit circuit = half();
  const Interpreter interpreter(circuit);
  std::vector<std::int64_t> outputs(2);
  EXPECT_THROW(interpreter.run(std::vector<std::int64_t>{1, 2, 3}, outputs), UsageError);
  EXPECT_THROW(interpreter.run(std::vector<std::int64_t>{1, 2, 3, 4}, outputs), UsageError);
  EXPECT_THROW(interpreter.run(std::vector<std::int64_t>{101, 0}, outputs), UsageError);
  // The second element is not used; its port's format still holds.
  EXPECT_THROW(interpreter.run(std::vector<std::int64_t>{0, 128}, outputs), UsageError);
  EXPECT_THROW(interpreter.evaluate(std::vector<std::int64_t>{0}), UsageError);
}

TEST(RandomCircuit, IsSoundUsesEveryOperationAndStaysInItsRanges) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Circuit circuit = testing::random_circuit(seed);
    ASSERT_NO_THROW(verify(circuit)) << print(circuit);
    std::set<Op> used;
    for (const Instr& instr : circuit.function.instrs()) {
      used.insert(instr.op);
      ASSERT_LE(instr.format.width, testing::RandomCircuitOptions().widest_bits);
    }
#define SLUICE_OP(name, operands) EXPECT_TRUE(used.contains(Op::name)) << #name << " in " << seed;
#include "sluice/circuit/ops.def"
#undef SLUICE_OP
    const Interpreter interpreter(circuit, Checking::ranges);
    const std::vector<std::int64_t> events = testing::corner_and_random_events(circuit, seed, 60);
    const std::size_t count =
        events.size() / static_cast<std::size_t>(interpreter.input_elements());
    std::vector<std::int64_t> outputs(count *
                                      static_cast<std::size_t>(interpreter.output_elements()));
    ASSERT_NO_THROW(interpreter.run(events, outputs)) << print(circuit);
  }
}

TEST(RandomCircuit, SchedulesAreSoundAndDeep) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Circuit circuit = testing::random_circuit(seed);
    const Schedule schedule = testing::random_schedule(circuit, seed, 5);
    ASSERT_NO_THROW(verify(circuit, schedule));
    EXPECT_EQ(schedule, testing::random_schedule(circuit, seed, 5));
  }
}

}  // namespace
}  // namespace sluice::circuit
