#include "sluice/circuit/read_widths.hpp"

#include <algorithm>

namespace sluice::circuit {

namespace {

bool reads_sign(fixed::Rounding rounding) {
  return rounding == fixed::Rounding::trn_zero || rounding == fixed::Rounding::rnd_zero ||
         rounding == fixed::Rounding::rnd_inf;
}

}  // namespace

std::vector<int> read_widths(const Function& function) {
  const std::span<const Instr> instrs = function.instrs();
  std::vector<int> widths(instrs.size(), 0);
  const auto read = [&](ValueId id, int bits) {
    widths[index(id)] =
        std::max(widths[index(id)], std::clamp(bits, 0, function.instr(id).format.width));
  };
  for (const ValueId output : function.outputs()) read(output, 64);
  for (std::size_t id = instrs.size(); id-- > 0;) {
    const Instr& instr = instrs[id];
    for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(instr.op)); ++k) {
      const Instr& operand = function.instr(instr.operands[k]);
      int bits = 64;
      if (is_sum(instr.op)) {
        bits = widths[id] -
               (instr.format.frac_bits - operand.format.frac_bits + operand_shift(instr, k));
      } else if (instr.op == Op::negate || instr.op == Op::scale) {
        bits = widths[id];
      } else if (instr.op == Op::quantize && instr.overflow == fixed::Overflow::wrap &&
                 !reads_sign(instr.rounding)) {
        bits = widths[id] + operand.format.frac_bits - instr.format.frac_bits;
      }
      read(instr.operands[k], bits);
    }
  }
  return widths;
}

}  // namespace sluice::circuit
