#pragma once

#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

/// Per value, how many of its low bits outputs and other values depend on: 0 for a value that
/// reaches no output.
std::vector<int> read_widths(const Function& function);

}  // namespace sluice::circuit
