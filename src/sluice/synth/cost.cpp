#include "sluice/synth/cost.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include "sluice/circuit/carry_chain.hpp"
#include "sluice/circuit/multipliers.hpp"
#include "sluice/synth/hardware.hpp"
#include "sluice/synth/table_bits.hpp"
#include "sluice/synth/wires.hpp"

namespace sluice::synth {

namespace {

using circuit::Function;
using circuit::Instr;
using circuit::Op;

constexpr int kLutInputs = 6;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// LUTs of an AND or OR over `bits` bits.
std::int64_t tree_luts(std::int64_t bits) {
  return bits <= 1 ? 0 : ceil_divide(bits - 1, kLutInputs - 1);
}

class LogicArea {
 public:
  explicit LogicArea(const Function& function, std::vector<bool> is_registered)
      : function_(function),
        multipliers_(function),
        bits_(circuit::value_bits(function)),
        is_registered_(std::move(is_registered)) {}

  /// Of one value after the other.
  Area of(std::size_t id) {
    const Instr& instr = function_.instrs()[id];
    if (instr.range.is_constant() || bits_[id].read == 0) return {};
    if (multipliers_.behind(id)) return {.dsps = 1};
    if (multipliers_.is_inside(id)) return {};
    switch (instr.op) {
      case Op::input:
      case Op::constant:
      case Op::scale:
        return {};
      case Op::add:
      case Op::sub:
      case Op::add_add:
      case Op::add_sub:
      case Op::sub_sub:
        return sum(static_cast<circuit::ValueId>(id));
      case Op::negate:
        return {.carry_bits = bits_[id].read_width()};
      case Op::multiply:
        return product(instr);
      case Op::max:
      case Op::min:
        return extremum(instr, id);
      case Op::quantize:
        return quantize(instr, id);
      case Op::lookup:
        return lookup(instr);
    }
    return {};
  }

 private:
  const Instr& operand(const Instr& instr, std::size_t k) const {
    return function_.instr(instr.operands[k]);
  }

  Area sum(circuit::ValueId id) const {
    const circuit::CarryChain chain = circuit::carry_chain(function_, bits_, id);
    return {.luts = chain.luts, .carry_bits = chain.width};
  }

  Area product(const Instr& instr) const {
    const std::int64_t a = operand(instr, 0).format.width;
    const std::int64_t b = operand(instr, 1).format.width;
    constexpr std::int64_t kLargestInLuts = 10;  // below, Yosys prefers logic to a DSP48E2
    if (std::min(a, b) < 2 || a + b <= kLargestInLuts) {
      return {.luts = a * b, .carry_bits = (a + b) * (std::min(a, b) - 1)};
    }
    constexpr std::int64_t kPortA = 26;
    constexpr std::int64_t kPortB = 17;
    return {.dsps = ceil_divide(std::max(a, b), kPortA) * ceil_divide(std::min(a, b), kPortB)};
  }

  Area extremum(const Instr& instr, std::size_t id) const {
    const std::int64_t width = instr.format.width;
    const std::int64_t chosen = std::popcount(bits_[id].varying());
    const auto is_constant = [&](std::size_t k) { return operand(instr, k).range.is_constant(); };
    if (is_constant(0) || is_constant(1)) {
      const fixed::Interval& bound = operand(instr, is_constant(0) ? 0 : 1).range;
      const bool by_sign = bound == fixed::Interval{};
      if (by_sign) return {.luts = is_registered_[id] ? 0 : chosen};
      // The choice is an AND or OR per bit, half of which merge into what follows.
      return {.luts = ceil_divide(chosen, 2) + tree_luts(width)};
    }
    return {.luts = chosen + ceil_divide(3 * width, 4), .carry_bits = ceil_divide(width, 4)};
  }

  Area quantize(const Instr& instr, std::size_t id) const {
    const QuantizeShape shape = quantize_shape(function_, instr);
    Area area;
    if (shape.increments) {
      area.carry_bits += std::min(shape.rounded_width, bits_[id].read_width());
      area.luts += kIncrementerLuts;
    }
    area.luts += tree_luts(shape.deciding_bits);
    area.luts += saturation_luts(shape, instr.format.is_signed, id);
    return area;
  }

  /// A LUT holds a bit of the result and all that decide about it, if there are few: of what lies
  /// below an unsigned format the sign alone decides. A registered value that becomes 0 below, or
  /// all ones above, leaves that to the registers' reset or set.
  std::int64_t saturation_luts(const QuantizeShape& shape, bool is_signed, std::size_t id) const {
    if (!shape.checks_above && !shape.checks_below) return 0;
    const bool one_end = shape.checks_above != shape.checks_below;
    if (!is_signed && one_end && is_registered_[id]) return tree_luts(shape.excess_bits);
    const std::int64_t bits = std::popcount(bits_[id].varying());
    if (shape.excess_bits < kLutInputs) return bits;
    const int trees = (shape.checks_above ? 1 : 0) + (shape.checks_below && is_signed ? 1 : 0);
    return bits + trees * tree_luts(shape.excess_bits - 1);
  }

  /// A bit that is equal to one of another table, of the same argument, is the same LUTs.
  Area lookup(const Instr& instr) {
    const Instr& argument = operand(instr, 0);
    const int beyond_one_lut = std::max(0, argument.format.width - kLutInputs);
    std::int64_t bits = 0;
    for (TableBit& bit : table_bits(function_, instr)) {
      if (is_constant(bit) || repeated_bit(argument, bit) >= 0) continue;
      bits += made_table_bits_.emplace(instr.operands[0], std::move(bit)).second ? 1 : 0;
    }
    return {.luts = bits << std::min(beyond_one_lut, 40)};
  }

  // The bit that is added meets the lowest bit of the value.
  static constexpr std::int64_t kIncrementerLuts = 1;

  const Function& function_;
  circuit::Multipliers multipliers_;
  std::vector<circuit::ValueBits> bits_;
  std::vector<bool> is_registered_;  // nobody reads the value in the stage that makes it
  std::set<std::pair<circuit::ValueId, TableBit>> made_table_bits_;
};

}  // namespace

Area& Area::operator+=(const Area& other) noexcept {
  luts += other.luts;
  flip_flops += other.flip_flops;
  carry_bits += other.carry_bits;
  dsps += other.dsps;
  block_rams += other.block_rams;
  return *this;
}

namespace {

std::vector<Area> areas(const Function& function, std::vector<bool> is_registered) {
  LogicArea logic(function, std::move(is_registered));
  std::vector<Area> areas;
  for (std::size_t id = 0; id < function.instrs().size(); ++id) areas.push_back(logic.of(id));
  return areas;
}

}  // namespace

std::vector<Area> logic_area(const Function& function) {
  return areas(function, std::vector<bool>(function.instrs().size()));
}

std::vector<Area> logic_area(const Function& function, const circuit::Schedule& schedule) {
  std::vector<bool> is_registered;
  const std::vector<std::int32_t> first_reads = first_read_stages(function, schedule);
  for (std::size_t id = 0; id < first_reads.size(); ++id) {
    is_registered.push_back(first_reads[id] > schedule.stages[id]);
  }
  return areas(function, std::move(is_registered));
}

}  // namespace sluice::synth
