#include "sluice/circuit/multipliers.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace sluice::circuit {

namespace {

constexpr int kWidePort = 27;
constexpr int kNarrowPort = 18;
constexpr int kAdderBits = 47;      // of 48: room for a sign to repeat
constexpr int kLargestInLuts = 10;  // below, a few LUTs do it

int signed_width(const fixed::Format& format) noexcept {
  return format.width + (format.is_signed ? 0 : 1);
}

int signed_width(std::int64_t factor) noexcept {
  return signed_width(fixed::format_of({factor, factor}, 0));
}

bool fits_ports(int a, int b) noexcept {
  const bool fits = (a <= kNarrowPort && b <= kWidePort) || (a <= kWidePort && b <= kNarrowPort);
  return fits && a + b > kLargestInLuts;
}

using Unit = std::optional<MultiplyAdd>;

Unit product_unit(const Function& function, ValueId id) {
  const Instr& instr = function.instr(id);
  if (instr.op != Op::multiply || instr.range.is_constant()) return std::nullopt;
  for (std::size_t k = 0; k < 2; ++k) {
    const Instr& constant = function.instr(instr.operands[k]);
    const ValueId value = instr.operands[1 - k];
    if (!constant.range.is_constant()) continue;
    if (!suits_multiplier(function.instr(value).format, constant.range.min)) continue;
    return MultiplyAdd{id, value, constant.range.min, {}, {}, 0};
  }
  const auto format = [&](std::size_t k) { return function.instr(instr.operands[k]).format; };
  if (!suits_multiplier(format(0), format(1))) return std::nullopt;
  const std::size_t wide = signed_width(format(0)) < signed_width(format(1)) ? 1 : 0;
  return MultiplyAdd{id, instr.operands[wide], 0, instr.operands[1 - wide], {}, 0};
}

// The adder behind the product takes any addend, but only with the product's own lowest bit as that
// of the sum, and cannot subtract from the product.
Unit sum_unit(const Function& function, const Instr& sum, const std::vector<Unit>& products) {
  if (sum.op != Op::add && sum.op != Op::sub) return std::nullopt;
  if (sum.range.is_constant() || sum.format.width > kAdderBits) return std::nullopt;
  const auto raised = [&](std::size_t k) {
    const int frac_bits = function.instr(sum.operands[k]).format.frac_bits;
    return sum.format.frac_bits - frac_bits + (k == 1 ? sum.shift : 0);
  };
  const std::size_t first = sum.op == Op::sub ? 1 : 0;
  for (std::size_t k = 2; k-- > first;) {
    if (function.instr(sum.operands[k]).op != Op::multiply || raised(k) != 0) continue;
    Unit unit = products[index(sum.operands[k])];
    if (!unit) continue;
    if (sum.op == Op::sub) {
      if (unit->varying_factor) continue;
      unit->factor = -unit->factor;
      if (!suits_multiplier(function.instr(unit->value).format, unit->factor)) continue;
    }
    unit->addend = sum.operands[1 - k];
    unit->addend_shift = raised(1 - k);
    return unit;
  }
  return std::nullopt;
}

}  // namespace

bool suits_multiplier(const fixed::Format& value, std::int64_t factor) noexcept {
  return fits_ports(signed_width(value), signed_width(factor)) &&
         std::popcount(static_cast<std::uint64_t>(std::abs(factor))) > 1;
}

bool suits_multiplier(const fixed::Format& a, const fixed::Format& b) noexcept {
  return std::min(a.width, b.width) > 1 && fits_ports(signed_width(a), signed_width(b));
}

Multipliers::Multipliers(const Function& function)
    : units_(function.instrs().size()), inside_(units_.size()) {
  std::vector<bool> read_by_others(units_.size());
  for (const ValueId output : function.outputs()) read_by_others[index(output)] = true;
  for (std::size_t id = 0; id < units_.size(); ++id) {
    const Instr& instr = function.instrs()[id];
    units_[id] = product_unit(function, static_cast<ValueId>(id));
    if (!units_[id]) units_[id] = sum_unit(function, instr, units_);
    for (int k = 0; k < operand_count(instr.op); ++k) {
      const ValueId operand = instr.operands[static_cast<std::size_t>(k)];
      const bool is_made_here = units_[id] && units_[id]->addend && units_[id]->product == operand;
      if (!is_made_here || units_[id]->addend == operand) read_by_others[index(operand)] = true;
    }
  }
  for (std::size_t id = 0; id < units_.size(); ++id) {
    const bool is_product = function.instrs()[id].op == Op::multiply;
    inside_[id] = is_product && units_[id] && !read_by_others[id];
    if (inside_[id]) units_[id].reset();
  }
}

}  // namespace sluice::circuit
