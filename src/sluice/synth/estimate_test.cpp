#include "sluice/synth/estimate.hpp"

#include <gtest/gtest.h>

#include "sluice/network/testing/random_network.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"
#include "sluice/synth/wires.hpp"

namespace sluice::synth {
namespace {

using circuit::Function;
using circuit::OriginId;
using circuit::ValueId;
using fixed::Format;

constexpr OriginId kLayer{};

constexpr Format s(int width) { return {width, 0, true}; }
constexpr Format u(int width) { return {width, 0, false}; }

struct SumCase {
  Format a, b;
  int shift;
  bool subtract;
  std::int64_t luts;  ///< LUT1 to LUT6 of Yosys 0.23, synth_xilinx -family xcup
};

TEST(LogicArea, SumsAreWhatYosysMakesOfThem) {
  for (const SumCase& c : {SumCase{s(8), s(8), 0, false, 8},
                           {s(13), s(13), 0, false, 13},
                           {s(16), s(16), 0, false, 16},
                           {u(8), u(8), 0, false, 8},
                           {u(16), u(16), 0, false, 16},
                           {s(16), s(8), 0, false, 16},
                           {u(16), u(8), 0, false, 8},
                           {s(12), s(12), 3, false, 12},
                           {u(12), u(12), 3, false, 9},
                           {s(12), s(12), 3, true, 12},
                           {s(12), s(12), -3, true, 12},
                           {u(16), u(16), 0, true, 16},
                           {u(8), u(16), 0, true, 8}}) {
    Function f;
    const ValueId a = f.input(0, c.a, fixed::range_of(c.a), kLayer);
    const ValueId b = f.input(1, c.b, fixed::range_of(c.b), kLayer);
    f.add_output(c.subtract ? f.sub(a, b, c.shift, kLayer) : f.add(a, b, c.shift, kLayer));
    EXPECT_EQ(logic_area(f).back().luts, c.luts)
        << to_string(c.a) << (c.subtract ? " - " : " + ") << to_string(c.b) << " << " << c.shift;
  }
}

struct QuantizeCase {
  Format from;
  Format to;
  fixed::Rounding rounding;
  std::int64_t luts;  ///< of Yosys, as above, with a register behind
};

TEST(LogicArea, SaturatingQuantisersAreWhatYosysMakesOfThem) {
  using fixed::Rounding;
  for (const QuantizeCase& c : {QuantizeCase{{14, 4, true}, u(8), Rounding::trn, 8},
                                {{17, 4, true}, u(8), Rounding::trn, 8},
                                {{19, 4, true}, u(8), Rounding::trn, 9},
                                {{13, 4, true}, s(8), Rounding::trn, 8},
                                {{16, 4, true}, s(8), Rounding::trn, 8},
                                {{14, 4, true}, u(8), Rounding::rnd_conv, 10},
                                {{17, 4, true}, u(8), Rounding::rnd_conv, 11}}) {
    Function f;
    const ValueId x = f.input(0, c.from, fixed::range_of(c.from), kLayer);
    // As they are lowered: rounded first.
    const Format rounded{c.from.width - 3, 0, true};
    const ValueId y = c.rounding == Rounding::trn
                          ? x
                          : f.quantize(x, {rounded, c.rounding, fixed::Overflow::wrap}, kLayer);
    f.add_output(f.quantize(y, {c.to, c.rounding, fixed::Overflow::sat}, kLayer));
    std::int64_t luts = 0;
    for (const Area& area : logic_area(f)) luts += area.luts;
    EXPECT_EQ(luts, c.luts) << to_string(c.from) << " to " << to_string(c.to) << " "
                            << to_string(c.rounding);
  }
}

struct TernaryCase {
  Format a, b, c;
  circuit::Op op;
  int shift, third_shift;
  Area area;  ///< LUT1 to LUT6 and LUT6_2 of Yosys 0.23, synth_xilinx -family xcup
};

TEST(LogicArea, ThreeOperandsTakeALutWhereTheirBitsMeet) {
  using circuit::Op;
  for (const TernaryCase& c :
       {TernaryCase{s(16), s(16), s(12), Op::add_add, 0, 0, {.luts = 17, .carry_bits = 18}},
        // Below the second operand the first one passes.
        TernaryCase{s(16), s(16), s(12), Op::sub_sub, 3, 5, {.luts = 17, .carry_bits = 17}},
        // Nothing passes below an operand that is subtracted.
        TernaryCase{s(16), s(16), s(12), Op::add_sub, 3, -2, {.luts = 20, .carry_bits = 22}},
        TernaryCase{s(8), s(8), s(8), Op::add_add, 0, 0, {.luts = 9, .carry_bits = 10}},
        TernaryCase{u(8), u(8), u(8), Op::add_add, 0, 0, {.luts = 8, .carry_bits = 10}},
        TernaryCase{u(8), u(8), u(8), Op::add_sub, 0, 0, {.luts = 8, .carry_bits = 10}},
        TernaryCase{u(12), u(4), u(4), Op::sub_sub, 0, 0, {.luts = 5, .carry_bits = 13}},
        TernaryCase{u(6), u(6), u(6), Op::add_add, 3, 6, {.luts = 7, .carry_bits = 10}}}) {
    Function f;
    const ValueId x = f.input(0, c.a, fixed::range_of(c.a), kLayer);
    const ValueId y = f.input(1, c.b, fixed::range_of(c.b), kLayer);
    const ValueId z = f.input(2, c.c, fixed::range_of(c.c), kLayer);
    f.add_output(f.sum(c.op, {x, y, z}, c.shift, c.third_shift, kLayer));
    EXPECT_EQ(logic_area(f).back(), c.area)
        << to_string(c.op) << " of " << to_string(c.a) << ", " << to_string(c.b) << " << "
        << c.shift << ", " << to_string(c.c) << " << " << c.third_shift;
  }
}

TEST(LogicArea, RegistersResetWhatASignSetsToZero) {
  Function f;
  const ValueId x = f.input(0, s(8), fixed::range_of(s(8)), kLayer);
  const ValueId relu = f.max(x, f.constant(0, 0, kLayer), kLayer);
  const ValueId both_ends =
      f.quantize(x, {u(5), fixed::Rounding::trn, fixed::Overflow::sat}, kLayer);
  f.add_output(relu);
  f.add_output(both_ends);
  const circuit::Schedule registered{1, {0, 0, 0, 0}};
  EXPECT_EQ(logic_area(f, registered)[index(relu)], Area{});
  // Own bit, sign and two bits in excess.
  EXPECT_EQ(logic_area(f, registered)[index(both_ends)], (Area{.luts = 5}));
  const ValueId sum = f.add(relu, both_ends, 0, kLayer);
  f.add_output(sum);
  const circuit::Schedule read_at_once{1, {0, 0, 0, 0, 0}};
  EXPECT_EQ(logic_area(f, read_at_once)[index(relu)], (Area{.luts = 7}));
}

TEST(RegisterBits, AreOfWiresNotOfValues) {
  circuit::Circuit circuit{"wires", {}, {}, {"layer"}, Function()};
  Function& f = circuit.function;
  const ValueId x = f.input(0, s(8), fixed::range_of(s(8)), kLayer);
  const ValueId y = f.input(1, s(8), fixed::range_of(s(8)), kLayer);
  const ValueId sum = f.add(x, y, 3, kLayer);  // three bits of x pass by its carry chain
  f.add_output(sum);
  f.add_output(x);
  const std::vector<std::int64_t> kept = register_bits(circuit, {1, {0, 0, 0}});
  EXPECT_EQ(kept, (std::vector<std::int64_t>{8, 0, f.instr(sum).format.width - 3}));
}

TEST(RegisterBits, OfAMultiplierWithItsOwnRegisterAreOneStageFewer) {
  circuit::Circuit circuit{"product", {}, {}, {"layer"}, Function()};
  Function& f = circuit.function;
  const ValueId x = f.input(0, s(12), fixed::range_of(s(12)), kLayer);
  const ValueId product = f.multiply(x, f.constant(93, 0, kLayer), kLayer);
  f.add_output(product);
  EXPECT_EQ(register_bits(circuit, {1, {0, 0, 0}})[index(product)], 0);
  EXPECT_EQ(register_bits(circuit, {3, {0, 0, 0}})[index(product)],
            2 * f.instr(product).format.width);
}

TEST(LogicArea, ConstantsOnlyInvertTheCarryChain) {
  Function f;
  const ValueId a = f.input(0, s(12), fixed::range_of(s(12)), kLayer);
  f.add_output(f.add(a, f.constant(1365, 0, kLayer), 0, kLayer));
  f.add_output(f.negate(a, kLayer));
  const std::vector<Area> areas = logic_area(f);
  EXPECT_EQ(areas[2], (Area{.carry_bits = 13}));
  EXPECT_EQ(areas[3], (Area{.carry_bits = 13}));
}

TEST(LogicArea, BitsThatNobodyReadsCostNothing) {
  Function f;
  const ValueId a = f.input(0, s(16), fixed::range_of(s(16)), kLayer);
  const ValueId b = f.input(1, s(16), fixed::range_of(s(16)), kLayer);
  const ValueId sum = f.add(a, b, 0, kLayer);
  f.add_output(f.quantize(sum, {s(6)}, kLayer));
  EXPECT_EQ(logic_area(f)[index(sum)], (Area{.luts = 6, .carry_bits = 6}));
  EXPECT_EQ(logic_area(f).back(), Area{});
}

TEST(Estimate, AddsUp) {
  const circuit::Circuit circuit = lower(network::testing::random_mlp(5, {.units = {9, 12, 7, 2}}));
  const circuit::Schedule plan = schedule(circuit, {}, 200.0);
  const Estimate found = estimate(circuit, plan);
  Area area;
  std::int64_t adders = 0;
  for (const LayerEstimate& layer : found.layers) {
    area += layer.area;
    adders += layer.adders;
    EXPECT_LE(layer.first_stage, layer.last_stage) << layer.layer;
    EXPECT_LT(layer.last_stage, plan.latency_cycles) << layer.layer;
  }
  EXPECT_EQ(found.total.area, area);
  EXPECT_EQ(found.total.adders, adders);
  EXPECT_EQ(found.latency_cycles, plan.latency_cycles);
  EXPECT_DOUBLE_EQ(found.latency_ns(200.0), 5.0 * plan.latency_cycles);
  EXPECT_GE(found.fmax_high_mhz, 200.0 * 1.1);
  EXPECT_LT(found.fmax_low_mhz, found.fmax_high_mhz);
}

}  // namespace
}  // namespace sluice::synth
