#include "sluice/synth/wires.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

#include "sluice/circuit/multipliers.hpp"
#include "sluice/circuit/value_bits.hpp"
#include "sluice/synth/hardware.hpp"
#include "sluice/synth/table_bits.hpp"

namespace sluice::synth {

namespace {

using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::ValueId;

/// The wires of a circuit: which value made each bit of a value, and how long it is read.
class Wires {
 public:
  Wires(const Function& function, const circuit::Schedule& schedule)
      : function_(function),
        schedule_(schedule),
        multipliers_(function),
        value_bits_(circuit::value_bits(function)),
        bits_(function.instrs().size()) {
    for (std::size_t id = 0; id < bits_.size(); ++id) name_bits(id);
    for (std::size_t id = 0; id < bits_.size(); ++id) read_operands(id);
    for (const ValueId output : function.outputs()) {
      read(output, 0, 64, schedule.latency_cycles);
    }
  }

  std::vector<std::int32_t> first_read_stages() const {
    std::vector<std::int32_t> stages(bits_.size(), schedule_.latency_cycles);
    for (const Wire& wire : wires_) {
      stages[wire.maker] = std::min(stages[wire.maker], wire.first_read);
    }
    return stages;
  }

  std::vector<std::int64_t> register_bits() const {
    std::vector<std::int64_t> registers(bits_.size());
    for (const Wire& wire : wires_) {
      const std::int32_t made = schedule_.stages[wire.maker];
      std::int32_t boundaries = wire.last_read - made;
      if (multipliers_.behind(wire.maker) && wire.first_read > made) --boundaries;
      registers[wire.maker] += std::max(0, boundaries);
    }
    return registers;
  }

 private:
  struct Wire {
    std::size_t maker;
    std::int32_t first_read;
    std::int32_t last_read;
  };
  static constexpr std::int32_t kConstant = -1;

  const Instr& instr(std::size_t id) const { return function_.instrs()[id]; }
  std::size_t operand(std::size_t id, std::size_t k) const { return index(instr(id).operands[k]); }

  /// Bit `position` of a value, beyond its ends as its format says.
  std::int32_t bit(std::size_t id, int position) const {
    const std::vector<std::int32_t>& bits = bits_[id];
    if (position < 0 || bits.empty()) return kConstant;
    if (position < static_cast<int>(bits.size())) return bits[static_cast<std::size_t>(position)];
    return instr(id).format.is_signed ? bits.back() : kConstant;
  }

  std::int32_t new_wire(std::size_t maker) {
    wires_.push_back({maker, schedule_.latency_cycles, schedule_.stages[maker]});
    return static_cast<std::int32_t>(wires_.size() - 1);
  }

  /// The only operand that has a bit at `position` of the sum.
  std::int32_t passed_wire(std::size_t id, int position) const {
    for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(instr(id).op)); ++k) {
      const std::size_t x = operand(id, k);
      const std::int32_t wire = bit(x, position - raised_bits(instr(id), instr(x), k));
      if (wire != kConstant) return wire;
    }
    return kConstant;
  }

  bool only_selects(const Instr& quantize) const {
    const QuantizeShape shape = quantize_shape(function_, quantize);
    return !shape.rounds_up && !shape.checks_above && !shape.checks_below;
  }

  void name_bits(std::size_t id) {
    const Instr& made = instr(id);
    std::vector<std::int32_t>& bits = bits_[id];
    if (made.range.is_constant()) return;
    const int width = made.format.width;
    if (made.op == Op::scale) {
      bits = bits_[operand(id, 0)];
      return;
    }
    if (made.op == Op::quantize && only_selects(made)) {
      const std::size_t x = operand(id, 0);
      const int dropped = instr(x).format.frac_bits - made.format.frac_bits;
      for (int k = 0; k < width; ++k) bits.push_back(bit(x, k + dropped));
      return;
    }
    if (made.op == Op::lookup) {
      name_table_bits(id);
      return;
    }
    const int passed =
        is_sum(made.op) && !multipliers_.behind(id) ? passed_bits(function_, made) : 0;
    for (int k = 0; k < passed; ++k) bits.push_back(passed_wire(id, k));
    for (int k = passed; k < width; ++k) {
      const bool is_constant = ((value_bits_[id].constant() >> k) & 1) != 0;
      bits.push_back(is_constant ? kConstant : new_wire(id));
    }
  }

  /// Tables of one argument in one stage make equal bits once.
  void name_table_bits(std::size_t id) {
    for (TableBit& bit : table_bits(function_, instr(id))) {
      const int repeated = repeated_bit(instr(operand(id, 0)), bit);
      if (is_constant(bit)) {
        bits_[id].push_back(kConstant);
      } else if (repeated >= 0) {
        bits_[id].push_back(this->bit(operand(id, 0), repeated));
      } else {
        const auto [known, is_new] = table_bits_.emplace(
            std::tuple(operand(id, 0), schedule_.stages[id], std::move(bit)), kConstant);
        if (is_new) known->second = new_wire(id);
        bits_[id].push_back(known->second);
      }
    }
  }

  void read(ValueId id, int low, int end, std::int32_t stage) {
    for (int k = low; k < std::min(end, static_cast<int>(bits_[index(id)].size())); ++k) {
      const std::int32_t wire = bit(index(id), k);
      if (wire == kConstant) continue;
      Wire& found = wires_[static_cast<std::size_t>(wire)];
      found.first_read = std::min(found.first_read, stage);
      found.last_read = std::max(found.last_read, stage);
    }
  }

  void read_operands(std::size_t id) {
    const Instr& made = instr(id);
    const int width = value_bits_[id].read_width();
    const std::int32_t stage = schedule_.stages[id];
    if (made.range.is_constant() || width == 0 || multipliers_.is_inside(id)) return;
    if (const auto& unit = multipliers_.behind(id)) {
      read(unit->value, 0, 64, stage);
      if (unit->varying_factor) read(*unit->varying_factor, 0, 64, stage);
      if (unit->addend) read(*unit->addend, 0, 64, stage);
      return;
    }
    if (made.op == Op::scale || (made.op == Op::quantize && only_selects(made))) return;
    if (is_sum(made.op)) {
      const int passed = passed_bits(function_, made);
      for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(made.op)); ++k) {
        const int raised = raised_bits(made, instr(operand(id, k)), k);
        read_with_sign(operand(id, k), passed - raised, width - raised, stage);
      }
      return;
    }
    for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(made.op)); ++k) {
      int low = 0;
      int end = 64;
      if (made.op == Op::negate) end = width;
      if (chooses_by_sign(made, k)) {
        low = std::countr_zero(value_bits_[id].read) - raised_bits(made, instr(operand(id, k)), k);
      }
      if (made.op == Op::quantize) low = lowest_bit_read(made, instr(operand(id, k)));
      if (made.op == Op::quantize && made.overflow == fixed::Overflow::wrap) {
        end = width + instr(operand(id, k)).format.frac_bits - made.format.frac_bits;
      }
      read_with_sign(operand(id, k), low, end, stage);
    }
  }

  /// Whether a max or min of operand `k` and zero only looks at its sign and at what it chooses.
  bool chooses_by_sign(const Instr& made, std::size_t k) const {
    if (made.op != Op::max && made.op != Op::min) return false;
    return function_.instr(made.operands[1 - k]).range == fixed::Interval{};
  }

  /// Truncation looks at no bit that it drops, rounding half up at the highest of them.
  static int lowest_bit_read(const Instr& quantize, const Instr& x) {
    const int dropped = x.format.frac_bits - quantize.format.frac_bits;
    if (quantize.rounding == fixed::Rounding::trn) return std::max(0, dropped);
    return quantize.rounding == fixed::Rounding::rnd ? std::max(0, dropped - 1) : 0;
  }

  /// Bits `low` to `end` - 1 where the highest stands for all above it.
  void read_with_sign(std::size_t id, int low, int end, std::int32_t stage) {
    const int top = static_cast<int>(bits_[id].size()) - 1;
    if (end <= low) return;
    read(static_cast<ValueId>(id), std::clamp(low, 0, std::max(top, 0)), end, stage);
  }

  const Function& function_;
  const circuit::Schedule& schedule_;
  circuit::Multipliers multipliers_;
  std::vector<circuit::ValueBits> value_bits_;
  std::vector<std::vector<std::int32_t>> bits_;  // by value, indices into wires_
  std::vector<Wire> wires_;
  std::map<std::tuple<std::size_t, std::int32_t, TableBit>, std::int32_t> table_bits_;
};

}  // namespace

std::vector<std::int64_t> register_bits(const circuit::Circuit& circuit,
                                        const circuit::Schedule& schedule) {
  return Wires(circuit.function, schedule).register_bits();
}

std::vector<std::int32_t> first_read_stages(const Function& function,
                                            const circuit::Schedule& schedule) {
  return Wires(function, schedule).first_read_stages();
}

}  // namespace sluice::synth
