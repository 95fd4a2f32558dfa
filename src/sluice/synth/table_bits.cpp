#include "sluice/synth/table_bits.hpp"

#include <algorithm>
#include <functional>

namespace sluice::synth {

std::vector<TableBit> table_bits(const circuit::Function& function, const circuit::Instr& lookup) {
  const circuit::Table& table = function.tables().at(static_cast<std::size_t>(lookup.immediate));
  std::vector<TableBit> bits(static_cast<std::size_t>(lookup.format.width));
  for (std::size_t k = 0; k < bits.size(); ++k) {
    for (const std::int64_t mantissa : table.mantissas) {
      bits[k].push_back((mantissa >> k & 1) != 0);
    }
  }
  return bits;
}

int repeated_bit(const circuit::Instr& argument, const TableBit& bit) {
  for (int k = 0; k < argument.format.width; ++k) {
    const auto repeats = [&, mantissa = argument.range.min](bool value) mutable {
      return (mantissa++ >> k & 1) == (value ? 1 : 0);
    };
    if (std::ranges::all_of(bit, repeats)) return k;
  }
  return -1;
}

bool is_constant(const TableBit& bit) {
  return std::ranges::adjacent_find(bit, std::not_equal_to()) == bit.end();
}

}  // namespace sluice::synth
