#include "sluice/circuit/circuit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sluice/base/error.hpp"
#include "sluice/circuit/verify.hpp"

namespace sluice::circuit {
namespace {

using fixed::Format;
using fixed::Interval;
using fixed::Overflow;
using fixed::Rounding;

constexpr OriginId kOrigin{};
constexpr Format kS8{8, 4, true};
constexpr Interval kFull{-128, 127};

TEST(Ops, NamesAndOperandCountsFollowTheList) {
  EXPECT_EQ(to_string(Op::input), "input");
  EXPECT_EQ(to_string(Op::lookup), "lookup");
  EXPECT_EQ(operand_count(Op::constant), 0);
  EXPECT_EQ(operand_count(Op::sub), 2);
  EXPECT_EQ(operand_count(Op::quantize), 1);
}

TEST(Inference, SumsKeepTheFinestGridAndTheExactRange) {
  Function f;
  const ValueId a = f.input(0, kS8, kFull, kOrigin);
  const ValueId b = f.input(1, {5, 2, false}, {0, 31}, kOrigin);
  // b << 3 has -1 fractional bits; a's 4 remain, so b's mantissa grows by 2^5.
  const Instr& sum = f.instr(f.add(a, b, 3, kOrigin));
  EXPECT_EQ(sum.range, (Interval{-128, 127 + 31 * 32}));
  EXPECT_EQ(sum.format, (Format{12, 4, true}));
  // b >> 4 has 6 fractional bits: a's mantissa grows by 2^2.
  const Instr& difference = f.instr(f.sub(a, b, -4, kOrigin));
  EXPECT_EQ(difference.range, (Interval{-512 - 31, 508}));
  EXPECT_EQ(difference.format.frac_bits, 6);
}

TEST(Inference, UnaryOperations) {
  Function f;
  const ValueId a = f.input(0, kS8, {-128, 5}, kOrigin);
  EXPECT_EQ(f.instr(f.negate(a, kOrigin)).range, (Interval{-5, 128}));
  const Instr& scaled = f.instr(f.scale(a, 3, kOrigin));
  EXPECT_EQ(scaled.range, (Interval{-128, 5}));
  EXPECT_EQ(scaled.format, (Format{8, 1, true}));
}

TEST(Inference, ProductsAndExtrema) {
  Function f;
  const ValueId a = f.input(0, kS8, {-100, 7}, kOrigin);
  const ValueId b = f.input(1, {6, 1, true}, {-20, 30}, kOrigin);
  const Instr& product = f.instr(f.multiply(a, b, kOrigin));
  EXPECT_EQ(product.range, (Interval{-3000, 2000}));
  EXPECT_EQ(product.format.frac_bits, 5);
  EXPECT_EQ(f.instr(f.max(a, b, kOrigin)).range, (Interval{-100, 240}));
  EXPECT_EQ(f.instr(f.min(a, b, kOrigin)).range, (Interval{-160, 7}));
}

TEST(Inference, LookupTakesItsRangeFromTheTable) {
  Function f;
  const ValueId a = f.input(0, {2, 0, true}, {-2, 1}, kOrigin);
  const Table table{3, {5, -9, 0, 2}};
  const ValueId first = f.lookup(a, table, kOrigin);
  EXPECT_EQ(f.instr(first).range, (Interval{-9, 5}));
  EXPECT_EQ(f.instr(first).format, (Format{5, 3, true}));
  f.lookup(a, table, kOrigin);
  EXPECT_EQ(f.tables().size(), 1U);
  EXPECT_THROW(f.lookup(a, {3, {1, 2, 3}}, kOrigin), ModelError);
  EXPECT_THROW(f.lookup(a, {3, {}}, kOrigin), ModelError);
}

TEST(Inference, RefusesWhatIsNotExactInSixtyFourBits) {
  Function f;
  const Format wide{64, 0, true};
  const Interval all{std::numeric_limits<std::int64_t>::min(),
                     std::numeric_limits<std::int64_t>::max()};
  const ValueId a = f.input(0, wide, all, kOrigin);
  const ValueId one = f.constant(1, 0, kOrigin);
  const std::size_t before = f.instrs().size();
  EXPECT_THROW(f.add(a, one, 0, kOrigin), ModelError);
  EXPECT_THROW(f.sub(a, one, 0, kOrigin), ModelError);
  EXPECT_THROW(f.negate(a, kOrigin), ModelError);
  EXPECT_THROW(f.multiply(a, a, kOrigin), ModelError);
  EXPECT_THROW(f.add(one, one, 63, kOrigin), ModelError);
  EXPECT_THROW(f.add(one, one, 1 << 20, kOrigin), ModelError);
  EXPECT_THROW(f.constant(1, 5000, kOrigin), ModelError);
  EXPECT_EQ(f.instrs().size(), before);
}

TEST(Inference, RefusesOperandsAndRangesThatDoNotExist) {
  Function f;
  const ValueId a = f.input(0, kS8, kFull, kOrigin);
  EXPECT_THROW(f.negate(static_cast<ValueId>(1), kOrigin), ModelError);
  EXPECT_THROW(f.add(a, static_cast<ValueId>(-1), 0, kOrigin), ModelError);
  EXPECT_THROW(f.input(1, kS8, {-129, 0}, kOrigin), ModelError);
  EXPECT_THROW(f.input(-1, kS8, kFull, kOrigin), ModelError);
  EXPECT_THROW(f.input(1, kS8, {3, 2}, kOrigin), ModelError);
}

TEST(Inference, IgnoresFieldsThatAnOperationDoesNotRead) {
  Function f;
  const ValueId a = f.input(0, kS8, kFull, kOrigin);
  const ValueId plain = f.negate(a, kOrigin);
  const ValueId noisy = f.append({.op = Op::negate,
                                  .rounding = Rounding::rnd,
                                  .shift = 3,
                                  .operands = {a, plain},
                                  .immediate = 9,
                                  .format = {3, 3, false}});
  EXPECT_EQ(f.instr(plain), f.instr(noisy));
}

// The instruction keeps the narrowest format of the result; quantising into that one must be the
// same function as quantising into the format asked for. All intervals of a 5-bit source.
TEST(Inference, QuantizeIntoTheNarrowestFormatIsTheSameFunction) {
  std::int64_t compared = 0;
  for (int width = 0; width <= 4; ++width) {
    for (const bool is_signed : {false, true}) {
      for (const int frac_bits : {0, 1, 3}) {
        for (const Rounding rounding : fixed::kAllRoundings) {
          for (const Overflow overflow : fixed::kAllOverflows) {
            const fixed::Quantizer to{{width, frac_bits, is_signed}, rounding, overflow};
            for (std::int64_t min = -16; min < 16; ++min) {
              for (std::int64_t max = min; max < 16; ++max) {
                Function f;
                const ValueId a = f.input(0, {5, 2, true}, {min, max}, kOrigin);
                const Instr made = f.instr(f.quantize(a, to, kOrigin));
                const fixed::Quantizer narrow{made.format, made.rounding, made.overflow};
                for (std::int64_t mantissa = min; mantissa <= max; ++mantissa) {
                  ASSERT_EQ(fixed::quantize(mantissa, 2, narrow), fixed::quantize(mantissa, 2, to))
                      << mantissa << " in [" << min << ", " << max << "] to "
                      << to_string(to.format) << ' ' << to_string(rounding) << ' '
                      << to_string(overflow);
                  ++compared;
                }
                ASSERT_EQ(f.instr(f.append(made)), made);
              }
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(compared, 5 * 2 * 3 * 7 * 4 * 5984);
}

Circuit small_circuit() {
  Circuit circuit{"small", {{"x", {kS8}, 2}}, {{"y", {{9, 4, true}}, 1}}, {"dense_1"}, Function()};
  Function& f = circuit.function;
  const ValueId a = f.input(0, kS8, kFull, kOrigin);
  const ValueId b = f.input(1, kS8, kFull, kOrigin);
  f.add_output(f.add(a, b, 0, kOrigin));
  return circuit;
}

TEST(Verify, AcceptsASoundCircuitAndSchedule) {
  const Circuit circuit = small_circuit();
  EXPECT_NO_THROW(verify(circuit));
  EXPECT_NO_THROW(verify(circuit, {1, {0, 0, 0}}));
  EXPECT_NO_THROW(verify(circuit, {3, {0, 0, 2}}));
}

TEST(Verify, FindsBrokenPortsAndOrigins) {
  Circuit circuit = small_circuit();
  circuit.outputs.front().quantizer.format = {8, 4, true};
  EXPECT_THROW(verify(circuit), InternalError);
  circuit = small_circuit();
  circuit.outputs.front().quantizer.format.frac_bits = 3;
  EXPECT_THROW(verify(circuit), InternalError);
  circuit = small_circuit();
  circuit.outputs.front().elements = 2;
  EXPECT_THROW(verify(circuit), InternalError);
  circuit = small_circuit();
  circuit.inputs.front().elements = 1;
  EXPECT_THROW(verify(circuit), InternalError);
  circuit = small_circuit();
  circuit.inputs.front().quantizer.format = {7, 4, true};
  EXPECT_THROW(verify(circuit), InternalError);
  circuit = small_circuit();
  circuit.origins.clear();
  EXPECT_THROW(verify(circuit), InternalError);
  circuit = small_circuit();
  circuit.origins = {"a", "a"};
  EXPECT_THROW(verify(circuit), InternalError);
  circuit = small_circuit();
  circuit.function.input(1, kS8, kFull, kOrigin);
  EXPECT_THROW(verify(circuit), InternalError);
}

TEST(Verify, FindsBrokenSchedules) {
  const Circuit circuit = small_circuit();
  EXPECT_THROW(verify(circuit, {0, {0, 0, 0}}), InternalError);
  EXPECT_THROW(verify(circuit, {1, {0, 0}}), InternalError);
  EXPECT_THROW(verify(circuit, {2, {0, 0, 2}}), InternalError);
  EXPECT_THROW(verify(circuit, {2, {0, 0, -1}}), InternalError);
  EXPECT_THROW(verify(circuit, {2, {0, 1, 1}}), InternalError);
  Circuit chained = circuit;
  const ValueId sum{2};
  chained.function.negate(sum, kOrigin);
  EXPECT_NO_THROW(verify(chained, {2, {0, 0, 1, 1}}));
  EXPECT_THROW(verify(chained, {2, {0, 0, 1, 0}}), InternalError);
}

}  // namespace
}  // namespace sluice::circuit
