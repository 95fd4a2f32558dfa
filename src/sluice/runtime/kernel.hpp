#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/package/manifest.hpp"
#include "sluice/runtime/buffer.hpp"

namespace sluice::runtime {

/// What a device is.
struct DeviceInfo {
  std::string uri;   ///< as it was opened
  std::string name;  ///< the card's own name; of an in-process device what it is
  /// True when nothing in hardware computes: times are then those of an emulation, never of a card.
  bool emulated = true;
  std::string emulation;  ///< `engine`, `rtl`, or XRT's mode (`hw_emu`, `sw_emu`); empty: hardware
};

/// What to call the times of a device with these DeviceInfo fields: `emulation`, `CPU` for the
/// engine, and empty for hardware.
std::string_view time_label(bool emulated, std::string_view emulation) noexcept;

class Run;

/// The compiled kernel on its device; makes buffers and runs.
///
/// A value that can be copied; copies are the same kernel. All functions may be called from several
/// threads at a time.
class Kernel {
 public:
  const package::Manifest& manifest() const noexcept;
  const DeviceInfo& device() const noexcept;
  /// DeviceOptions::run_timeout of the device.
  std::chrono::milliseconds run_timeout() const noexcept;

  /// Memory for `events` events of the kernel's input or output, in the bank that the argument is
  /// wired to. `T` must be the manifest's container type. Throws UsageError E-RUNTIME-002 (other
  /// type) or E-RUNTIME-003 (not 1 to 2^31 - 1 events), DeviceError E-RUNTIME-009 (out of memory).
  template <class T>
  Buffer<T> allocate_input(std::int64_t events) const;
  template <class T>
  Buffer<T> allocate_output(std::int64_t events) const;

  /// The same for a container type that is known only while the program runs.
  AnyBuffer allocate_input(std::int64_t events) const;
  AnyBuffer allocate_output(std::int64_t events) const;

  /// An execution to be started many times. Throws DeviceError E-RUNTIME-006 when this process has
  /// programmed the card with another package since.
  Run make_run() const;

 private:
  friend class Device;
  explicit Kernel(std::shared_ptr<detail::DeviceState> state);
  AnyBuffer allocate(detail::Port port, std::int64_t events) const;
  void require_type(detail::Port port, int bits) const;

  std::shared_ptr<detail::DeviceState> state_;
};

/// One execution of a kernel at a time, made to be used again and again.
///
/// Arguments reach the device when they change, and starting does not allocate. Several runs of a
/// kernel may be in flight; the device works on them in the order of their starts. A run belongs to
/// one thread at a time. Its buffers may be given up while it is in flight; they live on until it
/// ends. The destructor waits for a run in flight, at most for the device's run_timeout.
class Run {
 public:
  Run(Run&&) noexcept;
  Run& operator=(Run&&) noexcept;
  ~Run();

  /// Starts the kernel on the first `events` events of `input`. An in-process device may do all of
  /// the work here.
  ///
  /// Throws UsageError E-RUNTIME-004 (a buffer holds fewer events, or events < 1), E-RUNTIME-005
  /// (a buffer of another device or of the other argument) or E-RUNTIME-012 (still in flight), and
  /// DeviceError E-RUNTIME-009.
  void start(const AnyBuffer& input, const AnyBuffer& output, std::int64_t events);

  /// Blocks until the kernel is done. Throws DeviceError E-RUNTIME-010 after `timeout` (the run
  /// stays in flight and may be waited for again), E-RUNTIME-011 when the kernel ended with an
  /// error, E-RUNTIME-009 when the device failed, UsageError E-RUNTIME-012 when nothing was
  /// started.
  void wait(std::chrono::milliseconds timeout);
  /// The same with the device's run_timeout.
  void wait();

  bool in_flight() const noexcept;
  /// Clock cycles of the last run that ended, from start accepted to done, as the kernel counted
  /// them; empty where the device cannot tell.
  std::optional<std::uint64_t> kernel_cycles() const noexcept;

 private:
  friend class Kernel;
  class Impl;
  explicit Run(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

template <class T>
Buffer<T> Kernel::allocate_input(std::int64_t events) const {
  require_type(detail::Port::input, 8 * sizeof(T));
  return Buffer<T>(allocate_input(events));
}

template <class T>
Buffer<T> Kernel::allocate_output(std::int64_t events) const {
  require_type(detail::Port::output, 8 * sizeof(T));
  return Buffer<T>(allocate_output(events));
}

}  // namespace sluice::runtime
