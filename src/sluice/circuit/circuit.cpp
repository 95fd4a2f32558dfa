#include "sluice/circuit/circuit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/base/error.hpp"

namespace sluice::circuit {

namespace {

using fixed::Format;
using fixed::Interval;
using fixed::Overflow;

struct OpInfo {
  std::string_view name;
  int operands;
};

constexpr std::array kOps{
#define SLUICE_OP(name, operands) OpInfo{#name, operands},
#include "sluice/circuit/ops.def"
#undef SLUICE_OP
};

// Far beyond every format, and small enough that sums of binary points cannot overflow.
constexpr int kLargestShift = 1 << 12;

[[noreturn]] void refuse(const Instr& instr, std::string message) {
  throw ModelError("E-CIRCUIT-001", std::string(to_string(instr.op)), std::move(message));
}

/// Fields that the operation does not read get their defaults, so that equal operations are equal.
Instr with_only_what_is_read(const Instr& instr) {
  Instr kept{.op = instr.op, .format = instr.format, .range = instr.range, .origin = instr.origin};
  std::copy_n(instr.operands.begin(), operand_count(instr.op), kept.operands.begin());
  switch (instr.op) {
    case Op::input:
    case Op::constant:
    case Op::lookup:
      kept.immediate = instr.immediate;
      break;
    case Op::add:
    case Op::sub:
    case Op::scale:
      kept.shift = instr.shift;
      break;
    case Op::add_add:
    case Op::add_sub:
    case Op::sub_sub:
      kept.shift = instr.shift;
      kept.third_shift = instr.third_shift;
      break;
    case Op::quantize:
      kept.rounding = instr.rounding;
      kept.overflow = instr.overflow;
      break;
    case Op::negate:
    case Op::multiply:
    case Op::max:
    case Op::min:
      break;
  }
  return kept;
}

/// Range of a value on the grid of a result that has at least as many fractional bits.
Interval aligned(const Instr& value, int value_frac_bits, int result_frac_bits) {
  return shift_left(value.range, result_frac_bits - value_frac_bits);
}

struct Result {
  int frac_bits;
  Interval range;
};

/// Fractional bits of an operand as the sum reads it.
int shifted_frac_bits(const Instr& sum, const Instr& operand, std::size_t position) {
  return operand.format.frac_bits - operand_shift(sum, position);
}

Result infer_sum(const Instr& instr, std::span<const Instr* const> operands) {
  int frac_bits = operands[0]->format.frac_bits;
  for (std::size_t i = 1; i < operands.size(); ++i) {
    frac_bits = std::max(frac_bits, shifted_frac_bits(instr, *operands[i], i));
  }
  Interval range;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Interval term =
        aligned(*operands[i], shifted_frac_bits(instr, *operands[i], i), frac_bits);
    range = is_subtracted(instr.op, i) ? range - term : range + term;
  }
  return {frac_bits, range};
}

Result infer_extremum(const Instr& instr, const Instr& a, const Instr& b) {
  const int frac_bits = std::max(a.format.frac_bits, b.format.frac_bits);
  const Interval left = aligned(a, a.format.frac_bits, frac_bits);
  const Interval right = aligned(b, b.format.frac_bits, frac_bits);
  if (instr.op == Op::max) {
    return {frac_bits, {std::max(left.min, right.min), std::max(left.max, right.max)}};
  }
  return {frac_bits, {std::min(left.min, right.min), std::min(left.max, right.max)}};
}

Result infer_lookup(const Instr& instr, const Instr& a, const std::vector<Table>& tables) {
  if (instr.immediate < 0 || static_cast<std::size_t>(instr.immediate) >= tables.size()) {
    refuse(instr, fmt::format("there is no table {}", instr.immediate));
  }
  const Table& table = tables[static_cast<std::size_t>(instr.immediate)];
  const std::uint64_t last_index =
      static_cast<std::uint64_t>(a.range.max) - static_cast<std::uint64_t>(a.range.min);
  if (table.mantissas.empty() || table.mantissas.size() - 1 != last_index) {
    refuse(instr, fmt::format("the table has {} entries for an operand with the range {}",
                              table.mantissas.size(), to_string(a.range)));
  }
  const auto [min, max] = std::ranges::minmax(table.mantissas);
  return {table.frac_bits, {min, max}};
}

}  // namespace

std::string_view to_string(Op op) noexcept { return kOps[static_cast<std::size_t>(op)].name; }

int operand_count(Op op) noexcept { return kOps[static_cast<std::size_t>(op)].operands; }

bool is_sum(Op op) noexcept {
  return op == Op::add || op == Op::sub || op == Op::add_add || op == Op::add_sub ||
         op == Op::sub_sub;
}

bool is_subtracted(Op op, std::size_t operand) noexcept {
  if (operand == 1) return op == Op::sub || op == Op::sub_sub;
  return operand == 2 && (op == Op::add_sub || op == Op::sub_sub);
}

int operand_shift(const Instr& instr, std::size_t operand) noexcept {
  if (operand == 0 || !is_sum(instr.op)) return 0;
  return operand == 1 ? instr.shift : instr.third_shift;
}

ValueId Function::append(Instr instr) {
  instr = with_only_what_is_read(instr);
  for (int i = 0; i < operand_count(instr.op); ++i) {
    if (index(instr.operands[static_cast<std::size_t>(i)]) >= instrs_.size()) {
      refuse(instr, "an operand does not come before its user");
    }
  }
  for (const std::int64_t shift : {instr.shift, instr.third_shift}) {
    if (std::abs(shift) <= kLargestShift) continue;
    refuse(instr, fmt::format("a shift by {} is beyond every format", shift));
  }
  const auto operand = [&](std::size_t i) -> const Instr& {
    return this->instr(instr.operands[i]);
  };

  const auto infer = [&]() -> Result {
    switch (instr.op) {
      case Op::input:
        if (instr.immediate < 0 || instr.range.min > instr.range.max) {
          refuse(instr, fmt::format("element {} with the range {} is not possible", instr.immediate,
                                    to_string(instr.range)));
        }
        return {instr.format.frac_bits, instr.range};
      case Op::constant:
        return {instr.format.frac_bits, {instr.immediate, instr.immediate}};
      case Op::add:
      case Op::sub:
      case Op::add_add:
      case Op::add_sub:
      case Op::sub_sub: {
        const std::array operands{&operand(0), &operand(1), &operand(2)};
        return infer_sum(
            instr, std::span(operands).first(static_cast<std::size_t>(operand_count(instr.op))));
      }
      case Op::negate:
        return {operand(0).format.frac_bits, -operand(0).range};
      case Op::scale:
        return {operand(0).format.frac_bits - instr.shift, operand(0).range};
      case Op::multiply:
        return {operand(0).format.frac_bits + operand(1).format.frac_bits,
                operand(0).range * operand(1).range};
      case Op::max:
      case Op::min:
        return infer_extremum(instr, operand(0), operand(1));
      case Op::quantize:
        return {instr.format.frac_bits,
                fixed::quantize(operand(0).range, operand(0).format.frac_bits,
                                {instr.format, instr.rounding, instr.overflow})};
      case Op::lookup:
        return infer_lookup(instr, operand(0), tables_);
    }
    return {};
  };
  if (instr.op == Op::quantize) check_format(instr.format, "quantize");
  const Result result = infer();
  const Format narrow = format_of(result.range, result.frac_bits);
  check_format(narrow, to_string(instr.op));
  // In the narrowest format only sat_sym could mean something else than in the given one. Where
  // that format is narrower, no value reaches the end that the two modes treat differently.
  if (instr.op == Op::quantize && instr.overflow == Overflow::sat_sym &&
      !(narrow == instr.format && narrow.is_signed)) {
    instr.overflow = Overflow::sat;
  }
  instr.format = narrow;
  instr.range = result.range;
  instrs_.push_back(instr);
  return static_cast<ValueId>(instrs_.size() - 1);
}

std::int64_t Function::add_table(Table table) {
  tables_.push_back(std::move(table));
  return static_cast<std::int64_t>(tables_.size() - 1);
}

ValueId Function::input(std::int64_t element, const Format& format, const Interval& range,
                        OriginId origin) {
  const Instr instr{
      .op = Op::input, .immediate = element, .format = format, .range = range, .origin = origin};
  check_format(format, "input");
  if (!range_of(format).contains(range)) {
    refuse(instr, fmt::format("the range {} does not fit {}", to_string(range), to_string(format)));
  }
  return append(instr);
}

ValueId Function::constant(std::int64_t mantissa, int frac_bits, OriginId origin) {
  return append({.op = Op::constant,
                 .immediate = mantissa,
                 .format = {.frac_bits = frac_bits},
                 .origin = origin});
}

ValueId Function::add(ValueId a, ValueId b, int shift, OriginId origin) {
  return append({.op = Op::add, .shift = shift, .operands = {a, b}, .origin = origin});
}

ValueId Function::sub(ValueId a, ValueId b, int shift, OriginId origin) {
  return append({.op = Op::sub, .shift = shift, .operands = {a, b}, .origin = origin});
}

ValueId Function::sum(Op op, const std::array<ValueId, 3>& operands, int shift, int third_shift,
                      OriginId origin) {
  return append({.op = op,
                 .shift = shift,
                 .third_shift = third_shift,
                 .operands = operands,
                 .origin = origin});
}

ValueId Function::negate(ValueId a, OriginId origin) {
  return append({.op = Op::negate, .operands = {a}, .origin = origin});
}

ValueId Function::scale(ValueId a, int shift, OriginId origin) {
  return append({.op = Op::scale, .shift = shift, .operands = {a}, .origin = origin});
}

ValueId Function::multiply(ValueId a, ValueId b, OriginId origin) {
  return append({.op = Op::multiply, .operands = {a, b}, .origin = origin});
}

ValueId Function::max(ValueId a, ValueId b, OriginId origin) {
  return append({.op = Op::max, .operands = {a, b}, .origin = origin});
}

ValueId Function::min(ValueId a, ValueId b, OriginId origin) {
  return append({.op = Op::min, .operands = {a, b}, .origin = origin});
}

ValueId Function::quantize(ValueId a, const fixed::Quantizer& to, OriginId origin) {
  return append({.op = Op::quantize,
                 .rounding = to.rounding,
                 .overflow = to.overflow,
                 .operands = {a},
                 .format = to.format,
                 .origin = origin});
}

ValueId Function::lookup(ValueId a, const Table& table, OriginId origin) {
  const auto known = std::ranges::find(tables_, table);
  const std::int64_t row = known != tables_.end() ? known - tables_.begin() : add_table(table);
  return append({.op = Op::lookup, .operands = {a}, .immediate = row, .origin = origin});
}

}  // namespace sluice::circuit
