#include "sluice/rtl/plan.hpp"

#include <algorithm>

namespace sluice::rtl {

namespace {

using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::ValueId;

bool only_renames(const Function& function, const Instr& instr) {
  if (instr.op == Op::scale) return true;
  if (instr.op != Op::quantize) return false;
  const Instr& operand = function.instr(instr.operands[0]);
  const bool saturates_symmetrically =
      instr.overflow == fixed::Overflow::sat_sym && instr.format.is_signed;
  fixed::Interval unchanged = fixed::range_of(instr.format);
  if (saturates_symmetrically) unchanged.min = -unchanged.max;
  return operand.format.frac_bits == instr.format.frac_bits && unchanged.contains(operand.range);
}

std::vector<Carrier> find_carriers(const Function& function) {
  std::vector<Carrier> carriers;
  for (const Instr& instr : function.instrs()) {
    const auto self = static_cast<ValueId>(carriers.size());
    if (instr.range.is_constant()) {
      carriers.push_back({instr.range.min, self});
    } else if (only_renames(function, instr)) {
      const Carrier carrier = carriers[index(instr.operands[0])];
      carriers.push_back(carrier);
    } else {
      carriers.push_back({std::nullopt, self});
    }
  }
  return carriers;
}

}  // namespace

Plan make_plan(const Function& function, const circuit::Schedule& schedule,
               const circuit::Multipliers& multipliers, int output_stage) {
  const std::span<const Instr> instrs = function.instrs();
  Plan plan{find_carriers(function), std::vector<int>(instrs.size(), Plan::kDead),
            std::vector<int>(instrs.size(), schedule.latency_cycles)};
  const auto read = [&](ValueId id, int stage) {
    const Carrier& carrier = plan.carriers[index(id)];
    if (carrier.constant) return;
    int& last = plan.last_stage[index(carrier.value)];
    last = std::max(last, stage);
    int& first = plan.first_stage[index(carrier.value)];
    first = std::min(first, stage);
  };
  for (const ValueId output : function.outputs()) read(output, output_stage);
  for (std::size_t id = instrs.size(); id-- > 0;) {
    if (plan.last_stage[id] == Plan::kDead) continue;
    if (const auto& unit = multipliers.behind(id)) {
      read(unit->value, schedule.stages[id]);
      if (unit->varying_factor) read(*unit->varying_factor, schedule.stages[id]);
      if (unit->addend) read(*unit->addend, schedule.stages[id]);
      continue;
    }
    for (int i = 0; i < operand_count(instrs[id].op); ++i) {
      read(instrs[id].operands[static_cast<std::size_t>(i)], schedule.stages[id]);
    }
  }
  return plan;
}

}  // namespace sluice::rtl
