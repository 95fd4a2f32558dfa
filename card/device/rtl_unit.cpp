#include "card/device/rtl_unit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/base/error.hpp"
#include "sluice/sim/registers.hpp"

namespace sluice::card {

namespace {

using Clock = std::chrono::steady_clock;

sim::SimulatorOptions simulator_options(std::shared_ptr<sim::Memory> memory,
                                        const CardSettings& settings, std::uint64_t index) {
  sim::SimulatorOptions options;
  options.memory = std::move(memory);
  options.timing.seed = settings.seed + index;
  options.timing.min_latency_cycles = settings.min_latency_cycles;
  options.timing.max_latency_cycles = settings.max_latency_cycles;
  options.timing.stall_probability = settings.stall_probability;
  options.register_seed = static_cast<std::uint32_t>(settings.seed + index);
  return options;
}

std::filesystem::path waves_of(const std::filesystem::path& file, std::uint64_t index) {
  if (index == 0) return file;
  std::filesystem::path name = file.stem();
  name += fmt::format("_{}", index + 1);
  name += file.extension();
  return file.parent_path() / name;
}

}  // namespace

RtlUnit::RtlUnit(const std::filesystem::path& kernel_library, std::shared_ptr<sim::Memory> memory,
                 const CardSettings& settings, std::uint64_t index)
    : simulator_(kernel_library, simulator_options(std::move(memory), settings, index)) {
  if (!settings.waves.empty()) simulator_.start_trace(waves_of(settings.waves, index));
}

// A finished run waits for continue. XRT always writes it; PYNQ's register path, which knows of
// ap_ctrl_hs only, never does. Who starts again and was told of the end continues too.
void RtlUnit::write_register(std::uint32_t offset, std::uint32_t value) {
  if (offset == sim::reg::kControl) {
    if ((value & sim::reg::kStart) != 0) {
      if (done_told_) value |= sim::reg::kContinue;
      queues_ = !started_.empty();
      started_.push_back({simulator_.read_register(sim::reg::kEvents), simulator_.cycles()});
      ready_told_ = false;
    }
    if ((value & sim::reg::kContinue) != 0) done_told_ = false;
  }
  simulator_.write_register(offset, value);
}

std::uint32_t RtlUnit::read_register(std::uint32_t offset) {
  return simulator_.read_register(offset);
}

bool RtlUnit::answers(std::uint32_t control, std::uint64_t polled_cycles) const {
  if ((control & sim::reg::kDone) != 0 || started_.empty()) return true;
  if (queues_ && polled_cycles >= kQueueHoldCycles) return true;
  return !ready_told_ && (control & sim::reg::kStart) == 0 &&
         simulator_.cycles() - started_.back().cycle >= kReadyHoldCycles;
}

std::uint32_t RtlUnit::poll(std::chrono::milliseconds budget) {
  const Clock::time_point begin = Clock::now();
  std::uint32_t control = simulator_.read_register(sim::reg::kControl);
  const std::uint64_t first_cycle = simulator_.cycles();
  while (!answers(control, simulator_.cycles() - first_cycle) && Clock::now() - begin < budget) {
    control = simulator_.read_register(sim::reg::kControl);
  }
  unaccounted_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
  if ((control & sim::reg::kStart) == 0) ready_told_ = true;
  if ((control & sim::reg::kDone) != 0 && !done_told_) finish_run();
  return control;
}

std::uint64_t RtlUnit::read_pair(std::uint32_t offset) {
  const std::uint64_t low = simulator_.read_register(offset);
  return low | std::uint64_t{simulator_.read_register(offset + 4)} << 32;
}

void RtlUnit::finish_run() {
  done_told_ = true;
  if (const std::uint32_t status = simulator_.read_register(sim::reg::kStatus)) fail_run(status);
  if (started_.empty()) return;  // restarted by the kernel itself
  const Started run = started_.front();
  started_.pop_front();
  const std::uint64_t now = simulator_.cycles();
  finished_ = RunRecord{.events = run.events,
                        .kernel_cycles = read_pair(sim::reg::kRunCycles),
                        .busy_cycles = now - std::max(run.cycle, last_end_cycle_),
                        .host_seconds = std::exchange(unaccounted_seconds_, 0)};
  last_end_cycle_ = now;
}

void RtlUnit::fail_run(std::uint32_t status) const {
  std::string what;
  const auto add = [&](std::uint32_t bit, const char* text) {
    if ((status & bit) != 0) what += what.empty() ? text : fmt::format(", {}", text);
  };
  add(sim::reg::kReadError, "bus error on a read");
  add(sim::reg::kWriteError, "bus error on a write");
  add(sim::reg::kInputMisaligned, "the input address is not aligned to the bus");
  add(sim::reg::kOutputMisaligned, "the output address is not aligned to the bus");
  if (!simulator_.access_errors().empty()) {
    const sim::AccessError& first = simulator_.access_errors().front();
    what += fmt::format("; {} at {:#x}, which no buffer covers", first.write ? "write" : "read",
                        first.address);
  }
  throw DeviceError("E-CARD-030", "kernel", what,
                    "check buffer sizes against n, and that the buffers still exist");
}

void RtlUnit::inject_bus_error(bool write) {
  simulator_.set_fault(
      {.kind = write ? sim::FaultKind::write_error : sim::FaultKind::read_error, .position = 0});
}

}  // namespace sluice::card
