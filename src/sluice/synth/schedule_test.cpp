#include "sluice/synth/schedule.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "sluice/base/error.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/wires.hpp"

namespace sluice::synth {
namespace {

using circuit::Circuit;
using circuit::OriginId;
using circuit::Schedule;
using circuit::ValueId;

constexpr OriginId kLayer{};

Circuit empty_circuit(const std::string& layer) {
  Circuit circuit;
  circuit.name = layer;
  circuit.origins = {layer};
  return circuit;
}

/// x + x << 1 + x << 2 ... as a chain of `adders` adders, each of which waits for the one before.
Circuit adder_chain(int adders) {
  Circuit circuit = empty_circuit("chain");
  const fixed::Format format{8, 0, true};
  circuit.inputs.push_back({"x", {format}, 1});
  const ValueId x = circuit.function.input(0, format, fixed::range_of(format), kLayer);
  ValueId sum = x;
  for (int i = 0; i < adders; ++i) sum = circuit.function.add(sum, x, i % 2, kLayer);
  circuit.function.add_output(sum);
  circuit.outputs.push_back({"y", {circuit.function.instr(sum).format}, 1});
  return circuit;
}

std::int64_t total_register_bits(const Circuit& circuit, const Schedule& plan) {
  const std::vector<std::int64_t> bits = register_bits(circuit, plan);
  return std::accumulate(bits.begin(), bits.end(), std::int64_t{0});
}

TEST(Schedule, MeetsTheClockOnRandomNetworks) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const Circuit circuit = lower(network::testing::random_network(seed));
    std::int32_t fewest = 0;
    for (const double clock_mhz : {250.0, 150.0, 50.0, 5.0}) {
      const Schedule plan = schedule(circuit, {}, clock_mhz);
      EXPECT_NO_THROW(circuit::verify(circuit, plan));
      EXPECT_LE(critical_path_ns(circuit, plan, {}), 1000.0 / clock_mhz);
      EXPECT_TRUE(fewest == 0 || plan.latency_cycles <= fewest);
      fewest = plan.latency_cycles;
      EXPECT_EQ(plan, schedule(circuit, {}, clock_mhz));
    }
  }
}

TEST(Schedule, ChainsOfAddersPayForTheirCarriesOnce) {
  const DelayModel model{.adder_ns = 1.0, .carry_bit_ns = 0.1, .register_ns = 0.0};
  // Width 8, then 9 to 11 bits: three adders and one carry chain of at most 11 bits.
  const Schedule plan = schedule(adder_chain(3), model, 1.0);
  EXPECT_EQ(plan.latency_cycles, 1);
  EXPECT_GT(critical_path_ns(adder_chain(3), plan, model), 3.0 + 0.8);
  EXPECT_LE(critical_path_ns(adder_chain(3), plan, model), 3.0 + 1.1);
}

TEST(Delay, LowBitsOfASumAreReadyBeforeItsHighest) {
  circuit::Function f;
  const fixed::Format format{40, 0, true};
  const ValueId sum = f.input(0, format, fixed::range_of(format), kLayer);
  const DelayModel model;
  constexpr Arrival kSum{.low_ps = 950, .full_ps = 1950};
  const auto arrival = [&](const fixed::Format& taken) {
    return path_delays(f, f.quantize(sum, {taken}, kLayer), model)[0].from(kSum);
  };
  EXPECT_EQ(arrival({6, 0, false}), (Arrival{950, 950 + 6 * 25}));
  EXPECT_EQ(arrival({6, -2, false}), (Arrival{950 + 2 * 25, 950 + 8 * 25}));
  EXPECT_EQ(arrival({36, -4, true}), kSum) << "the highest bits";
}

TEST(Schedule, ValuesAreReadyAfterThoseOfTheirStage) {
  const DelayModel model{.adder_ns = 1.0, .carry_bit_ns = 0.0, .register_ns = 0.25};
  const Circuit circuit = adder_chain(3);
  const auto ready_at = [&](double clock_mhz) {
    return ready_ns(circuit.function, schedule(circuit, model, clock_mhz), model);
  };
  EXPECT_EQ(ready_at(250.0), (std::vector<double>{0.25, 1.25, 2.25, 3.25}));
  EXPECT_EQ(ready_at(800.0), (std::vector<double>{0.25, 1.25, 1.25, 1.25}));
}

TEST(Schedule, SpreadsTheWorkEvenly) {
  const DelayModel model{.adder_ns = 1.0, .carry_bit_ns = 0.0, .register_ns = 0.0};
  const Circuit circuit = adder_chain(6);
  const Schedule plan = schedule(circuit, model, 1000.0 / 5.0);
  EXPECT_EQ(plan.latency_cycles, 2);
  EXPECT_DOUBLE_EQ(critical_path_ns(circuit, plan, model), 3.0);
}

TEST(Schedule, ComputesLateWhatIsWiderThanItsOperands) {
  // Only the last adder needs x * y; x and y are needed there anyway.
  Circuit circuit = empty_circuit("late");
  const fixed::Format format{8, 0, true};
  circuit.inputs.push_back({"x", {format}, 2});
  circuit::Function& f = circuit.function;
  const ValueId x = f.input(0, format, fixed::range_of(format), kLayer);
  const ValueId y = f.input(1, format, fixed::range_of(format), kLayer);
  const ValueId wide = f.add(x, y, 6, kLayer);
  ValueId chain = x;
  for (int i = 0; i < 7; ++i) chain = f.add(chain, i % 2 == 0 ? y : x, 0, kLayer);
  const ValueId last = f.add(wide, chain, 0, kLayer);
  f.add_output(last);
  circuit.outputs.push_back({"y", {f.instr(last).format}, 1});

  const DelayModel model{.adder_ns = 1.0, .carry_bit_ns = 0.0, .register_ns = 0.0};
  const Schedule plan = schedule(circuit, model, 1000.0 / 2.0);
  EXPECT_GE(plan.latency_cycles, 4);
  EXPECT_GT(plan.stages[index(wide)], 0);
  Schedule early = plan;
  early.stages[index(wide)] = 0;
  EXPECT_LT(total_register_bits(circuit, plan), total_register_bits(circuit, early));
}

TEST(Schedule, UsesTheWholePeriodToSaveRegisters) {
  std::int64_t speed_bits = 0;
  std::int64_t fewest_bits = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    const Circuit circuit = lower(network::testing::random_network(seed));
    const Schedule speed = schedule(circuit, {}, 200.0);
    const Schedule fewest = schedule(circuit, {}, 200.0, PipelineGoal::registers);
    EXPECT_EQ(fewest.latency_cycles, speed.latency_cycles);
    EXPECT_LE(critical_path_ns(circuit, fewest, {}), 5.0);
    EXPECT_LE(total_register_bits(circuit, fewest), total_register_bits(circuit, speed));
    speed_bits += total_register_bits(circuit, speed);
    fewest_bits += total_register_bits(circuit, fewest);
  }
  EXPECT_LT(fewest_bits, speed_bits);
}

TEST(Schedule, CountsRegistersPerStageCrossed) {
  const Circuit circuit = adder_chain(1);
  // The sum, 9 bits, computed in the first of two stages: registered behind both.
  EXPECT_EQ(total_register_bits(circuit, {2, {0, 0}}), 18);
  // Computed in the second: x, 8 bits, behind the first, the sum behind the second.
  EXPECT_EQ(total_register_bits(circuit, {2, {0, 1}}), 8 + 9);
}

TEST(Schedule, NamesTheOperationThatNoClockPeriodHolds) {
  const Circuit circuit = adder_chain(1);
  try {
    schedule(circuit, {}, 900.0);
    FAIL() << "an adder takes longer than 1.1 ns";
  } catch (const ModelError& error) {
    EXPECT_EQ(error.code(), "E-SYNTH-002");
    EXPECT_EQ(error.subject(), "chain");
    // 0.95 + 9 * 0.025 + 0.1 = 1.275 ns
    EXPECT_NE(error.hint().find("784 MHz"), std::string::npos) << error.hint();
    EXPECT_NO_THROW(schedule(circuit, {}, 784.0));
  }
  EXPECT_THROW(schedule(circuit, {}, 0.0), UsageError);
  EXPECT_THROW(schedule(circuit, {}, std::numeric_limits<double>::quiet_NaN()), UsageError);
}

}  // namespace
}  // namespace sluice::synth
