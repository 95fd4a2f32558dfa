// Streaming and reuse: networks as processes that share hardware.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "sluice/base/error.hpp"
#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/network/movement.hpp"
#include "sluice/network/testing/random_cnn.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/testing/reference_evaluate.hpp"
#include "sluice/network/text.hpp"
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
