#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/runtime/backend.hpp"
#include "sluice/sim/simulator.hpp"

namespace sluice::runtime::detail {

namespace {

namespace reg = sim::reg;

using Clock = std::chrono::steady_clock;

/// Device addresses for buffers, each at a 4 KiB boundary; freed ranges serve the same size again.
class AddressSpace {
 public:
  std::uint64_t take(std::size_t bytes) {
    const std::uint64_t size = rounded(bytes);
    if (const auto found = free_.find(size); found != free_.end()) {
      const std::uint64_t address = found->second;
      free_.erase(found);
      return address;
    }
    return std::exchange(next_, next_ + size + kGuard);
  }
  void give_back(std::uint64_t address, std::size_t bytes) {
    free_.emplace(rounded(bytes), address);
  }

 private:
  static constexpr std::uint64_t kAlignment = 4096;
  static constexpr std::uint64_t kGuard = kAlignment;  // an overrun meets no neighbour
  static std::uint64_t rounded(std::size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  std::uint64_t next_ = 0x1'0000'0000;  // above 32 bits: a lost high address word shows
  std::multimap<std::uint64_t, std::uint64_t> free_;
};

class RtlRun;

/// One simulated kernel and the runs that it works on or that wait for it, in the order of their
/// starts. Simulated time passes while a run is waited for.
class RtlBackend : public DeviceBackend {
 public:
  RtlBackend(const package::Package& package, const DeviceOptions& options)
      : simulator_(package.simulator_file(), simulator_options(options)) {
    require_kernel_of(package);
  }

  DeviceInfo info() const override {
    return {.name = "Verilated kernel", .emulated = true, .emulation = "rtl"};
  }
  std::unique_ptr<DeviceMemory> allocate(Port port, std::size_t bytes) override;
  std::unique_ptr<DeviceRun> make_run() override;

  void start(RtlRun& run);
  bool wait(RtlRun& run, std::chrono::milliseconds timeout);
  void forget(RtlRun& run) noexcept;

  void copy(SyncDirection direction, std::uint64_t address, std::span<std::byte> host);
  void release(std::uint64_t address, std::size_t bytes) noexcept;

 private:
  static sim::SimulatorOptions simulator_options(const DeviceOptions& options) {
    sim::SimulatorOptions result;
    result.timing = options.memory_seed == 0
                        ? sim::MemoryTiming::keeps_up()
                        : sim::MemoryTiming::random(options.memory_seed, options.stall_probability);
    return result;
  }

  void require_kernel_of(const package::Package& package);
  void launch_what_fits();
  void launch(const RtlRun& run);
  void retire(RtlRun& run);

  std::mutex mutex_;  // of all below
  sim::Simulator simulator_;
  AddressSpace addresses_;
  std::deque<RtlRun*> queue_;  // of these the first `launched_` are in the kernel
  std::size_t launched_ = 0;
};

class RtlMemory : public DeviceMemory {
 public:
  RtlMemory(RtlBackend& backend, std::uint64_t address, std::size_t bytes)
      : backend_(backend), address_(address), host_(bytes) {}
  ~RtlMemory() override { backend_.release(address_, host_.span().size()); }

  std::span<std::byte> host() noexcept override { return host_.span(); }
  void sync(SyncDirection direction, std::size_t offset, std::size_t bytes) override {
    backend_.copy(direction, address_ + offset, host_.span().subspan(offset, bytes));
  }
  std::uint64_t device_address() const noexcept override { return address_; }

 private:
  RtlBackend& backend_;
  std::uint64_t address_;
  AlignedBytes host_;
};

class RtlRun : public DeviceRun {
 public:
  explicit RtlRun(RtlBackend& backend) : backend_(backend) {}
  ~RtlRun() override { backend_.forget(*this); }

  void start(DeviceMemory& input, DeviceMemory& output, std::uint32_t events) override {
    arguments = {input.device_address(), output.device_address(), events};
    backend_.start(*this);
  }
  bool wait(std::chrono::milliseconds timeout) override { return backend_.wait(*this, timeout); }
  std::optional<std::uint64_t> kernel_cycles() const noexcept override { return cycles; }

  // Under the backend's mutex.
  sim::RunArguments arguments;
  bool done = false;
  std::uint32_t status = 0;
  std::optional<std::uint64_t> cycles;

 private:
  RtlBackend& backend_;
};

std::unique_ptr<DeviceMemory> RtlBackend::allocate(Port, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t address = addresses_.take(bytes);
  simulator_.memory().allocate(address, bytes);
  auto memory = std::make_unique<RtlMemory>(*this, address, bytes);
  simulator_.memory().write(address, memory->host());  // a reused range starts as zero too
  return memory;
}

std::unique_ptr<DeviceRun> RtlBackend::make_run() { return std::make_unique<RtlRun>(*this); }

void RtlBackend::release(std::uint64_t address, std::size_t bytes) noexcept {
  const std::scoped_lock lock(mutex_);
  simulator_.memory().free(address);
  addresses_.give_back(address, bytes);
}

void RtlBackend::copy(SyncDirection direction, std::uint64_t address, std::span<std::byte> host) {
  const std::scoped_lock lock(mutex_);
  if (direction == SyncDirection::to_device) {
    simulator_.memory().write(address, host);
  } else {
    simulator_.memory().read(address, host);
  }
}

void RtlBackend::require_kernel_of(const package::Package& package) {
  const package::Manifest& manifest = package.manifest();
  const std::uint32_t expected = static_cast<std::uint32_t>(manifest.input.event_bytes() & 0xffff) |
                                 static_cast<std::uint32_t>(manifest.output.event_bytes() & 0xffff)
                                     << 16;
  const std::uint32_t found = simulator_.read_register(reg::kEventBytes);
  if (found == expected) return;
  throw ModelError("E-RUNTIME-015", package.folder().string(),
                   fmt::format("the Verilated kernel takes {} and gives {} bytes per event, "
                               "manifest.json says {} and {}",
                               found & 0xffff, found >> 16, expected & 0xffff, expected >> 16),
                   "compile the model again");
}

void RtlBackend::start(RtlRun& run) {
  const std::scoped_lock lock(mutex_);
  run.done = false;
  queue_.push_back(&run);
  launch_what_fits();
}

void RtlBackend::launch_what_fits() {
  while (launched_ < std::min(queue_.size(), std::size_t{reg::kRunsInFlight})) {
    launch(*queue_[launched_]);
    ++launched_;
  }
}

// There is room in the kernel, so the arguments before these are taken by the time of the first
// write.
void RtlBackend::launch(const RtlRun& run) {
  const auto write_address = [&](std::uint32_t offset, std::uint64_t address) {
    simulator_.write_register(offset, static_cast<std::uint32_t>(address));
    simulator_.write_register(offset + 4, static_cast<std::uint32_t>(address >> 32));
  };
  write_address(package::registers::kInput, run.arguments.input_address);
  write_address(package::registers::kOutput, run.arguments.output_address);
  simulator_.write_register(package::registers::kEvents, run.arguments.events);
  simulator_.write_register(package::registers::kControl, reg::kStart);
}

void RtlBackend::retire(RtlRun& run) {
  const std::uint64_t low = simulator_.read_register(package::registers::kCycles);
  const std::uint64_t high = simulator_.read_register(package::registers::kCycles + 4);
  run.cycles = high << 32 | low;
  run.status = simulator_.read_register(reg::kStatus);
  run.done = true;
  simulator_.write_register(package::registers::kControl, reg::kContinue);
  queue_.pop_front();
  --launched_;
  launch_what_fits();
}

bool RtlBackend::wait(RtlRun& run, std::chrono::milliseconds timeout) {
  // Few enough cycles for a single event to be noticed at once, enough to make the poll cheap.
  constexpr std::uint64_t kCyclesBetweenPolls = 8;
  const Clock::time_point deadline = Clock::now() + timeout;
  const std::scoped_lock lock(mutex_);
  while (!run.done) {
    simulator_.step(kCyclesBetweenPolls);
    if ((simulator_.read_register(package::registers::kControl) & reg::kDone) != 0) {
      retire(*queue_.front());
    } else if (Clock::now() >= deadline) {
      return false;
    }
  }
  if (run.status == 0) return true;
  throw DeviceError(
      "E-RUNTIME-011", "rtl",
      fmt::format("the kernel ended with status {:#x}:{}{}{}{}", run.status,
                  run.status & reg::kReadError ? " read error" : "",
                  run.status & reg::kWriteError ? " write error" : "",
                  run.status & reg::kInputMisaligned ? " input address misaligned" : "",
                  run.status & reg::kOutputMisaligned ? " output address misaligned" : ""));
}

void RtlBackend::forget(RtlRun& run) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(queue_, &run);
  if (found == queue_.end()) return;
  if (static_cast<std::size_t>(found - queue_.begin()) < launched_) --launched_;
  queue_.erase(found);
}

}  // namespace

std::unique_ptr<DeviceBackend> open_rtl(const package::Package& package,
                                        const DeviceOptions& options) {
  return std::make_unique<RtlBackend>(package, options);
}

}  // namespace sluice::runtime::detail
