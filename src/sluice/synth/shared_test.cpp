// Streaming and reuse: networks as processes that share hardware.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

#include "sluice/base/error.hpp"
#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/network/movement.hpp"
#include "sluice/network/testing/random_cnn.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/testing/reference_evaluate.hpp"
#include "sluice/network/text.hpp"
#include "sluice/synth/cost.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"

namespace sluice::synth {
namespace {

using circuit::Circuit;
using circuit::Schedule;
using network::LayerId;
using network::Network;

constexpr double kClockMhz = 200;

void expect_equal_to_reference(const Network& network, const Circuit& circuit, std::uint64_t seed,
                               int random_events) {
  const std::vector<std::int64_t> events =
      network::testing::corner_and_random_events(network, seed, random_events);
  const circuit::Interpreter interpreter(circuit, circuit::Checking::ranges);
  const auto inputs = static_cast<std::size_t>(interpreter.input_elements());
  std::vector<std::int64_t> outputs(static_cast<std::size_t>(interpreter.output_elements()));
  for (std::size_t first = 0; first < events.size(); first += inputs) {
    const std::span<const std::int64_t> event = std::span(events).subspan(first, inputs);
    interpreter.run(event, outputs);
    ASSERT_EQ(outputs, network::testing::reference_evaluate(network, event))
        << "event " << first / inputs << "\n"
        << network::print(network) << circuit::print(circuit);
  }
}

/// Also the text form and the schedule.
void expect_sound(const Network& network, const LowerOptions& options, std::uint64_t seed) {
  const Circuit circuit = lower(network, options);
  expect_equal_to_reference(network, circuit, seed, 6);
  if (testing::Test::HasFatalFailure()) return;
  const Schedule plan = schedule(circuit, DelayModel{}, kClockMhz);
  const std::string text = circuit::print(circuit, &plan);
  const circuit::Parsed parsed = circuit::parse(text);
  EXPECT_EQ(parsed.circuit, circuit);
  EXPECT_EQ(*parsed.schedule, plan);
  EXPECT_EQ(text, circuit::print(lower(network, options), &plan)) << "deterministic";
}

class SharedRandom : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(SharedRandom, StreamingEqualsTheReference) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    const std::uint64_t seed = GetParam() * 20 + i;
    SCOPED_TRACE(seed);
    const Network network = network::testing::random_cnn(seed);
    LowerOptions options{.form = Form::streaming};
    if (seed % 3 == 0) options.most_parallel_weights = 0;
    if (seed % 4 == 0) options.reuse = 2;
    expect_sound(network, options, seed);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SharedRandom, ::testing::Range<std::uint64_t>(0, 6));

TEST(Shared, ReuseOfAPerceptronEqualsTheReference) {
  const Network network = network::testing::random_mlp(5, {.units = {9, 12, 7, 2}});
  for (const std::int64_t reuse : {2, 3, 5, 12, 100}) {
    SCOPED_TRACE(reuse);
    expect_sound(network, {.reuse = reuse}, 1);
  }
}

/// Weights that are 0, equal, powers of two, of one sign, or any, and quantisers of every kind.
Network random_reusable(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::int64_t end) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(end));
  };
  Network network("reusable");
  std::int64_t inputs = 1 + below(7);
  LayerId x = network.append(
      "x", network::Input{{inputs}, {{static_cast<int>(1 + below(14)), 2, below(2) == 0}}}, {});
  for (int layer = 0; layer < 2; ++layer) {
    const std::int64_t units = 2 + below(9);
    network::Dense dense{inputs, units, {}, static_cast<int>(below(4)), {}, 1};
    for (std::int64_t k = 0; k < inputs * units; ++k) {
      const std::array<std::int64_t, 6> kinds{0,
                                              3,
                                              std::int64_t{1} << below(6),
                                              below(2) == 0 ? -9 : 9,
                                              below(3) - 1,
                                              below(900) - 450};
      dense.weights.push_back(kinds[static_cast<std::size_t>(below(6))]);
    }
    for (std::int64_t j = 0; j < units; ++j) dense.bias.push_back(below(2) == 0 ? 0 : below(40));
    x = network.append("dense_" + std::to_string(layer), dense, {x});
    if (below(2) == 0)
      x = network.append("relu_" + std::to_string(layer), network::Clamp{0, {}, 0}, {x});
    const fixed::Quantizer to{
        {static_cast<int>(3 + below(8)), static_cast<int>(below(4)), below(2) == 0},
        static_cast<fixed::Rounding>(below(7)),
        below(2) == 0 ? fixed::Overflow::sat : fixed::Overflow::wrap};
    std::vector<fixed::Quantizer> quantizers(below(3) == 0 ? static_cast<std::size_t>(units) : 1,
                                             to);
    for (fixed::Quantizer& each : quantizers) each.format.width += static_cast<int>(below(3));
    x = network.append("quantize_" + std::to_string(layer), network::Quantize{quantizers}, {x});
    if (below(4) == 0) network.add_output(x);
    inputs = units;
  }
  network.add_output(x);
  return network;
}

TEST(Shared, RandomWeightsWithReuseEqualTheReference) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    expect_sound(random_reusable(seed), {.reuse = 2 + static_cast<std::int64_t>(seed % 7)}, seed);
    if (HasFatalFailure()) return;
  }
}

TEST(Shared, SignsTakeNoMultiplier) {
  Network network("signs");
  LayerId x = network.append("x", network::Input{{8}, {{12, 4, true}}}, {});
  network::Dense dense{8, 6, {}, 0, std::vector<std::int64_t>(6), 0};
  for (std::int64_t k = 0; k < 48; ++k) dense.weights.push_back(k * k % 7 < 3 ? 1 : -1);
  x = network.append("dense", dense, {x});
  network.add_output(x);
  const Circuit circuit = lower(network, {.reuse = 3});
  for (const circuit::Process& process : circuit.processes) {
    for (const Area& area : logic_area(process.function)) EXPECT_EQ(area.dsps, 0);
  }
  expect_sound(network, {.reuse = 3}, 1);
}

TEST(Shared, AQuantiserServesAllTicks) {
  const Network network = network::testing::random_mlp(
      5, {.units = {6, 8}, .output = {{5, 3, true}, fixed::Rounding::rnd, fixed::Overflow::sat}});
  const Circuit circuit = lower(network, {.reuse = 4});
  ASSERT_EQ(circuit.processes.size(), 2U);
  const circuit::Function& block = circuit.processes[1].function;
  ASSERT_EQ(block.outputs().size(), 2U);
  for (const circuit::ValueId output : block.outputs()) {
    EXPECT_LE(block.instr(output).format.width, 5);
  }
  for (const circuit::Instr& instr : circuit.function.instrs()) {
    EXPECT_TRUE(instr.op == circuit::Op::input || instr.op == circuit::Op::quantize);
  }
  expect_sound(network, {.reuse = 4}, 1);
}

TEST(Shared, ReuseOfOneLayerSetsTheInterval) {
  const Network network = network::testing::random_mlp(5, {.units = {9, 12, 7, 2}});
  const Circuit circuit = lower(network, {.layer_reuse = {{"dense_1", 4}}});
  const Schedule plan = schedule(circuit, DelayModel{}, kClockMhz);
  EXPECT_EQ(plan.interval_cycles, 4);
  EXPECT_EQ(circuit.processes.size(), 2U);  // the input, and 4 x 3 units
  EXPECT_THAT(circuit.processes[1].extents, ::testing::ElementsAre(4));
}

Network image_network(std::int64_t size, std::int64_t stride) {
  Network network("image");
  LayerId x = network.append("x", network::Input{{size, size, 1}, {{4, 0, false}}}, {});
  const std::array axes{network::WindowAxis{.size = 3, .stride = stride},
                        network::WindowAxis{.size = 3, .stride = stride}};
  x = network.append(
      "windows",
      network::sliding_windows({size, size, 1}, axes, network::WindowOrder::taps_channels), {x});
  x = network.append(
      "conv",
      network::Dense{
          9, 2, {3, -5, 7, 0, 11, 2, -3, 0, 0, 9, 5, 13, 1, 1, 2, -6, 4, 8}, 0, {1, 2}, 0},
      {x});
  network.add_output(x);
  return network;
}

TEST(Shared, TheIntervalOfAConvolutionIsThatOfItsInput) {
  for (const std::int64_t stride : {1, 2}) {
    const Circuit circuit = lower(image_network(9, stride), {.form = Form::streaming});
    const Schedule plan = schedule(circuit, DelayModel{}, kClockMhz);
    EXPECT_EQ(plan.interval_cycles, 81) << "one position per cycle";
    EXPECT_GT(plan.latency_cycles, 81);
    EXPECT_LT(plan.latency_cycles, 100);
  }
}

TEST(Shared, LargeConvolutionsStreamByThemselves) {
  EXPECT_TRUE(lower(image_network(9, 1)).processes.empty());
  EXPECT_FALSE(lower(image_network(40, 1)).processes.empty());
  EXPECT_TRUE(lower(image_network(40, 1), {.form = Form::parallel}).processes.empty());
}

/// Every number of a schedule matters.
TEST(Shared, FaultsOfASchedule) {
  const Circuit circuit = lower(image_network(6, 1), {.form = Form::streaming});
  const Schedule good = schedule(circuit, DelayModel{}, kClockMhz);
  ASSERT_EQ(circuit::find_violation(circuit, good), std::nullopt);
  const auto expect_found = [&](auto change) {
    Schedule bad = good;
    change(bad);
    EXPECT_NE(circuit::find_violation(circuit, bad), std::nullopt);
  };
  expect_found([](Schedule& s) { --s.processes[1].start_cycle; });
  expect_found([](Schedule& s) { --s.start_cycle; });
  expect_found([](Schedule& s) { --s.interval_cycles; });
  expect_found([](Schedule& s) { ++s.processes[1].latency_cycles; });
  expect_found([](Schedule& s) { ++s.processes[1].intervals[1]; });
  expect_found([](Schedule& s) { ++s.processes[0].intervals[0]; });
  expect_found([](Schedule& s) { s.processes.pop_back(); });
}

}  // namespace
}  // namespace sluice::synth
