#include "sluice/synth/cost.hpp"

#include <algorithm>
#include <array>

#include "sluice/circuit/multipliers.hpp"
#include "sluice/circuit/read_widths.hpp"
#include "sluice/synth/hardware.hpp"
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
  explicit LogicArea(const Function& function)
      : function_(function), multipliers_(function), read_widths_(circuit::read_widths(function)) {}

  Area of(std::size_t id) const {
    const Instr& instr = function_.instrs()[id];
    if (instr.range.is_constant() || read_widths_[id] == 0) return {};
    if (multipliers_.behind(id)) return {.dsps = 1};
    if (multipliers_.is_inside(id)) return {};
    switch (instr.op) {
      case Op::input:
      case Op::constant:
      case Op::scale:
        return {};
      case Op::add:
      case Op::sub:
        return sum(instr, read_widths_[id]);
      case Op::add_add:
      case Op::add_sub:
      case Op::sub_sub:
        return ternary_sum(instr, read_widths_[id]);
      case Op::negate:
        return {.carry_bits = read_widths_[id]};
      case Op::multiply:
        return product(instr);
      case Op::max:
      case Op::min:
        return extremum(instr);
      case Op::quantize:
        return quantize(instr, read_widths_[id]);
      case Op::lookup:
        return lookup(instr);
    }
    return {};
  }

 private:
  const Instr& operand(const Instr& instr, std::size_t k) const {
    return function_.instr(instr.operands[k]);
  }

  Area sum(const Instr& instr, int read_width) const {
    const SumShape shape = sum_shape(function_, instr);
    const int passed = shape.width - shape.added_bits;
    if (shape.added_bits == 0) return {};
    // Positions at which an operand has bits; a signed one repeats its highest, and two repeated
    // bits meet in one LUT for all positions.
    std::array<int, 2> low{};
    std::array<int, 2> top{};
    bool extends = false;
    for (std::size_t k = 0; k < 2; ++k) {
      const Instr& x = operand(instr, k);
      low[k] = raised_bits(instr, x, k);
      top[k] = x.range.is_constant() ? low[k] : low[k] + x.format.width;
    }
    const bool first_extends = operand(instr, 0).format.is_signed && top[0] > low[0];
    const bool second_extends = operand(instr, 1).format.is_signed && top[1] > low[1];
    int end = std::min(top[0], top[1]);
    extends = first_extends && second_extends;
    if (extends) {
      end = std::max(top[0], top[1]);
    } else if (first_extends) {
      end = top[1];
    } else if (second_extends) {
      end = top[0];
    }
    const int begin = std::max({passed, low[0], low[1]});
    return {.luts = std::max(0, std::min(end, read_width) - begin),
            .carry_bits = std::max(0, read_width - passed)};
  }

  /// A LUT for every bit of the chain.
  Area ternary_sum(const Instr& instr, int read_width) const {
    const SumShape shape = sum_shape(function_, instr);
    const std::int64_t bits = std::max(0, read_width - (shape.width - shape.added_bits));
    return {.luts = bits, .carry_bits = bits};
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

  Area extremum(const Instr& instr) const {
    const std::int64_t width = instr.format.width;
    const auto is_constant = [&](std::size_t k) { return operand(instr, k).range.is_constant(); };
    // Against a constant the choice is an AND or OR per bit, half of which merge into what follows.
    if (is_constant(0) || is_constant(1)) {
      const fixed::Interval& bound = operand(instr, is_constant(0) ? 0 : 1).range;
      const bool by_sign = bound == fixed::Interval{};
      return {.luts = ceil_divide(width, 2) + (by_sign ? 0 : tree_luts(width))};
    }
    return {.luts = width + ceil_divide(3 * width, 4), .carry_bits = ceil_divide(width, 4)};
  }

  Area quantize(const Instr& instr, int read_width) const {
    const QuantizeShape shape = quantize_shape(function_, instr);
    Area area;
    if (shape.increments) {
      area.carry_bits += std::min(shape.rounded_width, read_width);
      area.luts += kIncrementerLuts;
    }
    area.luts += tree_luts(shape.deciding_bits);
    if (!shape.checks_above && !shape.checks_below) return area;
    area.luts += read_width;
    // As long as one LUT holds a bit and all that decide about it, nothing comes before it. The
    // sign, which alone tells what lies below an unsigned format, always fits.
    if (shape.excess_bits < kLutInputs) return area;
    if (shape.checks_above) area.luts += tree_luts(shape.excess_bits - 1);
    if (shape.checks_below && instr.format.is_signed) area.luts += tree_luts(shape.excess_bits - 1);
    return area;
  }

  Area lookup(const Instr& instr) const {
    const int beyond_one_lut = std::max(0, operand(instr, 0).format.width - kLutInputs);
    return {.luts = std::int64_t{instr.format.width} << std::min(beyond_one_lut, 40)};
  }

  // The bit that is added meets the lowest bit of the value.
  static constexpr std::int64_t kIncrementerLuts = 1;

  const Function& function_;
  circuit::Multipliers multipliers_;
  std::vector<int> read_widths_;
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

std::vector<Area> logic_area(const Function& function) {
  const LogicArea logic(function);
  std::vector<Area> areas;
  for (std::size_t id = 0; id < function.instrs().size(); ++id) areas.push_back(logic.of(id));
  return areas;
}

}  // namespace sluice::synth
