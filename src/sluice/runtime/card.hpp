#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sluice/package/xclbin.hpp"
#include "sluice/runtime/device.hpp"

/// A card as its xclbin describes it: memory banks in bytes, compute units with any arguments.
/// Device and Kernel are for compiled networks; this is for host code that is written against
/// registers and buffers.
namespace sluice::runtime {

namespace detail {
struct CardState;
}

/// Bytes in one memory bank. As with AnyBuffer the host's view and the device's are two copies,
/// made equal by the sync functions. Aligned to 4096 bytes, zero at first. One thread at a time.
class CardBuffer {
 public:
  CardBuffer(CardBuffer&&) noexcept;
  CardBuffer& operator=(CardBuffer&&) noexcept;
  ~CardBuffer();

  std::span<std::byte> bytes() noexcept;
  std::size_t size_bytes() const noexcept;
  std::uint32_t bank() const noexcept;            ///< index into XclbinContent::banks
  std::uint64_t device_address() const noexcept;  ///< of the first byte, as a kernel sees it

  /// Throws UsageError E-RUNTIME-013 for bytes outside of the buffer, DeviceError E-RUNTIME-009.
  void sync_to_device(std::size_t offset_bytes, std::size_t count_bytes);
  void sync_from_device(std::size_t offset_bytes, std::size_t count_bytes);

 private:
  friend class Card;
  friend class UnitRun;
  struct Impl;
  explicit CardBuffer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

/// One execution of a compute unit at a time, made to be used again and again, with the rules of
/// Run. It keeps the buffers among its arguments alive.
class UnitRun {
 public:
  UnitRun(UnitRun&&) noexcept;
  UnitRun& operator=(UnitRun&&) noexcept;
  ~UnitRun();

  /// Argument `position` of the kernel, from 0. Throws UsageError: E-RUNTIME-018 (no such argument,
  /// a pointer for a value or the other way round, a value of another size), E-RUNTIME-005 (a
  /// buffer of another card or bank), E-RUNTIME-012 (in flight).
  void set_argument(std::size_t position, const CardBuffer& buffer);
  void set_argument(std::size_t position, std::span<const std::byte> value);

  /// Throws UsageError E-RUNTIME-018 (an argument was never set), E-RUNTIME-012 (in flight), and of
  /// an in-process device E-RUNTIME-004 (more events than a buffer holds); DeviceError
  /// E-RUNTIME-009.
  void start();
  /// False: not done after `timeout`, and still in flight. Throws DeviceError E-RUNTIME-011 when
  /// the kernel ended with an error, E-RUNTIME-009, UsageError E-RUNTIME-012 when nothing was
  /// started.
  bool wait(std::chrono::milliseconds timeout);
  bool in_flight() const noexcept;

 private:
  friend class ComputeUnit;
  struct Impl;
  explicit UnitRun(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

/// One compute unit. A value that can be copied; safe to be used from several threads.
class ComputeUnit {
 public:
  const package::XclbinKernel& kernel() const noexcept;
  const package::XclbinInstance& instance() const noexcept;

  UnitRun make_run() const;

  /// 32-bit registers of the control map. Throws UsageError E-RUNTIME-019 (not a multiple of 4
  /// within the map, or a device without registers), DeviceError E-RUNTIME-009.
  std::uint32_t read_register(std::uint32_t offset_bytes) const;
  void write_register(std::uint32_t offset_bytes, std::uint32_t value) const;

 private:
  friend class Card;
  friend class UnitRun;
  struct Impl;
  explicit ComputeUnit(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

/// A value that can be copied; copies are the same opened card. Safe to be used from several
/// threads.
class Card {
 public:
  /// Opens the device `uri` (see Device) and programs it with the file. For `engine` and `rtl` the
  /// file must lie in the folder of its kernel package.
  ///
  /// Throws ToolError (the file cannot be read), ModelError E-XCLBIN-002 (it is no xclbin) and what
  /// Device::open throws.
  static Card open(const std::filesystem::path& xclbin, std::string_view uri,
                   const DeviceOptions& options = {});

  /// Cards that the Xilinx Runtime has, xrt:0 and up. Throws DeviceError E-RUNTIME-008 (XRT or its
  /// back end is not installed), E-RUNTIME-014 (its environment is incomplete).
  static unsigned count();

  const package::XclbinContent& content() const noexcept;  ///< without the bitstream
  const DeviceInfo& info() const noexcept;
  /// True while the card holds this very xclbin.
  bool is_loaded() const;

  /// Throws UsageError E-RUNTIME-003 (0 bytes, or no such bank), DeviceError E-RUNTIME-009 (out of
  /// memory).
  CardBuffer allocate(std::uint32_t bank, std::size_t bytes) const;
  /// By the instance's name, for example `myproject_1`. Throws UsageError E-RUNTIME-018.
  ComputeUnit unit(std::string_view instance) const;

 private:
  explicit Card(std::shared_ptr<detail::CardState> state);

  std::shared_ptr<detail::CardState> state_;
};

}  // namespace sluice::runtime
