#include "sluice/synth/rounding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sluice/circuit/interpreter.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/testing/reference_evaluate.hpp"
#include "sluice/network/text.hpp"
#include "sluice/synth/lower.hpp"

namespace sluice::synth {
namespace {

using circuit::Circuit;
using circuit::Instr;
using circuit::Op;
using fixed::Format;
using fixed::Interval;
using fixed::Overflow;
using fixed::Quantizer;
using fixed::Rounding;
using network::Clamp;
using network::Dense;
using network::Input;
using network::LayerId;
using network::Network;
using network::Quantize;
using network::Reshape;

constexpr Interval kMantissas{-130, 130};

TEST(FoldedRounding, IsTheFloorOfTheSumWithItsAddend) {
  int folded_modes = 0;
  for (const Rounding rounding : fixed::kAllRoundings) {
    for (int dropped_bits = 1; dropped_bits <= 5; ++dropped_bits) {
      for (int zero_bits = 0; zero_bits < dropped_bits; ++zero_bits) {
        const auto folded = folded_rounding(rounding, dropped_bits, zero_bits);
        if (!folded) continue;
        ++folded_modes;
        const std::int64_t unit = std::int64_t{1} << zero_bits;
        for (std::int64_t x = unit * (kMantissas.min / unit); x <= kMantissas.max; x += unit) {
          const std::int64_t sum = x + folded->addend;
          std::int64_t floor = sum >> dropped_bits;
          if (folded->to_even && floor << dropped_bits == sum) floor &= ~std::int64_t{1};
          ASSERT_EQ(floor, fixed::quantize(x, dropped_bits, {{32, 0, true}, rounding}))
              << to_string(rounding) << " of " << x << " / 2^" << dropped_bits;
        }
      }
    }
  }
  EXPECT_EQ(folded_modes, 15 + 15 + 10) << "RND, RND_CONV, RND_MIN_INF of more than one bit";
}

TEST(SimplestRounding, IsTheSameForEveryValueOfTheRange) {
  for (const Rounding rounding : fixed::kAllRoundings) {
    for (const Overflow overflow : fixed::kAllOverflows) {
      for (const Format& format : {Format{4, 2, false}, Format{4, 1, true}, Format{3, 0, false}}) {
        for (const Interval& range : {kMantissas, Interval{0, 130}, Interval{-130, -1}}) {
          const Quantizer to{format, rounding, overflow};
          const Quantizer simplest{format, simplest_rounding(range, 3, to), overflow};
          for (std::int64_t x = range.min; x <= range.max; ++x) {
            ASSERT_EQ(fixed::quantize(x, 3, simplest), fixed::quantize(x, 3, to))
                << to_string(rounding) << " " << to_string(overflow) << " of " << x;
          }
        }
      }
    }
  }
  const Quantizer to{{4, 1, true}, Rounding::rnd_inf, Overflow::sat};
  EXPECT_EQ(simplest_rounding({-1, 9}, 3, to), Rounding::rnd_inf);
  EXPECT_EQ(simplest_rounding({0, 9}, 3, to), Rounding::rnd);
  EXPECT_EQ(simplest_rounding({-9, 9}, 3, {{4, 2, true}, Rounding::rnd_min_inf}), Rounding::trn);
}

/// Sums with and without bias, on coarse grids, of one term and of none; 3 fractional bits.
Dense every_kind_of_sum() {
  return {.inputs = 2,
          .units = 8,
          .weights = {3, 1, 1, 4, 0, 2, 6, 7, -5, 0, 0, 8, 0, -2, 2, 1},
          .weight_frac_bits = 1,
          .bias = {7, 0, 3, 0, 5, 4, 1, -6},
          .bias_frac_bits = 3};
}

enum class Between { nothing, relu, reshape_and_limits };

Network network_with(const Quantizer& to, Between between) {
  Network network("rounding");
  LayerId x = network.append("x", Input{{2}, {{4, 2, true}}}, {});
  x = network.append("sums", every_kind_of_sum(), {x});
  if (between == Between::relu) x = network.append("relu", Clamp{.lower = 0}, {x});
  if (between == Between::reshape_and_limits) {
    x = network.append("reshape", Reshape{{2, 4}}, {x});
    x = network.append("limits", Clamp{.lower = -1000, .upper = 13, .frac_bits = 2}, {x});
  }
  network.add_output(network.append("y", Quantize{{to}}, {x}));
  return network;
}

void expect_equal_everywhere(const Network& network, const Circuit& circuit) {
  const circuit::Interpreter interpreter(circuit, circuit::Checking::ranges);
  std::vector<std::int64_t> outputs(static_cast<std::size_t>(interpreter.output_elements()));
  for (std::int64_t a = -8; a < 8; ++a) {
    for (std::int64_t b = -8; b < 8; ++b) {
      const std::vector<std::int64_t> event{a, b};
      interpreter.run(event, outputs);
      ASSERT_EQ(outputs, network::testing::reference_evaluate(network, event))
          << a << ", " << b << "\n"
          << network::print(network);
    }
  }
}

/// Operations that round in their own way instead of by floor.
std::int64_t count_rounding(const Circuit& circuit, Rounding rounding) {
  return std::ranges::count_if(circuit.function.instrs(), [&](const Instr& instr) {
    return instr.op == Op::quantize && instr.rounding == rounding;
  });
}

TEST(Lower, RoundsSumsInEveryModeAsTheReference) {
  for (const Rounding rounding : fixed::kAllRoundings) {
    for (const Overflow overflow : fixed::kAllOverflows) {
      for (const Format& format :
           {Format{4, 1, true}, Format{3, 1, false}, Format{3, -1, true}, Format{5, 2, false},
            Format{9, 0, true}, Format{2, -3, true}, Format{7, 3, true}, Format{1, 2, false}}) {
        for (const Between between :
             {Between::nothing, Between::relu, Between::reshape_and_limits}) {
          const Network network = network_with({format, rounding, overflow}, between);
          expect_equal_everywhere(network, lower(network));
          expect_equal_everywhere(network, lower(network, {.cmvm = {.adders = Adders::two}}));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(Lower, RoundingOfASumIsPartOfItsBias) {
  for (const Overflow overflow : {Overflow::wrap, Overflow::sat, Overflow::sat_sym}) {
    for (const Rounding rounding : {Rounding::rnd, Rounding::rnd_conv}) {
      const Quantizer to{{4, 0, true}, rounding, overflow};
      const Circuit circuit = lower(network_with(to, Between::nothing));
      EXPECT_EQ(count_rounding(circuit, rounding), 1) << "of the input that is no sum";
    }
  }
  const Quantizer to{{4, 0, false}, Rounding::rnd_inf, Overflow::sat};
  const Circuit circuit = lower(network_with(to, Between::relu));
  EXPECT_EQ(count_rounding(circuit, Rounding::rnd_inf), 0);
  EXPECT_EQ(std::ranges::count(circuit.function.instrs(), Op::max, &Instr::op), 0);
}

TEST(Lower, RoundedSumIsAsNarrowAsItsExactRange) {
  const Quantizer to{{20, 0, true}, Rounding::rnd_conv, Overflow::wrap};
  const Network network = network_with(to, Between::nothing);
  const Circuit circuit = lower(network);
  const std::vector<Interval>& exact = network.layer(network.outputs().front()).type.ranges;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const Format& format = circuit.function.instr(circuit.function.outputs()[i]).format;
    EXPECT_EQ(format, fixed::format_of(exact[i], 0)) << i;
  }
}

TEST(Lower, SumThatOthersReadIsNotRounded) {
  const Quantizer to{{4, 0, true}, Rounding::rnd, Overflow::sat};
  Network twice = network_with(to, Between::nothing);
  twice.add_output(twice.append("z", Quantize{{to}}, {*twice.find("sums")}));
  Network output = network_with(to, Between::nothing);
  output.add_output(*output.find("sums"));
  Network clamped("clamped");
  LayerId x = clamped.append("x", Input{{2}, {{4, 2, true}}}, {});
  x = clamped.append("sums", every_kind_of_sum(), {x});
  x = clamped.append("relu", Clamp{.lower = 0}, {x});
  clamped.add_output(clamped.append("y", Quantize{{to}}, {x}));
  for (const Network& network : {twice, output, clamped}) {
    const Circuit circuit = lower(network);
    EXPECT_GT(count_rounding(circuit, Rounding::rnd), 1) << network::print(network);
    expect_equal_everywhere(network, circuit);
  }
}

}  // namespace
}  // namespace sluice::synth
