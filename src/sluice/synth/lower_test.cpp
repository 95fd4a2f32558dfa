#include "sluice/synth/lower.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string_view>

#include "sluice/base/error.hpp"
#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/network/movement.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/testing/reference_evaluate.hpp"
#include "sluice/network/text.hpp"
#include "sluice/synth/balance.hpp"
#include "sluice/synth/cost.hpp"
#include "sluice/synth/multiplier_choice.hpp"

namespace sluice::synth {
namespace {

using circuit::Circuit;
using circuit::Instr;
using circuit::Op;
using fixed::Overflow;
using fixed::Quantizer;
using fixed::Rounding;
using network::Clamp;
using network::Dense;
using network::Input;
using network::LayerId;
using network::Network;
using network::Quantize;

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
        << network::print(network);
  }
}

std::int64_t count(const Circuit& circuit, Op op) {
  return std::ranges::count(circuit.function.instrs(), op, &Instr::op);
}

Area area_of(const Circuit& circuit) {
  Area total;
  for (const Area& area : logic_area(circuit.function)) total += area;
  return total;
}

class LowerRandom : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(LowerRandom, EqualsTheReference) {
  constexpr std::uint64_t kNetworks = 40;
  for (std::uint64_t i = 0; i < kNetworks; ++i) {
    const std::uint64_t seed = GetParam() * kNetworks + i;
    const Network network = network::testing::random_network(seed);
    SCOPED_TRACE(seed);
    expect_equal_to_reference(network, lower(network), seed, 20);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LowerRandom, ::testing::Range<std::uint64_t>(0, 5));

TEST(Lower, MultiLayerPerceptronEqualsTheReference) {
  const Network network = network::testing::random_mlp(5, {.units = {9, 12, 7, 2}});
  expect_equal_to_reference(network, lower(network), 1, 100);
}

TEST(Lower, MultipliersTakeWeightsWithinTheirBudget) {
  const Network network = network::testing::random_mlp(5, {.units = {9, 12, 7, 2}});
  std::int64_t luts_before = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t budget : {0, 20, 60, 1000}) {
    const Circuit circuit = lower(network, {.multipliers = budget});
    expect_equal_to_reference(network, circuit, 1, 50);
    const Area total = area_of(circuit);
    EXPECT_LE(total.dsps, budget);
    EXPECT_LT(total.luts, luts_before) << budget;
    luts_before = total.luts;
  }
}

TEST(Lower, RandomNetworksWithMultipliersEqualTheReference) {
  std::int64_t multipliers = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Network network = network::testing::random_network(seed);
    SCOPED_TRACE(seed);
    const Circuit circuit = lower(network, {.multipliers = 50});
    expect_equal_to_reference(network, circuit, seed, 20);
    if (HasFatalFailure()) return;
    for (const Area& area : logic_area(circuit.function)) multipliers += area.dsps;
  }
  EXPECT_GT(multipliers, 100);
}

TEST(Lower, BalancedMultipliersKeepTheSharesOfTheDevice) {
  const Network network = network::testing::random_mlp(5, {.units = {9, 12, 7, 2}});
  constexpr DeviceCells kDevice{.luts = 100'000, .dsps = 1'000};
  const std::int64_t balanced = balanced_multipliers(network, {}, kDevice);
  EXPECT_GT(balanced, 0);
  EXPECT_LT(balanced, usable_multipliers(network));
  Area total;
  for (const Area& area : logic_area(lower(network, {.multipliers = balanced}).function)) {
    total += area;
  }
  EXPECT_LE(static_cast<double>(total.dsps) / kDevice.dsps,
            1.1 * static_cast<double>(total.luts) / kDevice.luts);
}

TEST(Lower, RefusesACircuitThatNoCardHolds) {
  Network network;
  LayerId x = network.append("x", Input{{2}, {{6, 0, true}}}, {});
  x = network.append("small", Dense{2, 1, {1, 1}, 0, {0}, 0}, {x});
  x = network.append("large", Dense{1, 3, {85, 43, 107}, 0, {1, 2, 3}, 0}, {x});
  network.add_output(x);
  EXPECT_NO_THROW(lower(network, {.most_operations = 50}));
  try {
    lower(network, {.most_operations = 8});
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_EQ(error.code(), "E-SYNTH-003");
    EXPECT_EQ(error.subject(), "large");
  }
}

TEST(Lower, PositionsOfAConvolutionTakeEqualAdders) {
  Network network;
  const LayerId x = network.append("x", network::Input{{9, 2}, {{6, 0, true}}}, {});
  const std::array axes{network::WindowAxis{.size = 3}};
  const LayerId windows = network.append(
      "windows", network::sliding_windows({9, 2}, axes, network::WindowOrder::taps_channels), {x});
  const LayerId y = network.append(
      "conv", network::Dense{6, 2, {3, -5, 7, 0, 11, 2, -3, 0, 0, 9, 5, 13}, 0, {1, 2}, 0},
      {windows});
  network.add_output(y);
  const Circuit circuit = lower(network);
  expect_equal_to_reference(network, circuit, 3, 20);
  const std::int64_t adders = count(circuit, Op::add) + count(circuit, Op::sub);
  EXPECT_GT(adders, 0);
  EXPECT_EQ(adders % 7, 0) << "7 positions";
}

Dense random_dense(std::int64_t inputs, std::int64_t units, int weight_frac_bits,
                   network::testing::Generator& generator) {
  Dense dense{.inputs = inputs,
              .units = units,
              .weight_frac_bits = weight_frac_bits,
              .bias_frac_bits = weight_frac_bits};
  for (std::int64_t i = 0; i < inputs * units; ++i) {
    dense.weights.push_back(network::testing::draw(generator, -127, 127));
  }
  for (std::int64_t j = 0; j < units; ++j) {
    dense.bias.push_back(network::testing::draw(generator, -999, 999));
  }
  return dense;
}

/// Of `branches` of all branches: a quantiser of the input, equal in every branch, windows of it, a
/// convolution on a grid of its own, and the quantiser that rounds its sums.
Network network_of_branches(std::span<const int> branches) {
  Network network("branches");
  const LayerId x = network.append("x", Input{{9, 2}, {{8, 3, true}}}, {});
  const std::array axes{network::WindowAxis{.size = 3}};
  for (const int branch : branches) {
    network::testing::Generator generator(static_cast<std::uint64_t>(branch));
    const auto name = [&](std::string_view what) { return fmt::format("{}_{}", what, branch); };
    LayerId y = network.append(name("narrow"), Quantize{{{{6, 2, true}, Rounding::rnd}}}, {x});
    y = network.append(name("windows"),
                       network::sliding_windows({9, 2}, axes, network::WindowOrder::taps_channels),
                       {y});
    y = network.append(name("conv"), random_dense(6, 3 + branch, branch, generator), {y});
    y = network.append(name("round"),
                       Quantize{{{{9, -2 + branch, true}, Rounding::rnd, Overflow::sat}}}, {y});
    network.add_output(y);
  }
  return network;
}

TEST(Lower, LayersOfTheSameValuesShareAdders) {
  const std::array all{0, 1, 2};
  const Network network = network_of_branches(all);
  const Circuit circuit = lower(network);
  expect_equal_to_reference(network, circuit, 1, 50);
  std::int64_t luts_apart = 0;
  for (const int branch : all) {
    luts_apart += area_of(lower(network_of_branches(std::array{branch}))).luts;
  }
  EXPECT_LT(area_of(circuit).luts * 100, luts_apart * 95);
}

TEST(Lower, LayersOfTheSameValuesWithMultipliersEqualTheReference) {
  const Network network = network_of_branches(std::array{1, 2});
  const Circuit circuit = lower(network, {.multipliers = 12});
  expect_equal_to_reference(network, circuit, 2, 50);
  EXPECT_GT(area_of(circuit).dsps, 0);
}

TEST(Lower, IsDeterministic) {
  const Network network = network::testing::random_network(17);
  EXPECT_EQ(circuit::print(lower(network)), circuit::print(lower(network)));
}

TEST(Lower, EveryValueNamesItsLayer) {
  const Network network = network::testing::random_mlp(5, {.units = {3, 4, 1}});
  const Circuit circuit = lower(network);
  ASSERT_EQ(circuit.origins.size(), network.layers().size());
  const std::vector<Area> areas = logic_area(circuit.function);
  for (std::size_t id = 0; id < areas.size(); ++id) {
    const Instr& instr = circuit.function.instrs()[id];
    const std::string& layer = circuit.origins[index(instr.origin)];
    if (instr.op == Op::input) {
      EXPECT_EQ(layer, "input");
    }
    if (is_sum(instr.op) && !(areas[id] == Area{})) {
      EXPECT_TRUE(layer.starts_with("dense_")) << layer;
    }
  }
  EXPECT_EQ(circuit.inputs.front().name, "input");
  EXPECT_EQ(circuit.outputs.front().name, "output");
}

TEST(Lower, SaturationToAnUnsignedFormatReplacesReLU) {
  const auto circuit_with = [](Quantizer to) {
    Network network("relu");
    LayerId x = network.append("x", Input{{1}, {{8, 4, true}}}, {});
    x = network.append("relu", Clamp{.lower = 0}, {x});
    x = network.append("quantize", Quantize{{to}}, {x});
    network.add_output(x);
    Circuit circuit = lower(network);
    expect_equal_to_reference(network, circuit, 1, 50);
    return circuit;
  };
  EXPECT_EQ(count(circuit_with({{4, 2, false}, Rounding::rnd_conv, Overflow::sat}), Op::max), 0);
  EXPECT_EQ(count(circuit_with({{4, 2, true}, Rounding::rnd, Overflow::sat}), Op::max), 1);
  EXPECT_EQ(count(circuit_with({{3, 2, false}, Rounding::trn, Overflow::wrap}), Op::max), 1);
}

TEST(Lower, LeavesOutWhatRangesMakeVoid) {
  Network network("void");
  LayerId x = network.append("x", Input{{2}, {{4, 0, false}}}, {});
  x = network.append("relu", Clamp{.lower = 0, .upper = 15}, {x});
  x = network.append("wider", Quantize{{{{9, 3, true}, Rounding::rnd, Overflow::sat}}}, {x});
  x = network.append("zero", Dense{2, 2, {0, 1, 0, 1}, 0, {5, 0}, 0}, {x});
  network.add_output(x);
  const Circuit circuit = lower(network);
  EXPECT_EQ(count(circuit, Op::max) + count(circuit, Op::min), 0);
  EXPECT_EQ(count(circuit, Op::add), 1);
  expect_equal_to_reference(network, circuit, 1, 20);
}

TEST(Lower, RepeatedInputsAreExactlyAsWideAsTheirSum) {
  Network network("seven");
  LayerId x = network.append("x", Input{{1}, {{8, 0, true}}}, {});
  x = network.append("seven", Dense{1, 1, {7}, 0, {0}, 0}, {x});
  network.add_output(x);
  const Circuit circuit = lower(network);
  EXPECT_EQ(circuit.function.instr(circuit.function.outputs()[0]).format.width, 11);
}

TEST(Lower, NamesTheLayerThatNeedsMoreThan64Bits) {
  Network network("wide");
  LayerId x = network.append("x", Input{{1}, {{62, 0, true}}}, {});
  x = network.append("three", Dense{1, 1, {3}, 0, {0}, 0}, {x});
  network.add_output(x);
  try {
    lower(network);
    FAIL() << "4x - x needs 65 bits on the way";
  } catch (const ModelError& error) {
    EXPECT_EQ(error.subject(), "three");
  }
}

}  // namespace
}  // namespace sluice::synth
