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
#include "sluice/synth/lower_shared.hpp"
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

Network reduced_network(const std::vector<network::WindowAxis>& axes, network::Reduce::Kind kind,
                        network::WindowPadding padding) {
  Network network("reduced");
  LayerId x = network.append("x", network::Input{{5, 6, 2}, {{4, 1, true}}}, {});
  x = network.append(
      "windows",
      network::sliding_windows({5, 6, 2}, axes, network::WindowOrder::channels_taps, padding), {x});
  x = network.append("reduce", network::Reduce{kind}, {x});
  network.add_output(x);
  return network;
}

TEST(Shared, WindowsWithRepeatedEdgesStream) {
  using Kind = network::Reduce::Kind;
  const network::WindowAxis same{.size = 3, .pad_before = 1, .pad_after = 1};
  const network::WindowAxis wide{.size = 2, .stride = 2, .dilation = 2, .pad_before = 1};
  for (const Kind kind : {Kind::maximum, Kind::minimum}) {
    for (const auto& axes : {std::vector{same, same}, {same, wide}, {wide, same}, {wide, wide}}) {
      const Network network = reduced_network(axes, kind, network::WindowPadding::repeat);
      const LowerOptions options{.form = Form::streaming};
      EXPECT_THAT(sharing_warnings(network, options), ::testing::IsEmpty());
      expect_sound(network, options, 1);
    }
  }
}

TEST(Shared, ReductionsOverAllPositionsStream) {
  using Kind = network::Reduce::Kind;
  const std::vector<network::WindowAxis> whole{{.size = 5}, {.size = 6}};
  for (const Kind kind : {Kind::sum, Kind::maximum, Kind::minimum}) {
    const Network network = reduced_network(whole, kind, network::WindowPadding::zero);
    const LowerOptions options{.form = Form::streaming};
    EXPECT_THAT(sharing_warnings(network, options), ::testing::IsEmpty());
    expect_sound(network, options, 1);
    const Circuit circuit = lower(network, options);
    EXPECT_EQ(circuit.processes.back().sources.back().kind, circuit::Source::Kind::state);
    EXPECT_EQ(std::ssize(circuit.function.instrs()), 2) << "reads the ends";
  }
}

/// A convolution behind `op`, which acts on a streamed input.
Network behind(network::LayerOp op) {
  Network network("behind");
  LayerId x = network.append("x", network::Input{{4, 5, 1}, {{4, 0, true}}}, {});
  x = network.append("obstacle", std::move(op), {x});
  const network::Shape shape = network.layer(x).type.shape;
  const std::vector<network::WindowAxis> axes{{.size = 2}, {.size = 2}};
  x = network.append(
      "windows", network::sliding_windows(shape, axes, network::WindowOrder::taps_channels), {x});
  x = network.append("conv", network::Dense{4, 2, {3, -5, 0, 0, 2, 1, -1, 4}, 0, {1, 2}, 0}, {x});
  network.add_output(x);
  return network;
}

TEST(Shared, WhatIsComputedAtOnceIsNamed) {
  using ::testing::HasSubstr;
  network::Quantize per_position;
  for (int i = 0; i < 20; ++i) per_position.quantizers.push_back({{2 + i % 2, 0, true}});
  const struct {
    network::LayerOp op;
    const char* message;
  } cases[] = {
      {network::repeat({4, 5, 1}, std::array<std::int64_t, 3>{2, 2, 1}),
       "makes `conv` compute all positions at once, in about 378 operations"},
      {network::permute({4, 5, 1}, std::array<std::int64_t, 3>{1, 0, 2}),
       "makes `conv` compute all positions at once, in about 72 operations"},
      {per_position,
       "computes all positions at once, as 1 after it, in about 92 operations: its quantisers are "
       "not the same at all positions"},
  };
  for (const auto& [op, message] : cases) {
    const Network network = behind(op);
    for (const std::int64_t reuse : {1, 2}) {
      const LowerOptions options{.form = Form::streaming, .reuse = reuse};
      const std::vector<Diagnostic> warnings = sharing_warnings(network, options);
      ASSERT_EQ(std::ssize(warnings), reuse);
      EXPECT_EQ(warnings[0].code, "W-SYNTH-001");
      EXPECT_EQ(warnings[0].subject, "obstacle");
      EXPECT_THAT(warnings[0].message, HasSubstr(message));
      EXPECT_EQ(warnings.back().subject, reuse > 1 ? "conv" : "obstacle");
      expect_sound(network, options, 1);
    }
    EXPECT_THAT(sharing_warnings(network, {}), ::testing::IsEmpty()) << "fully parallel";
  }
}

TEST(Shared, WhatIsTooLargeAtOnceNamesTheReason) {
  const Network network = behind(network::repeat({4, 5, 1}, std::array<std::int64_t, 3>{2, 2, 1}));
  try {
    lower(network, {.most_operations = 50, .form = Form::streaming});
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_EQ(error.code(), "E-SYNTH-003");
    EXPECT_THAT(error.message(), ::testing::HasSubstr("`obstacle` makes `conv` compute"));
  }
}

Network channels_first(const network::Shape& order) {
  Network network("channels_first");
  LayerId x = network.append("x", network::Input{{3, 4, 5}, {{4, 0, false}}}, {});
  x = network.append("last", network::permute({3, 4, 5}, order), {x});
  const network::Shape shape = network.layer(x).type.shape;
  const std::vector<network::WindowAxis> axes{{.size = 2}, {.size = 2}};
  x = network.append(
      "windows", network::sliding_windows(shape, axes, network::WindowOrder::taps_channels), {x});
  network::Dense conv{.inputs = 4 * shape[2], .units = 2, .bias = {1, 2}};
  for (std::int64_t i = 0; i < conv.inputs * 2; ++i) conv.weights.push_back(i % 7 - 3);
  x = network.append("conv", std::move(conv), {x});
  network.add_output(x);
  return network;
}

TEST(Shared, ReadsChannelsFirstEventsPositionByPosition) {
  const LowerOptions options{.form = Form::streaming};
  const Network network = channels_first({1, 2, 0});
  expect_sound(network, options, 1);
  const Circuit circuit = lower(network, options);
  EXPECT_THAT(circuit.processes[0].extents, ::testing::ElementsAre(4, 5));
  EXPECT_THAT(sharing_warnings(network, options), ::testing::IsEmpty());
  const Network transposed = channels_first({2, 1, 0});
  expect_sound(transposed, options, 1);
  EXPECT_EQ(sharing_warnings(transposed, options).size(), 1U);
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
