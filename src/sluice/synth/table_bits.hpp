#pragma once

#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::synth {

/// One bit of a table as a function of its argument: its value per entry.
using TableBit = std::vector<bool>;

/// Per bit of a lookup's result.
std::vector<TableBit> table_bits(const circuit::Function& function, const circuit::Instr& lookup);

/// The bit of the argument that a table's bit repeats, a wire; -1: none.
int repeated_bit(const circuit::Instr& argument, const TableBit& bit);

bool is_constant(const TableBit& bit);

}  // namespace sluice::synth
