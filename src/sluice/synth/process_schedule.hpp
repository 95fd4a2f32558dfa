#pragma once

#include "sluice/synth/schedule.hpp"

namespace sluice::synth {

/// schedule() of a circuit with processes.
circuit::Schedule schedule_processes(const circuit::Circuit& circuit, const DelayModel& model,
                                     double clock_mhz, PipelineGoal goal);

}  // namespace sluice::synth
