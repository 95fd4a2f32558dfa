#include "card/device/functional_unit.hpp"

#include <fmt/format.h>

#include "sluice/base/error.hpp"

namespace sluice::card {

FunctionalUnit::FunctionalUnit(KernelFunction function, std::shared_ptr<sim::Memory> memory)
    : function_(std::move(function)), memory_(std::move(memory)) {}

void FunctionalUnit::write_register(std::uint32_t offset, std::uint32_t value) {
  if (offset == sim::reg::kControl) {
    if ((value & sim::reg::kContinue) != 0 && state_ == State::done) state_ = State::idle;
    if ((value & sim::reg::kStart) != 0 && state_ != State::started) state_ = State::started;
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
  switch (state_) {
    case State::idle:
      return sim::reg::kIdle;
    case State::started:
      return sim::reg::kStart;
    case State::done:
      state_ = State::idle;  // done is cleared by the read
      return sim::reg::kDone | sim::reg::kIdle | sim::reg::kReady;
  }
  return 0;
}

std::uint64_t FunctionalUnit::pointer(std::uint32_t offset) const {
  return std::uint64_t{registers_.at(offset / 4 + 1)} << 32 | registers_.at(offset / 4);
}

bool FunctionalUnit::advance(std::chrono::milliseconds /*budget*/) {
  if (state_ != State::started) return true;
  if (injected_ != nullptr) {
    throw DeviceError("E-CARD-030", "kernel",
                      fmt::format("bus error on a {} (injected)", injected_));
  }
  const sim::RunArguments arguments{pointer(sim::reg::kInput), pointer(sim::reg::kOutput),
                                    registers_.at(sim::reg::kEvents / 4)};
  const auto begin = std::chrono::steady_clock::now();
  function_(arguments, *memory_);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  last_run_ = {arguments.events, 0, seconds.count()};
  state_ = State::done;
  return true;
}

}  // namespace sluice::card
