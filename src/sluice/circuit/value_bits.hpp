#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

/// What is known of the bits of a value's mantissa, in two's complement: bit i of a mask is bit i
/// of the mantissa, and none from the width on is set.
struct ValueBits {
  std::uint64_t read = 0;   ///< outputs or other values depend on it; 0: it reaches no output
  std::uint64_t zeros = 0;  ///< always 0
  std::uint64_t ones = 0;   ///< always 1

  std::uint64_t constant() const noexcept { return zeros | ones; }
  /// Bits that hardware has to make and keep.
  std::uint64_t varying() const noexcept { return read & ~constant(); }
  int read_width() const noexcept { return std::bit_width(read); }
};

/// Constants and alignment decide what is constant, not ranges; by ValueId, in linear time.
///
/// Replacing bits that are not read changes no output: a sum's bit i depends on bits up to i of
/// its operands alone, and what rounding or wrapping drops on nothing.
std::vector<ValueBits> value_bits(const Function& function);

/// Bits `low` to `end` - 1, as far as they are within 64.
constexpr std::uint64_t bit_range(int low, int end) noexcept {
  const auto below = [](int position) {
    return position >= 64 ? ~std::uint64_t{0}
                          : (std::uint64_t{1} << (position < 0 ? 0 : position)) - 1;
  };
  return end > low ? below(end) & ~below(low) : 0;
}

/// How far to the left of its operand's lowest bit the lowest bit of a sum, max or min is.
int raised_bits(const Instr& instr, const Instr& operand, std::size_t position) noexcept;

/// Low bits of a sum that pass by its carry chain: below the second-lowest operand only the lowest
/// has bits, which stay as they are unless it is subtracted. All, where two operands never meet.
int passed_bits(const Function& function, const Instr& sum);

}  // namespace sluice::circuit
