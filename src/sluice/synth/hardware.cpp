#include "sluice/synth/hardware.hpp"

#include <algorithm>

namespace sluice::synth {

using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::ValueId;
using fixed::Interval;
using fixed::Overflow;

namespace {

Interval kept_range(const Instr& instr) {
  Interval range = fixed::range_of(instr.format);
  if (instr.overflow == Overflow::sat_sym && instr.format.is_signed) range.min = -range.max;
  return range;
}

bool only_renames(const Function& function, const Instr& instr) {
  if (instr.op == Op::scale) return true;
  if (instr.op != Op::quantize) return false;
  const Instr& operand = function.instr(instr.operands[0]);
  return operand.format.frac_bits == instr.format.frac_bits &&
         kept_range(instr).contains(operand.range);
}

}  // namespace

int raised_bits(const Instr& sum, const Instr& operand, std::size_t position) {
  return sum.format.frac_bits - operand.format.frac_bits + operand_shift(sum, position);
}

SumShape sum_shape(const Function& function, const Instr& instr) {
  // Low bits of the lowest operand pass by the chain unless it is subtracted; the chain begins with
  // the next operand. On a tie an operand that is added counts as the lowest.
  struct Term {
    int low;
    bool subtracted;
    int width;
    bool is_signed;
  };
  std::vector<Term> terms;
  for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(instr.op)); ++k) {
    const fixed::Format& format = function.instr(instr.operands[k]).format;
    terms.push_back({instr.format.frac_bits - format.frac_bits + operand_shift(instr, k),
                     is_subtracted(instr.op, k), format.width, format.is_signed});
  }
  std::ranges::stable_sort(terms, {}, [](const Term& t) { return std::pair(t.low, t.subtracted); });
  const Term& lowest = terms[0];
  const int passed = lowest.subtracted ? 0 : terms[1].low;
  const bool disjoint = terms.size() == 2 && !lowest.subtracted && !terms[1].subtracted &&
                        !lowest.is_signed && lowest.width <= passed;
  return {instr.format.width, disjoint ? 0 : std::max(0, instr.format.width - passed)};
}

QuantizeShape quantize_shape(const Function& function, const Instr& instr) {
  const Instr& x = function.instr(instr.operands[0]);
  QuantizeShape shape{.width = instr.format.width};
  shape.dropped_bits =
      std::clamp(x.format.frac_bits - instr.format.frac_bits, 0, x.format.width + 1);
  const fixed::Quantizer unlimited{
      {64, instr.format.frac_bits, true}, instr.rounding, Overflow::sat};
  const Interval rounded = fixed::quantize(x.range, x.format.frac_bits, unlimited);
  shape.rounded_width = fixed::format_of(rounded, 0).width;
  shape.rounds_up = shape.dropped_bits > 0 && instr.rounding != fixed::Rounding::trn;
  const Interval floor = fixed::quantize(
      x.range, x.format.frac_bits, {unlimited.format, fixed::Rounding::trn, unlimited.overflow});
  shape.increments = shape.rounds_up && floor != Interval{};
  if (shape.rounds_up && instr.rounding != fixed::Rounding::rnd) {
    const bool dropped_alone = instr.rounding == fixed::Rounding::rnd_min_inf;
    shape.deciding_bits = shape.dropped_bits + (dropped_alone ? 0 : 1);
  }
  if (instr.overflow == Overflow::wrap) return shape;
  const Interval kept = kept_range(instr);
  shape.checks_above = rounded.max > kept.max;
  shape.checks_below = rounded.min < kept.min;
  shape.excess_bits =
      std::max(0, shape.rounded_width - instr.format.width) + (instr.format.is_signed ? 1 : 0);
  return shape;
}

std::vector<std::optional<ValueId>> find_carriers(const Function& function) {
  std::vector<std::optional<ValueId>> carriers;
  for (const Instr& instr : function.instrs()) {
    if (instr.range.is_constant()) {
      carriers.emplace_back(std::nullopt);
    } else if (only_renames(function, instr)) {
      carriers.push_back(carriers[index(instr.operands[0])]);
    } else {
      carriers.emplace_back(static_cast<ValueId>(carriers.size()));
    }
  }
  return carriers;
}

}  // namespace sluice::synth
