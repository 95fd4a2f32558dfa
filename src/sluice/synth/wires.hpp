#pragma once

#include <cstdint>
#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::synth {

/// Register bits per value, as a synthesiser leaves them: a bit that a value only passes on, such
/// as the low bits of a sum that pass by its carry chain, is kept once, for the value that made it,
/// until the last stage that reads it. That behind the last stage is included; the register in a
/// multiplier is no flip-flop.
std::vector<std::int64_t> register_bits(const circuit::Circuit& circuit,
                                        const circuit::Schedule& schedule);

/// Per value, the first stage in which a bit that it made is read, through values that only pass it
/// on; `latency_cycles` for outputs and for what nobody reads.
std::vector<std::int32_t> first_read_stages(const circuit::Function& function,
                                            const circuit::Schedule& schedule);

}  // namespace sluice::synth
