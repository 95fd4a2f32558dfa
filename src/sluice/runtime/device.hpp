#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/package/package.hpp"
#include "sluice/runtime/kernel.hpp"

namespace sluice::runtime {

/// How a device is opened and driven. Each group concerns only the device that it names.
struct DeviceOptions {
  /// After this long Run::wait() throws DeviceError E-RUNTIME-010.
  std::chrono::milliseconds run_timeout{60'000};

  /// Called every kInterruptCheckPeriod by the thread that waits for a run. What it throws ends the
  /// wait and is passed on; the run stays in flight, and nobody waits for it when it is destroyed.
  std::function<void()> check_interrupt;
  static constexpr std::chrono::milliseconds kInterruptCheckPeriod{50};

  /// `engine`: threads of a run; 1 is the caller's own, 0 all hardware threads.
  int engine_threads = 1;

  /// `rtl`: seed of the simulated memory's latencies and stalls; 0 is memory that keeps up.
  std::uint64_t memory_seed = 1;
  /// `rtl`: per clock and channel, the chance that the memory holds a transfer back; 0 to 0.95.
  double stall_probability = 0.2;

  /// `xrt:N`: load the package's xclbin. When false the card must hold that very xclbin already.
  bool program = true;
};

/// A device that runs one compiled kernel.
///
/// | URI      | device                                                           |
/// |----------|------------------------------------------------------------------|
/// | `engine` | in this process: the SIMD engine over the package's network      |
/// | `rtl`    | in this process: the package's Verilated kernel, cycle by cycle  |
/// | `xrt:N`  | card N of the Xilinx Runtime; an emulated one in XRT's emulation |
///
/// A value that can be moved. Kernels, buffers and runs share the opened device and may outlive
/// this object. Const functions may be called from several threads at a time.
class Device {
 public:
  /// Opens the device and programs it with the package's kernel.
  ///
  /// Throws UsageError E-RUNTIME-001 (URI), ModelError E-RUNTIME-015 (the package contradicts
  /// itself), and DeviceError: E-RUNTIME-006 (card holds another xclbin), E-RUNTIME-007 (no such
  /// card), E-RUNTIME-008 (XRT or its back end is not installed), E-RUNTIME-009 (XRT failed),
  /// E-RUNTIME-014 (XRT's environment is incomplete).
  static Device open(const package::Package& package, std::string_view uri,
                     const DeviceOptions& options = {});

  Device(Device&&) noexcept;
  Device& operator=(Device&&) noexcept;
  ~Device();

  const DeviceInfo& info() const noexcept;
  /// The package's kernel on this device.
  Kernel kernel() const;

 private:
  explicit Device(std::shared_ptr<detail::DeviceState> state);

  std::shared_ptr<detail::DeviceState> state_;
};

}  // namespace sluice::runtime
