#pragma once

#include <string>

#include "sluice/circuit/circuit.hpp"
#include "sluice/rtl/core.hpp"

namespace sluice::rtl {

/// The modules of emit_core() for a circuit with processes; circuit and schedule are verified.
std::string emit_joined_core(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                             const CoreOptions& options);

}  // namespace sluice::rtl
