#pragma once

#include <cstdint>
#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::compiler {

/// Mantissas of `events` input events for comparing engines, event after event: first the corners
/// of every element's declared range (ends, -1, 0, 1), then uniform draws. The same seed gives the
/// same events.
std::vector<std::int64_t> make_inputs(const circuit::Circuit& circuit, std::int64_t events,
                                      std::uint64_t seed);

/// Instructions that the interpreter runs for one event.
std::int64_t operations_per_event(const circuit::Circuit& circuit);

/// What the interpreter returns for them.
std::vector<std::int64_t> interpret(const circuit::Circuit& circuit,
                                    const std::vector<std::int64_t>& inputs);

}  // namespace sluice::compiler
