// Processes: loop nests, and a circuit's parts as circuits of their own.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sluice/base/check.hpp"
#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

namespace {

constexpr std::array<std::string_view, 4> kSourceKinds{"port", "tap", "tick", "state"};

/// One port per input element that the function reads; the others are never seen.
std::vector<Port> element_ports(const Function& function, std::size_t elements) {
  std::vector<Port> ports;
  for (std::size_t i = 0; i < elements; ++i) {
    ports.push_back({fmt::format("x{}", i), {fixed::Format{1, 0, false}}, 1});
  }
  for (const Instr& instr : function.instrs()) {
    if (instr.op != Op::input) continue;
    ports.at(static_cast<std::size_t>(instr.immediate)).quantizer.format = instr.format;
  }
  return ports;
}

}  // namespace

std::string_view to_string(Source::Kind kind) noexcept {
  return kSourceKinds[static_cast<std::size_t>(kind)];
}

std::int64_t tick_count(const Process& process, std::size_t first_level) noexcept {
  std::int64_t ticks = 1;
  for (std::size_t l = first_level; l < process.extents.size(); ++l) ticks *= process.extents[l];
  return ticks;
}

Circuit part(const Circuit& circuit, std::size_t i) {
  SLUICE_CHECK(i <= circuit.processes.size(), "there is no process {}", i);
  if (circuit.processes.empty()) return circuit;
  const bool is_last = i == circuit.processes.size();
  const Function& function = is_last ? circuit.function : circuit.processes[i].function;
  const std::vector<Source>& sources = is_last ? circuit.sources : circuit.processes[i].sources;
  Circuit made{circuit.name + "/" + function.name(),
               element_ports(function, sources.size()),
               {},
               circuit.origins,
               function};
  if (is_last) {
    made.outputs = circuit.outputs;
    return made;
  }
  for (const ValueId output : function.outputs()) {
    made.outputs.push_back(
        {fmt::format("y{}", made.outputs.size()), {function.instr(output).format}, 1});
  }
  return made;
}

Schedule part(const Schedule& schedule, std::size_t i) {
  if (i < schedule.processes.size()) {
    return {schedule.processes[i].latency_cycles, schedule.processes[i].stages};
  }
  return {schedule.latency_cycles - schedule.start_cycle, schedule.stages};
}

std::int64_t cycles_between(std::span<const std::int64_t> intervals,
                            std::span<const std::int64_t> indices) noexcept {
  std::int64_t cycles = 0;
  for (std::size_t l = 0; l < std::min(intervals.size(), indices.size()); ++l) {
    cycles += intervals[l] * indices[l];
  }
  return cycles;
}

std::int64_t tap_delay_cycles(const Schedule& schedule, int start_cycle, const Source& source) {
  const ProcessSchedule& read = schedule.processes.at(static_cast<std::size_t>(source.process));
  return start_cycle - read.start_cycle - read.latency_cycles -
         cycles_between(read.intervals, source.offsets);
}

std::int64_t span_cycles(const Process& process, const ProcessSchedule& schedule) noexcept {
  std::int64_t cycles = 0;
  for (std::size_t l = 0; l < process.extents.size(); ++l) {
    cycles += (process.extents[l] - 1) * schedule.intervals[l];
  }
  return cycles;
}

}  // namespace sluice::circuit
