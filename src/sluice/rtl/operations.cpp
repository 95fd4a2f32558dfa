#include "sluice/rtl/operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sluice/base/check.hpp"

namespace sluice::rtl {

namespace {

using circuit::Instr;
using circuit::Op;
using fixed::Format;
using fixed::Interval;
using fixed::Overflow;
using fixed::Rounding;

__extension__ typedef __int128 Wide;

// Beyond this, a left shift leaves no operand bit in a result and loses every non-zero value.
constexpr int kLargestLeftShift = 64;

Expr negation(Expr bit) { return unary(Operator::invert, std::move(bit)); }

Expr any(Expr bits) { return bits.width == 1 ? bits : unary(Operator::reduce_or, std::move(bits)); }

Expr all(Expr bits) {
  return bits.width == 1 ? bits : unary(Operator::reduce_and, std::move(bits));
}

Expr either(Expr a, Expr b) {
  if (is_zero(a)) return b;
  if (is_zero(b)) return a;
  return binary(Operator::bit_or, std::move(a), std::move(b));
}

Expr both(Expr a, Expr b) {
  if (is_zero(a)) return a;
  if (is_zero(b)) return b;
  return binary(Operator::bit_and, std::move(a), std::move(b));
}

/// Where values leave the range of a quantize, once rounded.
struct Excess {
  bool above;
  bool below;
};

std::int64_t least_kept(const Instr& instr) {
  const bool is_symmetric = instr.overflow == Overflow::sat_sym && instr.format.is_signed;
  return is_symmetric ? -instr.format.max_mantissa() : instr.format.min_mantissa();
}

/// The exact range of the rounded mantissas, before overflow is dealt with; only for right shifts,
/// which cannot leave 64 bits.
Interval rounded_range(const Instr& operand, const Instr& instr) {
  const fixed::Quantizer wide{{64, instr.format.frac_bits, true}, instr.rounding, Overflow::sat};
  return fixed::quantize(operand.range, operand.format.frac_bits, wide);
}

Excess find_excess(const Instr& operand, const Instr& instr, int left_shift) {
  Wide min = operand.range.min;
  Wide max = operand.range.max;
  if (left_shift >= 0) {
    min *= Wide{1} << left_shift;
    max *= Wide{1} << left_shift;
  } else {
    const Interval rounded = rounded_range(operand, instr);
    min = rounded.min;
    max = rounded.max;
  }
  return {max > instr.format.max_mantissa(), min < least_kept(instr)};
}

}  // namespace

Expr OperationWriter::write(circuit::ValueId id, const Operands& operands,
                            const std::string& name) {
  const Instr& instr = function_.instr(id);
  const int width = instr.format.width;
  switch (instr.op) {
    case Op::add:
    case Op::sub:
      return write_sum(instr, operands);
    case Op::add_add:
    case Op::add_sub:
    case Op::sub_sub:
      return write_ternary_sum(id, operands, name);
    case Op::negate:
      return unary(Operator::negate, extract(module_, operands[0], 0, width));
    case Op::multiply:
      return write_product(instr, operands);
    case Op::max:
    case Op::min:
      return write_extremum(instr, operands);
    case Op::quantize:
      return write_quantize(instr, operands[0], name);
    case Op::lookup:
      return write_lookup(instr, operands[0]);
    case Op::input:
    case Op::constant:
    case Op::scale:
      break;
  }
  throw InternalError("E-INTERNAL-001", name,
                      fmt::format("{} is no hardware of its own", to_string(instr.op)));
}

// Modulo 2^width, which is exact because the result's range fits. Low bits to which the second
// operand adds nothing pass by the adder.
Expr OperationWriter::write_sum(const Instr& instr, const Operands& operands) {
  const int width = instr.format.width;
  const int frac_bits = instr.format.frac_bits;
  const int left_shift = frac_bits - operand(instr, 0).format.frac_bits;
  const int right_shift = frac_bits - operand(instr, 1).format.frac_bits + instr.shift;
  const bool adds = instr.op == Op::add;
  // Only a sum may be turned around; the low bits of a difference depend on its subtrahend.
  const bool turned = adds && left_shift > right_shift;
  const Number& base = operands[turned ? 1 : 0];
  const Number& other = operands[turned ? 0 : 1];
  const Number lifted_base = shifted(base, turned ? right_shift : left_shift);
  const Number lifted_other = shifted(other, turned ? left_shift : right_shift);
  const int passed = std::clamp(turned ? left_shift : right_shift, 0, width);
  const int summed = width - passed;
  Expr low = extract(module_, lifted_base, 0, passed);
  if (summed == 0) return low;
  Expr left = extract(module_, lifted_base, passed, summed);
  Expr right = extract(module_, lifted_other, passed, summed);
  if (is_zero(right)) return concat({std::move(left), std::move(low)});
  if (adds && is_zero(left)) return concat({std::move(right), std::move(low)});
  return concat(
      {binary(adds ? Operator::add : Operator::subtract, std::move(left), std::move(right)),
       std::move(low)});
}

// High bits that nobody reads would cost a LUT each, and are 0.
Expr OperationWriter::write_ternary_sum(circuit::ValueId id, const Operands& operands,
                                        const std::string& name) {
  const Instr& instr = function_.instr(id);
  const circuit::CarryChain chain = circuit::carry_chain(function_, value_bits_, id);
  const auto bits = [&](std::size_t i, int low, int width) {
    const int shift = circuit::raised_bits(instr, operand(instr, i), i);
    return extract(module_, shifted(operands[i], shift), low, width);
  };
  std::vector<Expr> parts;
  const int unread = instr.format.width - chain.width - chain.passed_bits;
  if (unread > 0) parts.push_back(literal(0, unread));
  if (chain.width > 0) {
    const auto added = [&](std::size_t i) { return bits(i, chain.passed_bits, chain.width); };
    const NetId sum = module_.add_ternary_sum(name + "_sum", {{added(0), added(1), added(2)},
                                                              circuit::is_subtracted(instr.op, 1),
                                                              circuit::is_subtracted(instr.op, 2),
                                                              family_.carry_bits,
                                                              chain.wired,
                                                              chain.distinct_bits});
    parts.push_back(module_.whole(sum));
  }
  parts.push_back(bits(chain.lowest_operand, 0, chain.passed_bits));
  return concat(std::move(parts));
}

Expr OperationWriter::write_extremum(const Instr& instr, const Operands& operands) {
  const int left_shift = instr.format.frac_bits - operand(instr, 0).format.frac_bits;
  const int right_shift = instr.format.frac_bits - operand(instr, 1).format.frac_bits;
  const Number left = shifted(operands[0], left_shift);
  const Number right = shifted(operands[1], right_shift);
  const Interval left_range = shift_left(operand(instr, 0).range, left_shift);
  const Interval right_range = shift_left(operand(instr, 1).range, right_shift);
  const bool takes_larger = instr.op == Op::max;
  Expr left_bits = extract(module_, left, 0, instr.format.width);
  Expr right_bits = extract(module_, right, 0, instr.format.width);
  if (left_range.max <= right_range.min) return takes_larger ? right_bits : left_bits;
  if (right_range.max <= left_range.min) return takes_larger ? left_bits : right_bits;

  const bool is_signed = left_range.min < 0 || right_range.min < 0;
  const Interval hull = fixed::hull(left_range, right_range);
  const int width = fixed::format_of(hull, 0).width;
  Expr is_less = binary(is_signed ? Operator::less_signed : Operator::less,
                        extract(module_, left, 0, width), extract(module_, right, 0, width));
  return takes_larger ? choose(std::move(is_less), std::move(right_bits), std::move(left_bits))
                      : choose(std::move(is_less), std::move(left_bits), std::move(right_bits));
}

Expr OperationWriter::write_product(const Instr& instr, const Operands& operands) {
  for (std::size_t k = 0; k < 2; ++k) {
    const Number& gate = operands[k];
    if (gate.width != 1 || gate.is_signed) continue;
    // Written as a product, it would be a multiplier to some tools.
    return binary(Operator::bit_and, extract(module_, operands[1 - k], 0, instr.format.width),
                  repeat(extract(module_, gate, 0, 1), instr.format.width));
  }
  const bool is_signed = operands[0].is_signed || operands[1].is_signed;
  return binary(is_signed ? Operator::multiply_signed : Operator::multiply,
                extract(module_, operands[0], 0, instr.format.width),
                extract(module_, operands[1], 0, instr.format.width));
}

Expr OperationWriter::write_lookup(const Instr& instr, const Number& operand_bits) {
  const Instr& argument = operand(instr, 0);
  const int argument_width = argument.format.width;
  const auto key = std::tuple(instr.immediate, argument.range.min, argument_width);
  auto found = tables_.find(key);
  if (found == tables_.end()) {
    const circuit::Table& table = function_.tables().at(static_cast<std::size_t>(instr.immediate));
    CaseTable cases{
        fmt::format("table_{}", tables_.size()), argument_width, instr.format.width, {}};
    std::int64_t mantissa = argument.range.min;
    for (const std::int64_t result : table.mantissas) {
      cases.entries.emplace_back(static_cast<std::uint64_t>(mantissa++),
                                 static_cast<std::uint64_t>(result));
    }
    found = tables_.emplace(key, module_.add_table(std::move(cases))).first;
  }
  return module_.call(found->second, extract(module_, operand_bits, 0, argument_width));
}

/// One bit: whether the quotient, rounded down, grows by one.
Expr OperationWriter::round_up(Rounding rounding, const Number& value, int dropped_bits) {
  Expr negative = sign(module_, value);
  const auto any_below = [&](int bits) {
    return bits == 0 ? literal(0, 1) : any(extract(module_, value, 0, bits));
  };
  if (rounding == Rounding::trn_zero) return both(std::move(negative), any_below(dropped_bits));
  Expr half = extract(module_, value, dropped_bits - 1, 1);
  if (rounding == Rounding::rnd) return half;
  Expr above_half = any_below(dropped_bits - 1);
  switch (rounding) {
    case Rounding::rnd_zero:
      return both(std::move(half), either(std::move(above_half), std::move(negative)));
    case Rounding::rnd_inf:
      if (!value.is_signed) return half;
      return both(std::move(half), either(std::move(above_half), negation(std::move(negative))));
    case Rounding::rnd_min_inf:
      return both(std::move(half), std::move(above_half));
    case Rounding::rnd_conv:
      return both(std::move(half),
                  either(std::move(above_half), extract(module_, value, dropped_bits, 1)));
    case Rounding::trn:
    case Rounding::trn_zero:
    case Rounding::rnd:
      break;
  }
  return literal(0, 1);
}

/// The operand on the result's grid, before its overflow.
Number OperationWriter::round(const Instr& instr, const Number& value, const std::string& name) {
  const Instr& source = operand(instr, 0);
  const int left_shift =
      std::min(instr.format.frac_bits - source.format.frac_bits, kLargestLeftShift);
  if (left_shift >= 0) return shifted(value, left_shift);
  // One more bit than there are already leaves only copies of the sign.
  const int dropped_bits = std::min(-left_shift, source.format.width + 1);
  const Number floor = shifted(value, -dropped_bits);
  if (instr.rounding == Rounding::trn) return floor;
  Expr up = round_up(instr.rounding, value, dropped_bits);
  if (is_zero(up)) return floor;
  const Format format = fixed::format_of(rounded_range(source, instr), instr.format.frac_bits);
  const int width = std::max(format.width, 1);
  Expr increment = width == 1 ? std::move(up) : concat({literal(0, width - 1), std::move(up)});
  Expr base = extract(module_, floor, 0, width);
  Expr sum = is_zero(base) ? std::move(increment)
                           : binary(Operator::add, std::move(base), std::move(increment));
  const NetId net = module_.add_wire(name + "_rounded", format.is_signed, std::move(sum));
  return {net, width, format.is_signed, 0};
}

Expr OperationWriter::is_above(const Instr& instr, const Number& rounded) {
  const int magnitude_bits = instr.format.width - (instr.format.is_signed ? 1 : 0);
  const int more_bits = rounded.width - (rounded.is_signed ? 1 : 0) - magnitude_bits;
  Expr exceeds = any(extract(module_, rounded, magnitude_bits, more_bits));
  if (!rounded.is_signed) return exceeds;
  return both(negation(sign(module_, rounded)), std::move(exceeds));
}

Expr OperationWriter::is_below(const Instr& instr, const Number& rounded) {
  Expr negative = sign(module_, rounded);
  if (!instr.format.is_signed) return negative;
  const int magnitude_bits = instr.format.width - 1;
  const int more_bits = rounded.width - 1 - magnitude_bits;
  Expr exceeds = more_bits == 0
                     ? literal(0, 1)
                     : negation(all(extract(module_, rounded, magnitude_bits, more_bits)));
  if (instr.overflow == Overflow::sat_sym) {
    Expr is_least = negation(any(extract(module_, rounded, 0, magnitude_bits)));
    exceeds = either(std::move(exceeds), std::move(is_least));
  }
  return both(std::move(negative), std::move(exceeds));
}

Expr OperationWriter::write_quantize(const Instr& instr, const Number& value,
                                     const std::string& name) {
  const Instr& source = operand(instr, 0);
  const int left_shift =
      std::min(instr.format.frac_bits - source.format.frac_bits, kLargestLeftShift);
  const Number rounded = round(instr, value, name);
  const int width = instr.format.width;
  Expr result = extract(module_, rounded, 0, width);
  if (instr.overflow == Overflow::wrap) return result;
  const Excess excess = find_excess(source, instr, left_shift);
  const bool to_zero = instr.overflow == Overflow::sat_zero;
  const auto end = [&](std::int64_t mantissa) {
    return literal(to_zero ? 0 : static_cast<std::uint64_t>(mantissa), width);
  };
  if (excess.below) {
    const NetId below = module_.add_wire(name + "_below", false, is_below(instr, rounded));
    result = choose(module_.whole(below), end(least_kept(instr)), std::move(result));
  }
  if (excess.above) {
    const NetId above = module_.add_wire(name + "_above", false, is_above(instr, rounded));
    result = choose(module_.whole(above), end(instr.format.max_mantissa()), std::move(result));
  }
  return result;
}

}  // namespace sluice::rtl
