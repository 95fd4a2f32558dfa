#include "sluice/synth/delay.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "sluice/synth/hardware.hpp"

namespace sluice::synth {

namespace {

using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::ValueId;

constexpr int kLutInputs = 6;

/// Levels of LUTs for a function that has to look at so many bits and is a tree of equal parts.
int tree_levels(int bits) {
  int levels = 0;
  for (; bits > 1; bits = (bits + kLutInputs - 1) / kLutInputs) ++levels;
  return levels;
}

double carry_chain_ns(int bits, const DelayModel& model) {
  return bits == 0 ? 0.0 : model.adder_ns + bits * model.carry_bit_ns;
}

double quantize_ns(const Function& function, const Instr& instr, const DelayModel& model) {
  const QuantizeShape shape = quantize_shape(function, instr);
  double delay = tree_levels(shape.deciding_bits) * model.logic_level_ns;
  if (shape.increments) delay += carry_chain_ns(shape.rounded_width, model);
  if (shape.checks_above || shape.checks_below) {
    const int levels = shape.excess_bits < kLutInputs ? 0 : tree_levels(shape.excess_bits);
    delay += (levels + 1) * model.logic_level_ns;
  }
  return delay;
}

double extremum_ns(const Function& function, const Instr& instr, const DelayModel& model) {
  const auto is_zero = [&](ValueId id) { return function.instr(id).range == fixed::Interval{}; };
  const bool by_sign = is_zero(instr.operands[0]) || is_zero(instr.operands[1]);
  return model.logic_level_ns + (by_sign ? 0.0 : carry_chain_ns(instr.format.width, model));
}

double lookup_ns(const Instr& argument, const DelayModel& model) {
  const int beyond_one_lut = std::max(0, argument.format.width - kLutInputs);
  const int levels = 1 + (beyond_one_lut + 1) / 2;
  return levels * model.logic_level_ns;
}

double operation_ns(const Function& function, const Instr& instr, const DelayModel& model) {
  switch (instr.op) {
    case Op::negate:
      return carry_chain_ns(instr.format.width, model);
    case Op::multiply:
      return model.multiplier_ns;
    case Op::max:
    case Op::min:
      return extremum_ns(function, instr, model);
    case Op::quantize:
      return quantize_ns(function, instr, model);
    case Op::lookup:
      return lookup_ns(function.instr(instr.operands[0]), model);
    case Op::input:
    case Op::constant:
    case Op::add:
    case Op::sub:
    case Op::add_add:
    case Op::add_sub:
    case Op::sub_sub:
    case Op::scale:
      break;
  }
  return 0.0;
}

int picoseconds(double ns) { return static_cast<int>(std::lround(ns * 1000.0)); }

// `carried_bits` of the chain follow the operand's lowest bit, `remaining_bits` its highest.
PathDelay chain_delay(double adder_ns, int carried_bits, int remaining_bits,
                      const DelayModel& model) {
  return {.low_to_low_ps = picoseconds(adder_ns),
          .low_to_full_ps = picoseconds(adder_ns + carried_bits * model.carry_bit_ns),
          .full_to_low_ps = PathDelay::kNever,
          .full_to_full_ps = picoseconds(adder_ns + remaining_bits * model.carry_bit_ns)};
}

constexpr PathDelay kWires{.low_to_low_ps = 0, .full_to_low_ps = PathDelay::kNever};

/// Of a quantize that takes no more than the lower half of its operand's bits: each of them is
/// ready by its place in the chain that makes it, however late the highest is.
std::optional<PathDelay> low_bits_delay(const Function& function, const Instr& instr,
                                        const DelayModel& model) {
  if (instr.op != Op::quantize) return std::nullopt;
  const fixed::Format& from = function.instr(instr.operands[0]).format;
  const int first = from.frac_bits - instr.format.frac_bits;
  const int end = first + instr.format.width;
  if (first < 0 || 2 * end > from.width) return std::nullopt;
  return PathDelay{.low_to_low_ps = picoseconds(first * model.carry_bit_ns),
                   .low_to_full_ps = picoseconds(end * model.carry_bit_ns),
                   .full_to_low_ps = PathDelay::kNever,
                   .full_to_full_ps = PathDelay::kNever};
}

PathDelays sum_delays(const Function& function, const Instr& instr, const DelayModel& model) {
  const int added_bits = sum_shape(function, instr).added_bits;
  if (added_bits == 0) return {kWires, kWires};
  const auto operands = static_cast<std::size_t>(operand_count(instr.op));
  const double adder_ns = operands == 3 ? model.ternary_adder_ns : model.adder_ns;
  PathDelays delays;
  for (std::size_t i = 0; i < operands; ++i) {
    const Instr& operand = function.instr(instr.operands[i]);
    const int raised = instr.format.frac_bits - operand.format.frac_bits + operand_shift(instr, i);
    const int top = operand.format.width + raised;
    delays[i] = chain_delay(adder_ns, added_bits, std::max(0, instr.format.width - top), model);
  }
  return delays;
}

}  // namespace

Arrival PathDelay::from(const Arrival& operand) const noexcept {
  return {std::max(operand.low_ps + low_to_low_ps, operand.full_ps + full_to_low_ps),
          std::max(operand.low_ps + low_to_full_ps, operand.full_ps + full_to_full_ps)};
}

Arrival latest(const Arrival& x, const Arrival& y) noexcept {
  return {std::max(x.low_ps, y.low_ps), std::max(x.full_ps, y.full_ps)};
}

PathDelays path_delays(const Function& function, ValueId id, const DelayModel& model) {
  const Instr& instr = function.instr(id);
  if (instr.range.is_constant()) return {};
  if (is_sum(instr.op)) return sum_delays(function, instr, model);
  const int delay_ps = picoseconds(operation_ns(function, instr, model));
  if (delay_ps == 0) {
    const PathDelay wires = low_bits_delay(function, instr, model).value_or(kWires);
    return {wires, wires};
  }
  const PathDelay delay{.full_to_low_ps = delay_ps, .full_to_full_ps = delay_ps};
  return {delay, delay};
}

std::array<PathDelay, 2> multiply_add_delays(const DelayModel& model) {
  const auto whole = [](double ns) {
    return PathDelay{.full_to_low_ps = picoseconds(ns), .full_to_full_ps = picoseconds(ns)};
  };
  return {whole(model.multiplier_ns), whole(model.post_adder_ns)};
}

}  // namespace sluice::synth
