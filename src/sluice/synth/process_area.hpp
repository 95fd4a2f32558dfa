#pragma once

#include <cstdint>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/synth/cost.hpp"

namespace sluice::synth {

/// What lies between the functions of a circuit: the event's elements that wait for their tick,
/// counters, and the delays of taps.
struct ProcessArea {
  std::size_t origin = 0;  ///< that of the process which it is for; of delays, the one that reads
                           ///< them last
  std::int32_t cycle = 0;  ///< of that process's first tick
  Area area;
};

std::vector<ProcessArea> process_areas(const circuit::Circuit& circuit,
                                       const circuit::Schedule& schedule);

}  // namespace sluice::synth
