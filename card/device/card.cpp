#include "card/device/card.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <span>
#include <thread>

#include "sluice/base/error.hpp"
#include "sluice/sim/registers.hpp"

namespace sluice::card {

Card::Card(CardSettings settings, CardLog& log)
    : settings_(std::move(settings)), log_(log), memory_(std::make_shared<sim::Memory>()) {}

void Card::add_unit(const CardUnit& place, std::unique_ptr<ComputeUnit> unit) {
  units_.push_back({place, std::move(unit)});
}

bool Card::write_memory(std::uint64_t address, std::string_view bytes) {
  if (bytes.empty()) return true;
  if (!memory_->is_allocated(address, bytes.size())) {
    log_.report(fmt::format("refused: the host writes {} bytes at {:#x}, which no buffer covers",
                            bytes.size(), address));
    return false;
  }
  memory_->write(address, std::as_bytes(std::span(bytes)));
  return true;
}

bool Card::read_memory(std::uint64_t address, std::string& bytes) {
  if (bytes.empty()) return true;
  if (!memory_->is_allocated(address, bytes.size())) {
    log_.report(fmt::format("refused: the host reads {} bytes at {:#x}, which no buffer covers",
                            bytes.size(), address));
    std::memset(bytes.data(), kPoison, bytes.size());
    return false;
  }
  memory_->read(address, std::as_writable_bytes(std::span(bytes)));
  return true;
}

bool Card::allocate(std::uint64_t address, std::uint64_t size_bytes) {
  try {
    memory_->allocate(address, size_bytes);
    return true;
  } catch (const UsageError& error) {
    log_.report(fmt::format("refused: buffer of {} bytes at {:#x}: {}", size_bytes, address,
                            error.message()));
    return false;
  }
}

bool Card::free(std::uint64_t address) {
  try {
    memory_->free(address);
    return true;
  } catch (const UsageError& error) {
    log_.report(fmt::format("refused: free of {:#x}: {}", address, error.message()));
    return false;
  }
}

Card::PlacedUnit* Card::unit_at(std::uint64_t address, std::uint64_t size_bytes) {
  for (PlacedUnit& placed : units_) {
    const std::uint64_t offset = address - placed.place.base_address;
    if (address < placed.place.base_address || offset >= placed.place.range_bytes) continue;
    if (offset % 4 == 0 && size_bytes % 4 == 0 && size_bytes <= placed.place.range_bytes - offset) {
      return &placed;
    }
  }
  log_.report(fmt::format("refused: register access of {} bytes at {:#x}, where no unit answers",
                          size_bytes, address));
  return nullptr;
}

bool Card::write_control(std::uint64_t address, std::string_view words) {
  PlacedUnit* placed = unit_at(address, words.size());
  if (placed == nullptr) return false;
  const auto base = static_cast<std::uint32_t>(address - placed->place.base_address);
  const auto word_at = [&](std::uint32_t offset) {
    std::uint32_t value = 0;
    std::memcpy(&value, words.data() + (offset - base), sizeof(value));
    return value;
  };
  for (std::uint32_t offset = base; offset < base + words.size(); offset += 4) {
    if (offset != sim::reg::kControl) write_word(*placed, offset, word_at(offset));
  }
  if (base == sim::reg::kControl && !words.empty()) {
    write_word(*placed, sim::reg::kControl, word_at(sim::reg::kControl));
  }
  return true;
}

void Card::write_word(PlacedUnit& placed, std::uint32_t offset, std::uint32_t value) {
  if (offset == sim::reg::kControl && (value & sim::reg::kStart) != 0) {
    start_run(placed, value);
  } else {
    placed.unit->write_register(offset, value);
  }
}

void Card::start_run(PlacedUnit& placed, std::uint32_t value) {
  ++runs_started_;
  log_.line(fmt::format("{}: run {} starts", placed.place.name, runs_started_));
  die_if_due(CardFault::die, runs_started_);
  const bool due = runs_started_ == settings_.fault_at;
  placed.hanging = due && settings_.fault == CardFault::hang;
  if (due &&
      (settings_.fault == CardFault::read_error || settings_.fault == CardFault::write_error)) {
    placed.unit->inject_bus_error(settings_.fault == CardFault::write_error);
  }
  if (!placed.hanging) placed.unit->write_register(sim::reg::kControl, value);
}

bool Card::read_control(std::uint64_t address, std::string& words) {
  PlacedUnit* placed = unit_at(address, words.size());
  if (placed == nullptr) return false;
  const auto base = static_cast<std::uint32_t>(address - placed->place.base_address);
  for (std::uint32_t at = 0; at < words.size(); at += 4) {
    const std::uint32_t offset = base + at;
    const std::uint32_t value =
        offset == sim::reg::kControl ? read_status(*placed) : placed->unit->read_register(offset);
    std::memcpy(words.data() + at, &value, sizeof(value));
  }
  return true;
}

std::uint32_t Card::read_status(PlacedUnit& placed) {
  if (placed.hanging) {
    std::this_thread::sleep_for(kStatusHold);
    return sim::reg::kStart;
  }
  const std::uint32_t control = placed.unit->poll(kStatusHold);
  if (const std::optional<RunRecord> finished = placed.unit->take_finished()) {
    runs_.push_back(*finished);
    log_.line(fmt::format("{}: run ends, {} events, {} kernel cycles, {:.6f} s", placed.place.name,
                          runs_.back().events, runs_.back().kernel_cycles,
                          runs_.back().host_seconds));
  }
  return control;
}

void Card::die_if_due(CardFault kind, std::uint64_t count) const {
  if (settings_.fault == kind && settings_.fault_at == count) ::kill(::getpid(), SIGKILL);
}

Json Card::statistics() const {
  std::uint64_t events = 0, cycles = 0, busy_cycles = 0;
  double seconds = 0;
  Json cycles_per_run = Json::array();
  for (const RunRecord& run : runs_) {
    events += run.events;
    cycles += run.kernel_cycles;
    busy_cycles += run.busy_cycles;
    seconds += run.host_seconds;
    cycles_per_run.push_back(run.kernel_cycles);
  }
  const double rate = seconds > 0 ? 1 / seconds : 0;
  return {{"runs", runs_.size()},
          {"events", events},
          {"kernel_cycles", cycles},
          {"busy_cycles", busy_cycles},
          {"emulation_seconds", seconds},
          {"emulation_cycles_per_second", static_cast<double>(busy_cycles) * rate},
          {"emulation_events_per_second", static_cast<double>(events) * rate},
          {"kernel_cycles_per_run", std::move(cycles_per_run)}};
}

}  // namespace sluice::card
