#pragma once

#include <cstdint>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/synth/delay.hpp"

namespace sluice::synth {

/// What is made of the time that a clock period leaves.
enum class PipelineGoal {
  speed,      ///< the slowest stage as fast as the number of stages permits, then few registers
  registers,  ///< the fewest registers with which every stage fits the period
};

/// Pipelines a circuit for a clock: as few stages as the delay model allows and, within the goal,
/// every value computed in the stage that makes for the fewest register bits in all, exactly.
/// Processes run as closely as their loops, taps and states permit; then the initiation interval is
/// that of the busiest, else 1. Deterministic.
///
/// Throws UsageError E-SYNTH-001 for a clock that is not positive, ModelError E-SYNTH-002 when one
/// operation, or a tick of a process with a state, takes longer than a clock period; its hint is
/// the clock that would work.
circuit::Schedule schedule(const circuit::Circuit& circuit, const DelayModel& model,
                           double clock_mhz, PipelineGoal goal = PipelineGoal::speed);

/// How long after the clock edge that starts its stage each value can be registered again. Values
/// that are only wires of others are ready at once.
std::vector<double> ready_ns(const circuit::Function& function, const circuit::Schedule& schedule,
                             const DelayModel& model);

/// Delay of the slowest stage, its registers included.
double critical_path_ns(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                        const DelayModel& model);

}  // namespace sluice::synth
