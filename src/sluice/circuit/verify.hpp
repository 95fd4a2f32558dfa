#pragma once

#include <optional>
#include <string>

#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

/// The first broken invariant, in words, or nothing: causal operands; existing tables and origins;
/// distinct origin names; formats and ranges equal to those inferred anew; every input element
/// inside of the input ports, at most once, on the port's grid and within its format; as many
/// outputs as the output ports have elements, each on the port's grid and within its format.
std::optional<std::string> find_violation(const Circuit& circuit);

/// Of a schedule: one stage per instruction from 0 to latency_cycles - 1, inputs and constants at
/// stage 0, operands never later than their users.
std::optional<std::string> find_violation(const Circuit& circuit, const Schedule& schedule);

/// Throws InternalError for a violation.
void verify(const Circuit& circuit);
void verify(const Circuit& circuit, const Schedule& schedule);

}  // namespace sluice::circuit
