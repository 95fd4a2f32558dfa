#include "sluice/synth/value_builder.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#include "sluice/base/check.hpp"

namespace sluice::synth {

namespace {

using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::ValueId;
using fixed::Format;
using fixed::Interval;
using fixed::Overflow;
using fixed::Quantizer;
using fixed::Rounding;

bool covers(const Format& format, const Interval& range) {
  return fixed::range_of(format).contains(range);
}

/// Whether quantize changes neither the value nor, beyond appending zeros, its mantissa.
bool is_void(const Instr& a, const Quantizer& to) {
  const int zeros = to.format.frac_bits - a.format.frac_bits;
  if (zeros < 0 || a.format.width + zeros > 63) return false;
  Interval representable = fixed::range_of(to.format);
  if (to.overflow == Overflow::sat_sym && to.format.is_signed) {
    representable.min = -representable.max;
  }
  if (a.format.width == 0) return true;
  return representable.contains(fixed::shift_left(a.range, zeros));
}

}  // namespace

Interval coarser(const Interval& range, int bits) {
  const std::int64_t floor = range.min >> bits;
  return {fixed::shift_left(floor, bits) < range.min ? floor + 1 : floor, range.max >> bits};
}

Interval intersection(const Interval& x, const Interval& y) {
  const Interval both{std::max(x.min, y.min), std::min(x.max, y.max)};
  SLUICE_CHECK(both.min <= both.max, "{} and {} have nothing in common", to_string(x),
               to_string(y));
  return both;
}

std::size_t ValueBuilder::Hash::operator()(const Instr& instr) const noexcept {
  std::uint64_t hash = static_cast<std::uint64_t>(instr.op);
  const auto mix = [&](std::int64_t part) {
    hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 29;
  };
  mix(static_cast<std::int64_t>(instr.operands[0]));
  mix(static_cast<std::int64_t>(instr.operands[1]));
  mix(static_cast<std::int64_t>(instr.operands[2]));
  mix(instr.shift);
  mix(instr.third_shift);
  mix(instr.immediate);
  mix(instr.format.frac_bits);
  mix(instr.format.width);
  return static_cast<std::size_t>(hash);
}

bool ValueBuilder::SameValue::operator()(const Instr& x, const Instr& y) const noexcept {
  Instr same_origin = y;
  same_origin.origin = x.origin;
  return x == same_origin;
}

ValueId ValueBuilder::append(const Instr& instr) {
  const auto known = known_.find(instr);
  if (known != known_.end()) return known->second;
  ValueId id = function_.append(instr);
  const Instr made = function_.instr(id);
  if (made.range.is_constant() && made.op != Op::constant && made.op != Op::input) {
    id = constant(made.range.min, made.format.frac_bits, instr.origin);
  }
  known_.emplace(instr, id);
  return id;
}

ValueId ValueBuilder::input(std::int64_t element, const Quantizer& quantizer, const Interval& range,
                            circuit::OriginId origin) {
  return append({.op = Op::input,
                 .immediate = element,
                 .format = quantizer.format,
                 .range = range,
                 .origin = origin});
}

ValueId ValueBuilder::constant(std::int64_t mantissa, int frac_bits, circuit::OriginId origin) {
  const int zeros = mantissa == 0 ? 0 : std::countr_zero(static_cast<std::uint64_t>(mantissa));
  return exact_constant(mantissa >> zeros, frac_bits - zeros, origin);
}

ValueId ValueBuilder::exact_constant(std::int64_t mantissa, int frac_bits,
                                     circuit::OriginId origin) {
  return append({.op = Op::constant,
                 .immediate = mantissa,
                 .format = {.frac_bits = frac_bits},
                 .origin = origin});
}

ValueId ValueBuilder::add(ValueId a, ValueId b, int shift, circuit::OriginId origin) {
  if (is_zero(b)) return a;
  if (is_zero(a)) return scale(b, shift, origin);
  return append({.op = Op::add, .shift = shift, .operands = {a, b}, .origin = origin});
}

ValueId ValueBuilder::sub(ValueId a, ValueId b, int shift, circuit::OriginId origin) {
  if (is_zero(b)) return a;
  if (is_zero(a)) return negate(scale(b, shift, origin), origin);
  return append({.op = Op::sub, .shift = shift, .operands = {a, b}, .origin = origin});
}

ValueId ValueBuilder::sum(Op op, const std::array<ValueId, 3>& operands, int shift, int third_shift,
                          circuit::OriginId origin) {
  const auto [a, b, c] = operands;
  if (is_zero(a) || is_zero(b) || is_zero(c)) {
    const ValueId ab =
        circuit::is_subtracted(op, 1) ? sub(a, b, shift, origin) : add(a, b, shift, origin);
    return circuit::is_subtracted(op, 2) ? sub(ab, c, third_shift, origin)
                                         : add(ab, c, third_shift, origin);
  }
  return append({.op = op,
                 .shift = shift,
                 .third_shift = third_shift,
                 .operands = operands,
                 .origin = origin});
}

ValueId ValueBuilder::negate(ValueId a, circuit::OriginId origin) {
  if (instr(a).op == Op::negate) return instr(a).operands[0];
  return append({.op = Op::negate, .operands = {a}, .origin = origin});
}

ValueId ValueBuilder::scale(ValueId a, int shift, circuit::OriginId origin) {
  if (instr(a).op == Op::constant) {
    return constant(instr(a).immediate, instr(a).format.frac_bits - shift, origin);
  }
  if (instr(a).op == Op::scale) {
    shift += instr(a).shift;
    a = instr(a).operands[0];
  }
  if (shift == 0) return a;
  return append({.op = Op::scale, .shift = shift, .operands = {a}, .origin = origin});
}

ValueId ValueBuilder::multiply(ValueId a, ValueId b, circuit::OriginId origin) {
  if (is_zero(a)) return a;
  if (is_zero(b)) return b;
  return append({.op = Op::multiply, .operands = {a, b}, .origin = origin});
}

ValueId ValueBuilder::lookup(ValueId a, circuit::Table table, circuit::OriginId origin) {
  std::vector<std::int64_t> key = table.mantissas;
  key.push_back(table.frac_bits);
  const auto next = static_cast<std::int64_t>(function_.tables().size());
  const auto [known, is_new] = tables_.emplace(std::move(key), next);
  if (is_new) function_.add_table(std::move(table));
  return append({.op = Op::lookup, .operands = {a}, .immediate = known->second, .origin = origin});
}

ValueId ValueBuilder::max(ValueId a, ValueId b, circuit::OriginId origin) {
  return extremum(Op::max, a, b, origin);
}

ValueId ValueBuilder::min(ValueId a, ValueId b, circuit::OriginId origin) {
  return extremum(Op::min, a, b, origin);
}

ValueId ValueBuilder::extremum(Op op, ValueId a, ValueId b, circuit::OriginId origin) {
  if (a == b) return a;
  if (is_zero(a)) a = exact_constant(0, instr(b).format.frac_bits, origin);
  if (is_zero(b)) b = exact_constant(0, instr(a).format.frac_bits, origin);
  const int frac_bits = std::max(instr(a).format.frac_bits, instr(b).format.frac_bits);
  const auto range = [&](ValueId id) {
    return fixed::shift_left(instr(id).range, frac_bits - instr(id).format.frac_bits);
  };
  const Interval x = range(a);
  const Interval y = range(b);
  if (op == Op::max ? x.min >= y.max : x.max <= y.min) return a;
  if (op == Op::max ? y.min >= x.max : y.max <= x.min) return b;
  return append({.op = op, .operands = {a, b}, .origin = origin});
}

ValueId ValueBuilder::without_void_clamp(ValueId a, const Quantizer& to) const {
  while (true) {
    const Instr& clamp = instr(before_narrowing(a));
    if (clamp.op != Op::max && clamp.op != Op::min) return a;
    const bool constant_first = instr(clamp.operands[0]).op == Op::constant;
    const Instr& bound = instr(clamp.operands[constant_first ? 0 : 1]);
    const ValueId x = clamp.operands[constant_first ? 1 : 0];
    if (bound.op != Op::constant ||
        !is_void_clamp({bound.immediate, bound.format.frac_bits, clamp.op == Op::min},
                       instr(x).range, instr(x).format.frac_bits, to)) {
      return a;
    }
    a = x;
  }
}

ValueId ValueBuilder::before_narrowing(ValueId a) const {
  return narrowed_.contains(index(a)) ? instr(a).operands[0] : a;
}

ValueId ValueBuilder::quantize(ValueId a, const Quantizer& to, circuit::OriginId origin) {
  a = without_void_clamp(a, to);
  if (is_void(instr(a), to)) return a;
  Quantizer simplest = to;
  simplest.rounding = simplest_rounding(instr(a).range, instr(a).format.frac_bits, to);
  return append_quantize(rounded(a, simplest, origin), simplest, origin);
}

ValueId ValueBuilder::quantize_folded(ValueId a, const FoldedRounding& folded, const Quantizer& to,
                                      circuit::OriginId origin) {
  if (folded.to_even) a = floor_to_even(a, to.format.frac_bits, origin);
  return quantize(a, {to.format, Rounding::trn, to.overflow}, origin);
}

/// All bits but the last are wires of `a`, and the last is set where more than it is.
ValueId ValueBuilder::floor_to_even(ValueId a, int frac_bits, circuit::OriginId origin) {
  const Instr x = instr(a);
  const int dropped = x.format.frac_bits - frac_bits;
  if (dropped < 0) return a;
  const auto to_even = [&](std::int64_t mantissa) {
    const std::int64_t floor = mantissa >> dropped;
    return fixed::shift_left(floor, dropped) == mantissa ? floor & ~std::int64_t{1} : floor;
  };
  const Interval pairs{x.range.min >> (dropped + 1), x.range.max >> (dropped + 1)};
  const ValueId even = quantize(a, {fixed::format_of(pairs, frac_bits - 1)}, origin);
  const ValueId rest = quantize(a, {{dropped + 1, x.format.frac_bits, false}}, origin);
  const ValueId odd = quantize(rest, {{1, frac_bits - 1, false}, Rounding::rnd_min_inf}, origin);
  return narrow(add(even, scale(odd, -1, origin), 0, origin),
                {to_even(x.range.min), to_even(x.range.max)}, frac_bits, origin);
}

/// Rounding and saturation are two values, so that a register fits in between.
ValueId ValueBuilder::rounded(ValueId a, const Quantizer& to, circuit::OriginId origin) {
  const Instr& x = instr(a);
  const bool rounds = x.format.frac_bits > to.format.frac_bits && to.rounding != Rounding::trn;
  const Quantizer unlimited{{64, to.format.frac_bits, true}, to.rounding, Overflow::sat};
  const Interval range = fixed::quantize(x.range, x.format.frac_bits, unlimited);
  if (!rounds || to.overflow == Overflow::wrap || covers(to.format, range)) return a;
  return append_quantize(
      a, {fixed::format_of(range, to.format.frac_bits), to.rounding, Overflow::wrap}, origin);
}

ValueId ValueBuilder::append_quantize(ValueId a, const Quantizer& to, circuit::OriginId origin) {
  return append(
      {.op = Op::quantize,
       .rounding = instr(a).format.frac_bits > to.format.frac_bits ? to.rounding : Rounding::trn,
       .overflow = to.overflow,
       .operands = {a},
       .format = to.format,
       .origin = origin});
}

ValueId ValueBuilder::narrow(ValueId a, const Interval& range, int frac_bits,
                             circuit::OriginId origin) {
  const Instr& wide = instr(a);
  if (wide.op == Op::constant) return a;
  const int zeros = frac_bits - wide.format.frac_bits;
  SLUICE_CHECK(zeros >= 0, "{} fractional bits are more than {}", wide.format.frac_bits, frac_bits);
  const Interval own = intersection(coarser(range, zeros), wide.range);
  const Format format = fixed::format_of(own, wide.format.frac_bits);
  if (format.width >= wide.format.width) return a;
  const ValueId narrowed = append_quantize(a, {format}, origin);
  narrowed_.insert(index(narrowed));
  return narrowed;
}

ValueId ValueBuilder::on_grid(ValueId a, int frac_bits, circuit::OriginId origin) {
  const Instr& value = instr(a);
  const int zeros = frac_bits - value.format.frac_bits;
  if (zeros == 0) return a;
  if (is_zero(a)) return exact_constant(0, frac_bits, origin);
  if (value.op == Op::constant && zeros > 0) {
    return exact_constant(fixed::shift_left(value.immediate, zeros), frac_bits, origin);
  }
  SLUICE_CHECK(zeros > 0, "{} fractional bits cannot hold {}", frac_bits, value.format.frac_bits);
  const Format format{value.format.width + zeros, frac_bits, value.format.is_signed};
  return append_quantize(a, {format}, origin);
}

Function without_dead_code(const Function& function) {
  const std::span<const Instr> instrs = function.instrs();
  std::vector<bool> live(instrs.size());
  for (const ValueId output : function.outputs()) live[index(output)] = true;
  for (std::size_t i = instrs.size(); i-- > 0;) {
    if (!live[i]) continue;
    for (int k = 0; k < circuit::operand_count(instrs[i].op); ++k) {
      live[index(instrs[i].operands[static_cast<std::size_t>(k)])] = true;
    }
  }
  Function kept(function.name());
  for (const circuit::Table& table : function.tables()) kept.add_table(table);
  std::vector<ValueId> moved(instrs.size());
  for (std::size_t i = 0; i < instrs.size(); ++i) {
    if (!live[i]) continue;
    Instr instr = instrs[i];
    for (ValueId& operand : instr.operands) operand = moved[index(operand)];
    moved[i] = kept.append(instr);
  }
  for (const ValueId output : function.outputs()) kept.add_output(moved[index(output)]);
  return kept;
}

}  // namespace sluice::synth
