#include "sluice/synth/process_area.hpp"

#include <algorithm>
#include <bit>
#include <map>

namespace sluice::synth {

namespace {

using circuit::Circuit;
using circuit::Instr;
using circuit::Process;
using circuit::Schedule;
using circuit::Source;

constexpr std::int64_t kShiftRegisterBits = 32;  // of one LUT
constexpr std::int64_t kLongestShift = 128;      // sluice_delay: beyond it a memory
constexpr std::int64_t kBlockRamBits = std::int64_t{18} * 1024;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t bits_of(std::int64_t values) {
  return std::max<std::int64_t>(1, std::bit_width(static_cast<std::uint64_t>(values - 1)));
}

Area delay_area(std::int64_t width, std::int64_t cycles) {
  if (cycles <= 2) return {.flip_flops = width * cycles};
  if (cycles <= kLongestShift) return {.luts = width * ceil_divide(cycles, kShiftRegisterBits)};
  return {.flip_flops = width, .block_rams = ceil_divide(width * (cycles - 1), kBlockRamBits)};
}

class Counter {
 public:
  Counter(const Circuit& circuit, const Schedule& schedule)
      : circuit_(circuit), schedule_(schedule), reads_(last()) {}

  std::vector<ProcessArea> count() && {
    for (std::size_t p = 0; p <= last(); ++p) follow_taps(p);
    for (std::size_t p = 0; p < last(); ++p) {
      add_counters(p);
      add_reader(p);
      add_delays(p);
    }
    return std::move(areas_);
  }

 private:
  /// An output's delays: by cycles, who reads it there.
  using Reads = std::map<std::int64_t, std::size_t>;

  std::size_t last() const { return circuit_.processes.size(); }
  const circuit::Function& function(std::size_t p) const {
    return p == last() ? circuit_.function : circuit_.processes[p].function;
  }
  int start(std::size_t p) const {
    return p == last() ? schedule_.start_cycle : schedule_.processes[p].start_cycle;
  }
  void add(std::size_t p, const Area& area) {
    const std::span<const Instr> instrs = function(p).instrs();
    areas_.push_back({instrs.empty() ? 0 : index(instrs.front().origin), start(p), area});
  }

  void follow_taps(std::size_t p) {
    const std::vector<Source>& sources =
        p == last() ? circuit_.sources : circuit_.processes[p].sources;
    for (const Source& source : sources) {
      if (source.kind != Source::Kind::tap) continue;
      const std::int64_t cycles = tap_delay_cycles(schedule_, start(p), source);
      if (cycles > 0) reads_[static_cast<std::size_t>(source.process)][source.element][cycles] = p;
    }
  }

  void add_counters(std::size_t p) {
    const Process& process = circuit_.processes[p];
    Area area;
    for (std::size_t l = 0; l < process.extents.size(); ++l) {
      const std::int64_t bits =
          bits_of(process.extents[l]) + bits_of(schedule_.processes[p].intervals[l]) + 1;
      area += {.luts = bits, .flip_flops = bits};
    }
    add(p, area);
  }

  /// Loaded with the event, moved on at every tick.
  void add_reader(std::size_t p) {
    const Process& process = circuit_.processes[p];
    const bool reads_ports = std::ranges::any_of(
        process.sources, [](const Source& source) { return source.kind == Source::Kind::port; });
    if (process.extents.empty() || !reads_ports) return;
    std::int64_t bits = 0;
    for (const circuit::Port& port : circuit_.inputs) {
      bits += port.elements * port.quantizer.format.width;
    }
    add(p, {.luts = bits, .flip_flops = bits});
  }

  void add_delays(std::size_t p) {
    for (const auto& [element, reads] : reads_[p]) {
      const circuit::Function& made = circuit_.processes[p].function;
      const Instr& output = made.instr(made.outputs()[static_cast<std::size_t>(element)]);
      if (output.range.is_constant()) continue;
      Area area;
      std::int64_t reached = 0;
      for (const auto& [cycles, reader] : reads) {
        area += delay_area(output.format.width, cycles - reached);
        reached = cycles;
      }
      add(reads.rbegin()->second, area);
    }
  }

  const Circuit& circuit_;
  const Schedule& schedule_;
  std::vector<std::map<std::int64_t, Reads>> reads_;  // by process, then output
  std::vector<ProcessArea> areas_;
};

}  // namespace

std::vector<ProcessArea> process_areas(const Circuit& circuit, const Schedule& schedule) {
  return Counter(circuit, schedule).count();
}

}  // namespace sluice::synth
