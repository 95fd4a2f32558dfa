#include "card/device/functional_unit.hpp"

#include <fmt/format.h>

#include "sluice/base/error.hpp"

namespace sluice::card {

FunctionalUnit::FunctionalUnit(KernelFunction function, std::shared_ptr<sim::Memory> memory)
    : function_(std::move(function)), memory_(std::move(memory)) {}

void FunctionalUnit::write_register(std::uint32_t offset, std::uint32_t value) {
  if (offset == sim::reg::kControl) {
    const bool starts = (value & sim::reg::kStart) != 0;
    if (starts || (value & sim::reg::kContinue) != 0) done_ = false;
    started_ = started_ || starts;
  } else if (offset >= sim::reg::kInput && offset <= sim::reg::kEvents) {
    registers_.at(offset / 4) = value;
  }
}

std::uint32_t FunctionalUnit::read_register(std::uint32_t offset) {
  if (offset == sim::reg::kControl) return read_control();
  return offset / 4 < registers_.size() ? registers_[offset / 4] : 0;
}

// Idle must not read 1 between start and done: XRT takes it for the end of the run.
std::uint32_t FunctionalUnit::read_control() {
  const std::uint32_t value = (started_ ? sim::reg::kStart : sim::reg::kIdle) |
                              (done_ ? sim::reg::kDone : 0) | (ready_ ? sim::reg::kReady : 0);
  ready_ = false;
  return value;
}

std::uint64_t FunctionalUnit::pointer(std::uint32_t offset) const {
  return std::uint64_t{registers_.at(offset / 4 + 1)} << 32 | registers_.at(offset / 4);
}

std::uint32_t FunctionalUnit::poll(std::chrono::milliseconds /*budget*/) {
  if (started_) run();
  return read_control();
}

void FunctionalUnit::run() {
  if (injected_ != nullptr) {
    throw DeviceError("E-CARD-030", "kernel",
                      fmt::format("bus error on a {} (injected)", injected_));
  }
  const sim::RunArguments arguments{pointer(sim::reg::kInput), pointer(sim::reg::kOutput),
                                    registers_.at(sim::reg::kEvents / 4)};
  const auto begin = std::chrono::steady_clock::now();
  function_(arguments, *memory_);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  finished_ = RunRecord{.events = arguments.events, .host_seconds = seconds.count()};
  started_ = false;
  done_ = ready_ = true;
}

}  // namespace sluice::card
