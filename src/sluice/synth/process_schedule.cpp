#include "sluice/synth/process_schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/circuit/verify.hpp"

namespace sluice::synth {

namespace {

using circuit::Circuit;
using circuit::Process;
using circuit::ProcessSchedule;
using circuit::Schedule;
using circuit::Source;

/// A level runs every `factor` times the interval of the level that it follows through taps; one
/// that follows none is the root of its own.
struct Pace {
  std::size_t root = 0;
  std::int64_t factor = 1;
};

class ProcessScheduler {
 public:
  ProcessScheduler(const Circuit& circuit, const DelayModel& model, double clock_mhz,
                   PipelineGoal goal)
      : circuit_(circuit), schedule_{.processes = std::vector<ProcessSchedule>(last())} {
    for (std::size_t p = 0; p <= last(); ++p) pipeline(p, model, clock_mhz, goal);
  }

  Schedule run() && {
    find_paces();
    while (widen_intervals()) {
    }
    for (std::size_t p = 0; p < last(); ++p) {
      ProcessSchedule& timing = schedule_.processes[p];
      // Loops run from registers behind the event's entry.
      const int earliest = circuit_.processes[p].extents.empty() ? 0 : 1;
      timing.start_cycle = start_of(circuit_.processes[p].sources, earliest);
    }
    schedule_.start_cycle = start_of(circuit_.sources, 0);
    schedule_.latency_cycles += schedule_.start_cycle;
    find_interval();
    circuit::verify(circuit_, schedule_);
    return std::move(schedule_);
  }

 private:
  std::size_t last() const { return circuit_.processes.size(); }

  void pipeline(std::size_t p, const DelayModel& model, double clock_mhz, PipelineGoal goal) {
    const Circuit one = part(circuit_, p);
    Schedule made = schedule(one, model, clock_mhz, goal);
    if (p == last()) {
      schedule_.latency_cycles = made.latency_cycles;
      schedule_.stages = std::move(made.stages);
      return;
    }
    const bool has_state = std::ranges::any_of(
        circuit_.processes[p].sources,
        [](const Source& source) { return source.kind == Source::Kind::state; });
    if (has_state && made.latency_cycles != 1) {
      const Schedule whole{1, std::vector<std::int32_t>(one.function.instrs().size())};
      const double period_ns = critical_path_ns(one, whole, model);
      throw ModelError("E-SYNTH-002", one.function.name(),
                       fmt::format("a sum of positions takes {:.2f} ns, longer than the period of "
                                   "{:g} MHz",
                                   period_ns, clock_mhz),
                       fmt::format("a clock of at most {:g} MHz", std::floor(1000.0 / period_ns)));
    }
    schedule_.processes[p].latency_cycles = made.latency_cycles;
    schedule_.processes[p].stages = std::move(made.stages);
  }

  /// Whether a level of a process runs in step with the same level of one that it taps.
  static bool follows(const Process& process, const Source& source, std::size_t l) {
    if (source.kind != Source::Kind::tap) return false;
    return l < source.strides.size() && source.strides[l] > 0 && process.extents[l] > 1;
  }

  void find_paces() {
    paces_.resize(last());
    for (std::size_t p = 0; p < last(); ++p) {
      const Process& process = circuit_.processes[p];
      for (std::size_t l = 0; l < process.extents.size(); ++l) {
        const auto source = std::ranges::find_if(
            process.sources, [&](const Source& s) { return follows(process, s, l); });
        if (source == process.sources.end()) {
          paces_[p].push_back({root_intervals_.size(), 1});
          root_intervals_.push_back(1);
          continue;
        }
        Pace pace = paces_[static_cast<std::size_t>(source->process)][l];
        pace.factor *= source->strides[l];
        paces_[p].push_back(pace);
      }
      schedule_.processes[p].intervals.resize(process.extents.size());
    }
  }

  std::int64_t interval(std::size_t p, std::size_t l) const {
    return root_intervals_[paces_[p][l].root] * paces_[p][l].factor;
  }

  bool widen(std::size_t p, std::size_t l, std::int64_t cycles) {
    if (interval(p, l) >= cycles) return false;
    const std::int64_t factor = paces_[p][l].factor;
    root_intervals_[paces_[p][l].root] = (cycles + factor - 1) / factor;
    return true;
  }

  /// Until inner loops fit into outer ones, and outputs stay as long as they are read.
  bool widen_intervals() {
    bool changed = false;
    for (std::size_t p = 0; p < last(); ++p) {
      const Process& process = circuit_.processes[p];
      std::int64_t inner_cycles = 1;
      for (std::size_t l = process.extents.size(); l-- > 0;) {
        changed = widen(p, l, inner_cycles) || changed;
        schedule_.processes[p].intervals[l] = interval(p, l);
        inner_cycles += (process.extents[l] - 1) * interval(p, l);
      }
    }
    for (std::size_t p = 0; p < last(); ++p) {
      for (const Source& source : circuit_.processes[p].sources) {
        if (source.kind != Source::Kind::tap) continue;
        const auto read = static_cast<std::size_t>(source.process);
        std::int64_t cycles = held_cycles(p, source);
        for (std::size_t l = circuit_.processes[read].extents.size(); l-- > 0;) {
          if (circuit_.processes[read].extents[l] == 1) continue;
          changed = widen(read, l, cycles) || changed;
          cycles += (circuit_.processes[read].extents[l] - 1) * interval(read, l);
        }
      }
    }
    return changed;
  }

  /// For how long process `p` reads an output at each of its ticks' outer indices.
  std::int64_t held_cycles(std::size_t p, const Source& source) const {
    const Process& process = circuit_.processes[p];
    std::int64_t cycles = 1;
    for (std::size_t l = 0; l < process.extents.size(); ++l) {
      if (!follows(process, source, l)) cycles += (process.extents[l] - 1) * interval(p, l);
    }
    return cycles;
  }

  int start_of(const std::vector<Source>& sources, int earliest) const {
    std::int64_t start = earliest;
    for (const Source& source : sources) {
      if (source.kind != Source::Kind::tap) continue;
      start = std::max(start, -tap_delay_cycles(schedule_, 0, source));
    }
    SLUICE_CHECK(start < (1 << 24), "a start in cycle {}", start);
    return static_cast<int>(start);
  }

  void find_interval() {
    std::int64_t cycles = 1;
    for (std::size_t p = 0; p < last(); ++p) {
      const Process& process = circuit_.processes[p];
      const ProcessSchedule& timing = schedule_.processes[p];
      cycles = std::max(cycles, span_cycles(process, timing) + (p == 0 ? timing.start_cycle : 1));
      for (const Source& source : process.sources) {
        if (source.kind != Source::Kind::tap) continue;
        const auto read = static_cast<std::size_t>(source.process);
        cycles = std::max(cycles, held_cycles(p, source) + span_cycles(circuit_.processes[read],
                                                                       schedule_.processes[read]));
      }
    }
    SLUICE_CHECK(cycles < (1 << 24), "an event every {} cycles", cycles);
    schedule_.interval_cycles = static_cast<int>(cycles);
  }

  const Circuit& circuit_;
  Schedule schedule_;
  std::vector<std::vector<Pace>> paces_;  // by process and level
  std::vector<std::int64_t> root_intervals_;
};

}  // namespace

Schedule schedule_processes(const Circuit& circuit, const DelayModel& model, double clock_mhz,
                            PipelineGoal goal) {
  return ProcessScheduler(circuit, model, clock_mhz, goal).run();
}

}  // namespace sluice::synth
