#include "sluice/circuit/verify_processes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <span>

namespace sluice::circuit {

namespace {

using Violation = std::optional<std::string>;

constexpr std::size_t kMostLevels = 4;
constexpr std::int64_t kMostTicks = std::int64_t{1} << 22;
constexpr std::int64_t kMostReads = std::int64_t{1} << 26;  // sources over all ticks
constexpr std::int64_t kMostStride = std::int64_t{1} << 24;

/// Something with sources: a process, or the last function.
struct Reader {
  std::size_t number;
  const Function& function;
  std::span<const std::int64_t> extents;
  const std::vector<Source>& sources;

  std::int64_t extent(std::size_t level) const {
    return level < extents.size() ? extents[level] : 1;
  }
};

Reader reader_at(const Circuit& circuit, std::size_t i) {
  if (i == circuit.processes.size()) return {i, circuit.function, {}, circuit.sources};
  const Process& process = circuit.processes[i];
  return {i, process.function, process.extents, process.sources};
}

Violation check_loops(const Process& process) {
  if (process.extents.size() > kMostLevels) {
    return fmt::format("{} levels of loops, at most {} are possible", process.extents.size(),
                       kMostLevels);
  }
  std::int64_t ticks = 1;
  for (const std::int64_t extent : process.extents) {
    if (extent < 1 || extent > kMostTicks / ticks) {
      return fmt::format("a loop of {} does not fit {} ticks", extent, kMostTicks);
    }
    ticks *= extent;
  }
  if (std::ssize(process.sources) > kMostReads / ticks) {
    return fmt::format("{} sources over {} ticks are too many", process.sources.size(), ticks);
  }
  return std::nullopt;
}

/// Whether level `l` of a tap leaves the loops of the process that it reads, at some own index.
bool leaves(const Reader& reader, const Source& source, std::span<const std::int64_t> extents,
            std::size_t l) {
  const std::int64_t last = source.offsets[l] + source.strides[l] * (reader.extent(l) - 1);
  return source.offsets[l] < 0 || last >= extents[l];
}

/// Whether a tap is outside at every own index.
bool is_never_inside(const Reader& reader, const Source& source,
                     std::span<const std::int64_t> extents) {
  for (std::size_t l = 0; l < extents.size(); ++l) {
    bool inside = false;
    for (std::int64_t i = 0; i < reader.extent(l) && !inside; ++i) {
      const std::int64_t at = source.offsets[l] + source.strides[l] * i;
      inside = at >= 0 && at < extents[l];
    }
    if (!inside) return true;
  }
  return false;
}

Violation check_port(const Circuit& circuit, const Reader& reader, const Source& source,
                     const Instr* input) {
  if (reader.number != 0 || circuit.processes.empty()) return "only the first process reads ports";
  if (source.strides.size() != reader.extents.size()) {
    return fmt::format("{} strides for {} levels", source.strides.size(), reader.extents.size());
  }
  std::int64_t step = 0;
  for (std::size_t l = reader.extents.size(); l-- > 0;) {
    const bool is_last = l + 1 == reader.extents.size();
    const std::int64_t inner = is_last ? 0 : source.strides[l + 1] * reader.extents[l + 1];
    const std::int64_t stride = source.strides[l];
    if (stride < 1 || stride > kMostStride || (!is_last && stride != inner)) {
      return "its ticks do not read the event in order";
    }
    step = source.strides.back();
  }
  const std::int64_t ticks = tick_count(circuit.processes.front());
  std::vector<const Port*> port_of;
  for (const Port& port : circuit.inputs) {
    port_of.insert(port_of.end(), static_cast<std::size_t>(port.elements), &port);
  }
  if (source.element < 0 || source.element >= std::ssize(port_of) ||
      (ticks > 1 && step > (std::ssize(port_of) - 1 - source.element) / (ticks - 1))) {
    return fmt::format("reads beyond the {} elements of an event", port_of.size());
  }
  for (std::int64_t tick = 0; input != nullptr && tick < ticks; ++tick) {
    const Port& port = *port_of[static_cast<std::size_t>(source.element + tick * step)];
    if (input->format.frac_bits != port.quantizer.format.frac_bits ||
        !fixed::range_of(port.quantizer.format).contains(input->range)) {
      return fmt::format("{} {} does not fit its port's {}", to_string(input->format),
                         to_string(input->range), to_string(port.quantizer.format));
    }
  }
  return std::nullopt;
}

Violation check_holds(const Instr* input, const fixed::Interval& range, int frac_bits) {
  if (input == nullptr) return std::nullopt;
  if (input->format.frac_bits == frac_bits && input->range.contains(range)) return std::nullopt;
  return fmt::format("{} {} does not hold {} with {} fractional bits", to_string(input->format),
                     to_string(input->range), to_string(range), frac_bits);
}

Violation check_output(const Function& function, const Source& source) {
  if (source.element >= 0 && source.element < std::ssize(function.outputs())) return std::nullopt;
  return fmt::format("there is no output {} of '{}'", source.element, function.name());
}

Violation check_initial(const Instr* input, const Source& source) {
  return check_holds(input, {source.initial, source.initial},
                     input == nullptr ? 0 : input->format.frac_bits);
}

Violation check_made(const Function& function, const Source& source, const Instr* input) {
  const Instr& made = function.instr(function.outputs()[static_cast<std::size_t>(source.element)]);
  return check_holds(input, made.range, made.format.frac_bits);
}

Violation check_tap(const Circuit& circuit, const Reader& reader, const Source& source,
                    const Instr* input) {
  if (source.process < 0 || static_cast<std::size_t>(source.process) >= reader.number) {
    return "taps a process that does not come before";
  }
  const Process& read = circuit.processes[static_cast<std::size_t>(source.process)];
  if (source.offsets.size() != read.extents.size() ||
      source.strides.size() != read.extents.size()) {
    return fmt::format("{} offsets and {} strides for {} levels", source.offsets.size(),
                       source.strides.size(), read.extents.size());
  }
  for (std::size_t l = 0; l < read.extents.size(); ++l) {
    if (std::abs(source.offsets[l]) > kMostTicks || source.strides[l] < 0 ||
        source.strides[l] > kMostStride) {
      return "an offset or stride is out of bounds";
    }
  }
  if (Violation found = check_output(read.function, source)) return found;
  bool may_leave = false;
  for (std::size_t l = 0; l < read.extents.size(); ++l) {
    may_leave = may_leave || leaves(reader, source, read.extents, l);
  }
  if (may_leave) {
    if (Violation found = check_initial(input, source)) return found;
  }
  return check_made(read.function, source, input);
}

Violation check_source(const Circuit& circuit, const Reader& reader, const Source& source,
                       const Instr* input) {
  const bool is_last = reader.number == circuit.processes.size();
  if (is_last && source.kind != Source::Kind::tap) return "the function takes taps only";
  switch (source.kind) {
    case Source::Kind::port:
      return check_port(circuit, reader, source, input);
    case Source::Kind::tap:
      return check_tap(circuit, reader, source, input);
    case Source::Kind::tick:
      if (source.element < 0 || source.element > std::ssize(reader.extents)) {
        return fmt::format("there is no level {}", source.element);
      }
      return check_holds(input,
                         {0, tick_count(circuit.processes[reader.number],
                                        static_cast<std::size_t>(source.element)) -
                                 1},
                         0);
    case Source::Kind::state:
      if (Violation found = check_output(reader.function, source)) return found;
      if (Violation found = check_initial(input, source)) return found;
      return check_made(reader.function, source, input);
  }
  return std::nullopt;
}

Violation check_reader(const Circuit& circuit, const Reader& reader) {
  std::vector<const Instr*> inputs(reader.sources.size());
  for (const Instr& instr : reader.function.instrs()) {
    if (instr.op != Op::input) continue;
    if (instr.immediate < 0 || instr.immediate >= std::ssize(inputs)) {
      return fmt::format("reads element {} of {} sources", instr.immediate, inputs.size());
    }
    inputs[static_cast<std::size_t>(instr.immediate)] = &instr;
  }
  for (const ValueId output : reader.function.outputs()) {
    if (index(output) >= reader.function.instrs().size()) return "an output does not exist";
  }
  for (std::size_t i = 0; i < reader.sources.size(); ++i) {
    if (Violation found = check_source(circuit, reader, reader.sources[i], inputs[i])) {
      return fmt::format("source {}: {}", i, *found);
    }
  }
  return std::nullopt;
}

/// Cycles for which an output of process `p` stays as it is.
std::int64_t held_cycles(const Circuit& circuit, const Schedule& schedule, std::size_t p) {
  const Process& process = circuit.processes[p];
  const std::vector<std::int64_t>& intervals = schedule.processes[p].intervals;
  std::int64_t cycles = schedule.interval_cycles - span_cycles(process, schedule.processes[p]);
  std::int64_t inner_span = 0;  // from the first tick of the inner loops to their last
  for (std::size_t l = process.extents.size(); l-- > 0;) {
    if (process.extents[l] == 1) continue;
    cycles = std::min(cycles, intervals[l] - inner_span);
    inner_span += (process.extents[l] - 1) * intervals[l];
  }
  return cycles;
}

Violation check_tap_timing(const Circuit& circuit, const Schedule& schedule, const Reader& reader,
                           const Source& source, int start_cycle,
                           std::span<const std::int64_t> intervals) {
  const auto p = static_cast<std::size_t>(source.process);
  const Process& read = circuit.processes[p];
  if (is_never_inside(reader, source, read.extents)) return std::nullopt;
  std::int64_t holds_for = 1;
  for (std::size_t l = 0; l < reader.extents.size(); ++l) {
    if (reader.extents[l] == 1) continue;
    const bool pairs = l < read.extents.size() && source.strides[l] > 0;
    if (!pairs) {
      holds_for += (reader.extents[l] - 1) * intervals[l];
    } else if (intervals[l] != source.strides[l] * schedule.processes[p].intervals[l]) {
      return fmt::format("level {} runs every {} cycles, its tap of '{}' every {}", l, intervals[l],
                         read.function.name(),
                         source.strides[l] * schedule.processes[p].intervals[l]);
    }
  }
  const std::int64_t delay = tap_delay_cycles(schedule, start_cycle, source);
  if (delay < 0) {
    return fmt::format("reads '{}' {} cycles before it is there", read.function.name(), -delay);
  }
  if (holds_for > held_cycles(circuit, schedule, p)) {
    return fmt::format("reads '{}' for {} cycles, but it stays for {}", read.function.name(),
                       holds_for, held_cycles(circuit, schedule, p));
  }
  return std::nullopt;
}

Violation check_loop_timing(const Circuit& circuit, const Schedule& schedule, std::size_t p) {
  const Process& process = circuit.processes[p];
  const ProcessSchedule& timing = schedule.processes[p];
  if (timing.intervals.size() != process.extents.size()) {
    return fmt::format("{} intervals for {} levels", timing.intervals.size(),
                       process.extents.size());
  }
  std::int64_t inner_cycles = 1;
  for (std::size_t l = process.extents.size(); l-- > 0;) {
    if (timing.intervals[l] < inner_cycles) {
      return fmt::format("level {} runs every {} cycles and takes {}", l, timing.intervals[l],
                         inner_cycles);
    }
    inner_cycles += (process.extents[l] - 1) * timing.intervals[l];
  }
  // The ports are read in the cycle of the event's entry, or from registers behind it.
  const int first = process.extents.empty() ? 0 : 1;
  if (timing.start_cycle < first || (p == 0 && first == 0 && timing.start_cycle != 0)) {
    return fmt::format("starts in cycle {}", timing.start_cycle);
  }
  const std::int64_t busy = p == 0 ? timing.start_cycle + inner_cycles - 1 : inner_cycles;
  if (busy > schedule.interval_cycles) {
    return fmt::format("takes {} cycles, and events come every {}", busy, schedule.interval_cycles);
  }
  const bool has_state = std::ranges::any_of(
      process.sources, [](const Source& source) { return source.kind == Source::Kind::state; });
  if (has_state && timing.latency_cycles != 1) {
    return fmt::format("has a state and takes {} cycles", timing.latency_cycles);
  }
  return std::nullopt;
}

}  // namespace

Violation find_source_violation(const Circuit& circuit) {
  if (circuit.processes.empty()) {
    if (!circuit.sources.empty()) return "sources without processes";
    return std::nullopt;
  }
  for (std::size_t p = 0; p <= circuit.processes.size(); ++p) {
    const Reader reader = reader_at(circuit, p);
    Violation found;
    if (p < circuit.processes.size()) found = check_loops(circuit.processes[p]);
    if (!found) found = check_reader(circuit, reader);
    if (found) return fmt::format("'{}': {}", reader.function.name(), *found);
  }
  return std::nullopt;
}

Violation find_timing_violation(const Circuit& circuit, const Schedule& schedule) {
  if (schedule.interval_cycles < 1) {
    return fmt::format("an event every {} cycles", schedule.interval_cycles);
  }
  if (schedule.processes.size() != circuit.processes.size()) {
    return fmt::format("schedules of {} processes for {}", schedule.processes.size(),
                       circuit.processes.size());
  }
  if (circuit.processes.empty() && schedule.start_cycle != 0) {
    return fmt::format("starts in cycle {}", schedule.start_cycle);
  }
  for (std::size_t p = 0; p < circuit.processes.size(); ++p) {
    if (Violation found = check_loop_timing(circuit, schedule, p)) {
      return fmt::format("'{}': {}", circuit.processes[p].function.name(), *found);
    }
  }
  for (std::size_t p = 0; p <= circuit.processes.size(); ++p) {
    const Reader reader = reader_at(circuit, p);
    const bool is_last = p == circuit.processes.size();
    const int start = is_last ? schedule.start_cycle : schedule.processes[p].start_cycle;
    const std::span<const std::int64_t> intervals =
        is_last ? std::span<const std::int64_t>() : schedule.processes[p].intervals;
    for (const Source& source : reader.sources) {
      if (source.kind != Source::Kind::tap) continue;
      if (Violation found = check_tap_timing(circuit, schedule, reader, source, start, intervals)) {
        return fmt::format("'{}': {}", reader.function.name(), *found);
      }
    }
  }
  return std::nullopt;
}

}  // namespace sluice::circuit
