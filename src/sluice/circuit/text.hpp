#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

/// Deterministic text, one instruction per line:
///
///     %12 = add %3, %7 << 2 : s18.10 [-1000, 1200] @"dense_1"
///
/// With a schedule, `latency N` follows the circuit's name and every instruction ends in its
/// stage, `stage 3`. A process is a line `process extents [6, 6]`, a line per source and its
/// function, before those of the circuit's function.
std::string print(const Circuit& circuit, const Schedule* schedule = nullptr);

struct Parsed {
  Circuit circuit;
  std::optional<Schedule> schedule;
};

/// Inverse of print. Throws ModelError with the line for malformed text, for a format or range
/// other than the inferred one, and for a circuit or schedule that breaks an invariant. Safe for
/// untrusted input.
Parsed parse(std::string_view text, std::string_view origin = "circuit");

}  // namespace sluice::circuit
