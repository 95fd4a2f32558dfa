#pragma once

#include <optional>
#include <string>

#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

/// What verify.hpp says of processes: of their loops and sources. Their functions are circuits of
/// their own, see part().
std::optional<std::string> find_source_violation(const Circuit& circuit);
std::optional<std::string> find_timing_violation(const Circuit& circuit, const Schedule& schedule);

}  // namespace sluice::circuit
