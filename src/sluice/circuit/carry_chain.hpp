#pragma once

#include <cstdint>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/circuit/value_bits.hpp"

namespace sluice::circuit {

/// The carry chain of a sum of two or three, and the LUTs that it takes: one for each position at
/// which bits of operands meet.
struct CarryChain {
  int passed_bits = 0;             ///< of the sum, below the chain
  std::size_t lowest_operand = 0;  ///< whose bits pass
  int width = 0;                   ///< of the chain; what is above is not read
  std::uint64_t wired = 0;         ///< positions at which at most one operand's bit varies
  int distinct_bits = 0;           ///< later positions only repeat the last of these
  int luts = 0;
};

CarryChain carry_chain(const Function& function, const std::vector<ValueBits>& bits, ValueId sum);

}  // namespace sluice::circuit
