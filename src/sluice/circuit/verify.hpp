#pragma once

#include <optional>
#include <string>

#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

/// The first broken invariant, in words, or nothing: causal operands; existing tables and origins;
/// distinct origin names; formats and ranges equal to those inferred anew; every input element
/// inside of the input ports, at most once, on the port's grid and within its format; as many
/// outputs as the output ports have elements, each on the port's grid and within its format.
///
/// With processes, each is such a circuit, see part(), and every input element's range holds what
/// its source can give: bounded loops; ports read by the first process alone, in order; taps of
/// earlier processes.
std::optional<std::string> find_violation(const Circuit& circuit);

/// Of a schedule: one stage per instruction from 0 to latency_cycles - 1, inputs and constants at
/// stage 0, operands never later than their users. Of processes: ticks of a loop in the order of
/// its indices; every tap a constant number of cycles behind what it reads, never before it, and
/// not after the next output has taken its place; a state ready for the next tick; and all ticks of
/// an event within the initiation interval.
std::optional<std::string> find_violation(const Circuit& circuit, const Schedule& schedule);

/// Throws InternalError for a violation.
void verify(const Circuit& circuit);
void verify(const Circuit& circuit, const Schedule& schedule);

}  // namespace sluice::circuit
