#include "sluice/circuit/value_bits.hpp"

#include <gtest/gtest.h>

#include "sluice/circuit/carry_chain.hpp"
#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/random_circuit.hpp"

namespace sluice::circuit {
namespace {

constexpr OriginId kLayer{};
constexpr fixed::Format s(int width) { return {width, 0, true}; }
constexpr fixed::Format u(int width) { return {width, 0, false}; }

ValueId input(Function& f, std::int64_t element, const fixed::Format& format) {
  return f.input(element, format, range_of(format), kLayer);
}

TEST(ValueBits, FollowWhatQuantisersLookAt) {
  Function f;
  const ValueId a = input(f, 0, s(12));
  const ValueId b = input(f, 1, s(8));
  const ValueId sum = f.add(a, b, 3, kLayer);
  f.add_output(f.quantize(sum, {{4, -2, true}, fixed::Rounding::trn}, kLayer));
  std::vector<ValueBits> bits = value_bits(f);
  EXPECT_EQ(bits[index(sum)].read, 0b11'1100U);
  EXPECT_EQ(bits[index(a)].read, 0b11'1100U);  // bits 0 and 1 pass by the chain and are dropped
  EXPECT_EQ(bits[index(b)].read, 0b111U);
  // Half up looks at the highest bit that it drops, half to even at all.
  f.add_output(f.quantize(sum, {{4, -2, true}, fixed::Rounding::rnd}, kLayer));
  EXPECT_EQ(value_bits(f)[index(sum)].read, 0b11'1110U);
  f.add_output(f.quantize(sum, {{4, -2, true}, fixed::Rounding::rnd_conv}, kLayer));
  EXPECT_EQ(value_bits(f)[index(sum)].read, 0b11'1111U);
  // Saturation looks at all bits that are left.
  f.add_output(f.quantize(sum, {{4, -2, true}, {}, fixed::Overflow::sat}, kLayer));
  EXPECT_EQ(value_bits(f)[index(sum)].read_width(), f.instr(sum).format.width);
}

TEST(ValueBits, OfAReluAreTheSignAndWhatItKeeps) {
  Function f;
  const ValueId a = input(f, 0, s(12));
  const ValueId relu = f.max(a, f.constant(0, 0, kLayer), kLayer);
  f.add_output(f.quantize(relu, {u(3)}, kLayer));
  EXPECT_EQ(value_bits(f)[index(relu)].read, 0b111U);
  EXPECT_EQ(value_bits(f)[index(a)].read, 0b1000'0000'0111U);
}

TEST(ValueBits, BelowAnAlignedOperandAreThoseOfTheConstant) {
  Function f;
  const ValueId a = input(f, 0, s(8));
  const ValueId sum = f.sub(f.constant(13, 0, kLayer), a, 4, kLayer);
  f.add_output(sum);
  f.add_output(f.add(sum, input(f, 1, s(8)), 5, kLayer));
  const std::vector<ValueBits> bits = value_bits(f);
  EXPECT_EQ(bits[index(sum)].zeros, 0b0010U);
  EXPECT_EQ(bits[index(sum)].ones, 0b1101U);
  EXPECT_EQ(bits.back().constant(), 0b1111U);
}

TEST(ValueBits, ThatAreConstantAreSoInEveryEvent) {
  std::int64_t constant_bits = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Circuit circuit = testing::random_circuit(seed, {.operations = 60});
    const std::vector<ValueBits> bits = value_bits(circuit.function);
    const Interpreter interpreter(circuit);
    const auto inputs = static_cast<std::size_t>(interpreter.input_elements());
    const std::vector<std::int64_t> events = testing::corner_and_random_events(circuit, seed, 60);
    for (std::size_t first = 0; first < events.size(); first += inputs) {
      const std::vector<std::int64_t> values =
          interpreter.evaluate(std::span(events).subspan(first, inputs));
      for (std::size_t id = 0; id < values.size(); ++id) {
        const auto mantissa = static_cast<std::uint64_t>(values[id]);
        ASSERT_EQ(mantissa & bits[id].zeros, 0U) << "seed " << seed << " value " << id;
        ASSERT_EQ(mantissa & bits[id].ones, bits[id].ones) << "seed " << seed << " value " << id;
      }
    }
    for (std::size_t id = 0; id < bits.size(); ++id) {
      if (circuit.function.instrs()[id].range.is_constant()) continue;
      constant_bits += std::popcount(bits[id].constant());
    }
  }
  EXPECT_GT(constant_bits, 100);
}

/// The operation alone, of operands that take any value of their formats.
Circuit only(const Function& function, const Instr& instr) {
  Circuit circuit{"only", {}, {}, {"layer"}, Function()};
  Instr made = instr;
  made.origin = kLayer;
  for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(instr.op)); ++k) {
    const fixed::Format& format = function.instr(instr.operands[k]).format;
    circuit.inputs.push_back({std::to_string(k), {format}, 1});
    made.operands[k] = input(circuit.function, static_cast<std::int64_t>(k), format);
  }
  circuit.function.append(made);
  return circuit;
}

/// `mantissa` with random bits where `read` has none.
std::int64_t disturbed(std::int64_t mantissa, const fixed::Format& format, std::uint64_t read,
                       testing::Generator& generator) {
  const std::uint64_t bits = static_cast<std::uint64_t>(mantissa) ^ (generator() & ~read);
  return fixed::quantize(static_cast<std::int64_t>(bits), 0, {{format.width, 0, format.is_signed}});
}

TEST(ValueBits, ThatNobodyReadsChangeNoBitThatIsRead) {
  std::int64_t disturbed_operands = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Circuit circuit = testing::random_circuit(seed, {.operations = 60, .widest_bits = 30});
    const Function& f = circuit.function;
    const std::vector<ValueBits> bits = value_bits(f);
    testing::Generator generator(seed);
    const std::vector<std::int64_t> event = testing::corner_and_random_events(circuit, seed, 0);
    const Interpreter interpreter(circuit);
    const std::vector<std::int64_t> values = interpreter.evaluate(
        std::span(event).first(static_cast<std::size_t>(interpreter.input_elements())));
    for (std::size_t id = 0; id < values.size(); ++id) {
      Instr instr = f.instrs()[id];
      if (operand_count(instr.op) == 0 || instr.op == Op::lookup) continue;
      // Where a value cannot overflow, nothing in hardware looks whether it does.
      if (instr.op == Op::quantize && instr.overflow != fixed::Overflow::wrap) {
        const Instr& x = f.instr(instr.operands[0]);
        const auto wide = fixed::quantize(
            x.range, x.format.frac_bits,
            {{64, instr.format.frac_bits, true}, instr.rounding, fixed::Overflow::sat});
        if (instr.range.contains(wide)) instr.overflow = fixed::Overflow::wrap;
      }
      const Circuit alone = only(f, instr);
      std::vector<std::int64_t> operands;
      for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(instr.op)); ++k) {
        const std::size_t x = index(instr.operands[k]);
        operands.push_back(disturbed(values[x], f.instrs()[x].format, bits[x].read, generator));
        disturbed_operands += operands.back() != values[x] ? 1 : 0;
      }
      const std::int64_t found = Interpreter(alone).evaluate(operands).back();
      const auto difference = static_cast<std::uint64_t>(found ^ values[id]);
      ASSERT_EQ(difference & bits[id].read, 0U) << "seed " << seed << " value " << id;
    }
  }
  EXPECT_GT(disturbed_operands, 200);
}

TEST(CarryChain, TakesNoLutWhereBitsDoNotMeet) {
  const auto chain = [](Op op, const std::array<fixed::Format, 3>& formats, int shift = 0) {
    Function f;
    std::array<ValueId, 3> operands{};
    for (std::size_t k = 0; k < 3; ++k) {
      operands[k] = input(f, static_cast<std::int64_t>(k), formats[k]);
    }
    f.add_output(f.sum(op, operands, shift, 0, kLayer));
    return carry_chain(f, value_bits(f), f.outputs().front());
  };
  // Above three unsigned operands comes what the top LUT has saved, then a carry alone.
  const CarryChain unsigneds = chain(Op::add_add, {u(8), u(8), u(8)});
  EXPECT_EQ(unsigneds.width, 10);
  EXPECT_EQ(unsigneds.wired, 0b11'0000'0000U);
  EXPECT_EQ(unsigneds.luts, 8);
  // Above three signed ones their signs repeat.
  const CarryChain signeds = chain(Op::add_add, {s(8), s(8), s(8)});
  EXPECT_EQ(signeds.width, 10);
  EXPECT_EQ(signeds.distinct_bits, 9);
  EXPECT_EQ(signeds.luts, 9);
  const CarryChain mixed = chain(Op::sub_sub, {u(12), u(4), u(4)});
  EXPECT_EQ(mixed.width, 13);
  EXPECT_EQ(mixed.wired, 0b1'1111'1111'0000U);
}

}  // namespace
}  // namespace sluice::circuit
