#include "sluice/circuit/carry_chain.hpp"

#include <algorithm>
#include <array>

namespace sluice::circuit {

namespace {

/// An operand's bit at a position of the chain.
struct Bit {
  int source = -1;      ///< bit of the operand; -1: constant
  bool is_one = false;  ///< of a constant
  friend bool operator==(const Bit&, const Bit&) = default;
};
/// Of an operand that the sum does not have: constant 0.
using Position = std::array<Bit, 3>;

Bit bit_at(const Instr& operand, const ValueBits& bits, int position) {
  if (operand.range.is_constant()) {
    return {-1, position >= 0 && ((operand.range.min >> std::min(position, 63)) & 1) != 0};
  }
  if (position < 0) return {};
  const int width = operand.format.width;
  if (position >= width && !operand.format.is_signed) return {};
  const int source = std::min(position, width - 1);
  const std::uint64_t mask = bit_range(source, source + 1);
  if ((bits.constant() & mask) != 0) return {-1, (bits.ones & mask) != 0};
  return {source, false};
}

int varying(const Position& position) {
  return static_cast<int>(
      std::ranges::count_if(position, [](const Bit& bit) { return bit.source >= 0; }));
}

/// Whether the carry that a position saves for the next one varies.
bool saves_varying(const Instr& sum, const Position& position) {
  if (varying(position) != 1) return varying(position) > 1;
  int ones = 0;
  for (std::size_t k = 0; k < position.size(); ++k) {
    ones += position[k].source < 0 && position[k].is_one != is_subtracted(sum.op, k) ? 1 : 0;
  }
  return ones == 1;
}

std::vector<Position> positions_of(const Function& function, const std::vector<ValueBits>& bits,
                                   const Instr& sum, const CarryChain& chain) {
  std::vector<Position> positions(static_cast<std::size_t>(chain.width));
  for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(sum.op)); ++k) {
    const Instr& operand = function.instr(sum.operands[k]);
    const int first = chain.passed_bits - raised_bits(sum, operand, k);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      positions[i][k] = bit_at(operand, bits[index(sum.operands[k])], first + static_cast<int>(i));
    }
  }
  return positions;
}

/// Of three operands, the first of equal positions also adds what the one below it has saved.
int distinct_bits(const std::vector<Position>& positions, bool is_ternary) {
  std::size_t count = positions.size();
  const std::size_t least = is_ternary ? 2 : 1;
  while (count > least && positions[count - 1] == positions[count - 2] &&
         (!is_ternary || positions[count - 1] == positions[count - 3])) {
    --count;
  }
  return static_cast<int>(count);
}

}  // namespace

CarryChain carry_chain(const Function& function, const std::vector<ValueBits>& bits, ValueId sum) {
  const Instr& made = function.instr(sum);
  const bool is_ternary = operand_count(made.op) == 3;
  CarryChain chain;
  const int width = std::min(made.format.width, bits[index(sum)].read_width());
  chain.passed_bits = std::min(passed_bits(function, made), width);
  const auto raised = [&](std::size_t k) {
    return raised_bits(made, function.instr(made.operands[k]), k);
  };
  while (raised(chain.lowest_operand) > 0) ++chain.lowest_operand;
  chain.width = width - chain.passed_bits;
  const std::vector<Position> positions = positions_of(function, bits, made, chain);
  chain.distinct_bits = distinct_bits(positions, is_ternary);
  bool saved_varies = false;
  for (int i = 0; i < chain.distinct_bits; ++i) {
    const Position& position = positions[static_cast<std::size_t>(i)];
    if (varying(position) <= 1) chain.wired |= bit_range(i, i + 1);
    chain.luts += varying(position) + (saved_varies ? 1 : 0) > 1 ? 1 : 0;
    saved_varies = is_ternary && saves_varying(made, position);
  }
  return chain;
}

}  // namespace sluice::circuit
