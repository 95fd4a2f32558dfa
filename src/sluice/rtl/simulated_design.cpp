#include "sluice/rtl/simulated_design.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/base/files.hpp"
#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/rtl/core.hpp"
#include "sluice/rtl/layout.hpp"
#include "sluice/rtl/verilog.hpp"

namespace sluice::rtl::testing {

namespace {

std::string core_name(std::size_t i) { return fmt::format("design_{}", i); }

/// The low bytes of a mantissa at a bit position, little-endian.
void store(std::int64_t mantissa, const ElementSlot& slot, std::uint8_t* bytes) {
  for (int i = 0; i < slot.container_bits / 8; ++i) {
    bytes[slot.low / 8 + i] = static_cast<std::uint8_t>(mantissa >> (8 * i));
  }
}

std::int64_t load(const ElementSlot& slot, const std::uint8_t* bytes) {
  std::uint64_t bits = 0;
  const int count = slot.container_bits / 8;
  for (int i = 0; i < count; ++i) {
    bits |= static_cast<std::uint64_t>(bytes[slot.low / 8 + i]) << (64 - 8 * count + 8 * i);
  }
  return static_cast<std::int64_t>(bits) >> (64 - 8 * count);
}

// The second cycle of four brings no event.
constexpr std::int64_t kPeriodCycles = 4;
constexpr std::int64_t kIdleCycle = 1;
constexpr std::uint8_t kIdleByte = 0xA5;

/// The cycle of an event for cores that take one every `interval_cycles`.
std::int64_t arrival_cycle(std::size_t event, std::int64_t interval_cycles) {
  const auto number = static_cast<std::int64_t>(event);
  if (interval_cycles > 1) {
    constexpr std::int64_t kLateCycles = 3;
    return number * interval_cycles + number / 2 * kLateCycles;
  }
  constexpr std::int64_t kEvents = kPeriodCycles - 1;
  const std::int64_t rest = number % kEvents;
  return number / kEvents * kPeriodCycles + rest + (rest >= kIdleCycle ? 1 : 0);
}

std::size_t input_elements(const Design& design) {
  return event_layout(design.circuit.inputs).size();
}

}  // namespace

DesignSet::DesignSet(std::vector<Design> designs) : designs_(std::move(designs)) {
  std::int64_t interval_cycles = 1;
  std::size_t events = 0;
  for (const Design& design : designs_) {
    input_bytes_ += event_bits(design.circuit.inputs) / 8;
    output_bytes_ += event_bits(design.circuit.outputs) / 8;
    interval_cycles = std::max<std::int64_t>(interval_cycles, design.schedule.interval_cycles);
    events = std::max(events, event_count(design));
  }
  for (std::size_t event = 0; event < events; ++event) {
    arrivals_.push_back(arrival_cycle(event, interval_cycles));
  }
  for (const Design& design : designs_) {
    cycles_ =
        std::max(cycles_, arrivals_[event_count(design) - 1] + design.schedule.latency_cycles);
  }
  ++input_bytes_;
}

std::size_t DesignSet::event_count(const Design& design) const {
  return design.events.size() / input_elements(design);
}

std::vector<std::string> DesignSet::write_verilog(const std::filesystem::path& folder) const {
  std::vector<std::string> files;
  Module top("top");
  const NetId clock = top.add_port({"clk", 1, false, NetKind::input, {}});
  const NetId x =
      top.add_port({"x", static_cast<int>(8 * input_bytes_), false, NetKind::input, {}});
  const NetId y =
      top.add_port({"y", static_cast<int>(8 * output_bytes_), false, NetKind::output, {}});
  const NetId valid =
      top.add_wire("valid", false, top.select(x, static_cast<int>(8 * (input_bytes_ - 1)), 1));
  int x_low = 0;
  int y_low = 0;
  for (std::size_t i = 0; i < designs_.size(); ++i) {
    const Design& design = designs_[i];
    const int x_bits = event_bits(design.circuit.inputs);
    const int y_bits = event_bits(design.circuit.outputs);
    const NetId core_x = top.add_wire(fmt::format("x_{}", i), false, top.select(x, x_low, x_bits));
    const NetId core_y = top.add_wire(fmt::format("y_{}", i), y_bits);
    top.instantiate({core_name(i) + "_core",
                     fmt::format("core_{}", i),
                     {},
                     {{"clk", clock}, {"valid", valid}, {"x", core_x}, {"y", core_y}}});
    top.assign(y, y_low, top.whole(core_y));
    x_low += x_bits;
    y_low += y_bits;
    files.push_back(core_name(i) + "_core.v");
    write_file(folder / files.back(), emit_core(design.circuit, design.schedule,
                                                {.name = core_name(i), .family = design.family}));
  }
  files.emplace_back("sluice_multiply_add.v");
  write_file(folder / files.back(),
             read_file(std::filesystem::path(SLUICE_SOURCE_DIR) / "hw" / files.back()));
  files.emplace_back("top.v");
  write_file(folder / files.back(), top.print());
  return files;
}

std::vector<std::uint8_t> DesignSet::stimulus() const {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(cycles_ * input_bytes_));
  std::uint8_t* record = bytes.data();
  std::size_t next = 0;
  for (std::int64_t cycle = 0; cycle < cycles_; ++cycle) {
    if (next == arrivals_.size() || arrivals_[next] != cycle) {
      std::fill_n(record, input_bytes_ - 1, kIdleByte);
      record += input_bytes_;
      continue;
    }
    for (const Design& design : designs_) {
      const std::vector<ElementSlot> slots = event_layout(design.circuit.inputs);
      const std::size_t event = std::min(next, event_count(design) - 1);
      for (std::size_t i = 0; i < slots.size(); ++i) {
        store(design.events[event * slots.size() + i], slots[i], record);
      }
      record += event_bits(design.circuit.inputs) / 8;
    }
    *record++ = 1;
    ++next;
  }
  return bytes;
}

std::int64_t DesignSet::compared_elements() const {
  std::int64_t count = 0;
  for (const Design& design : designs_) {
    count +=
        static_cast<std::int64_t>(event_count(design) * design.circuit.function.outputs().size());
  }
  return count;
}

bool DesignSet::idle_stages_stand_still(const std::vector<std::uint8_t>& observed) const {
  auto first = observed.begin();
  for (const Design& design : designs_) {
    const std::int64_t bytes = event_bits(design.circuit.outputs) / 8;
    const std::int64_t delay = design.schedule.latency_cycles - 1;
    for (std::int64_t cycle = kIdleCycle; cycle + delay < cycles_; cycle += kPeriodCycles) {
      const auto y = first + (cycle + delay) * output_bytes_;
      if (!std::equal(y, y + bytes, y - output_bytes_)) return false;
    }
    first += bytes;
  }
  return true;
}

std::string DesignSet::first_difference(const std::vector<std::uint8_t>& observed,
                                        const std::vector<bool>& known) const {
  if (observed.size() != static_cast<std::size_t>(cycles_ * output_bytes_)) {
    return fmt::format("{} bytes of output for {} cycles of {} bytes", observed.size(), cycles_,
                       output_bytes_);
  }
  std::size_t offset = 0;
  for (const Design& design : designs_) {
    const circuit::Interpreter interpreter(design.circuit, circuit::Checking::ranges);
    const std::vector<ElementSlot> slots = event_layout(design.circuit.outputs);
    std::vector<std::int64_t> expected(event_count(design) * slots.size());
    interpreter.run(design.events, expected);
    for (std::size_t event = 0; event < event_count(design); ++event) {
      // An event that is there before edge n has its result after edge n + latency - 1.
      const std::int64_t cycle = arrivals_[event] + design.schedule.latency_cycles - 1;
      const std::size_t record = static_cast<std::size_t>(cycle * output_bytes_) + offset;
      for (std::size_t i = 0; i < slots.size(); ++i) {
        const std::int64_t seen = load(slots[i], observed.data() + record);
        bool is_known = true;
        for (int k = 0; k < slots[i].container_bits / 8 && !known.empty(); ++k) {
          is_known = is_known && known[record + static_cast<std::size_t>(slots[i].low / 8 + k)];
        }
        const std::int64_t wanted = expected[event * slots.size() + i];
        if (is_known && seen == wanted) continue;
        const circuit::ValueId value = design.circuit.function.outputs()[i];
        const circuit::OriginId origin = design.circuit.function.instr(value).origin;
        return fmt::format(
            "circuit {}, event {}, output {} (%{}, layer '{}'): expected {}, found {}\n{}",
            design.circuit.name, event, i, index(value), design.circuit.origins.at(index(origin)),
            wanted, is_known ? fmt::format("{}", seen) : "unknown bits",
            print(design.circuit, &design.schedule));
      }
    }
    offset += static_cast<std::size_t>(event_bits(design.circuit.outputs) / 8);
  }
  return {};
}

}  // namespace sluice::rtl::testing
