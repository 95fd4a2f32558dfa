#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "sluice/package/package.hpp"
#include "sluice/runtime/device.hpp"

/// The seam between the runtime's public classes and what computes. Private to the runtime.
namespace sluice::runtime::detail {

enum class SyncDirection : std::uint8_t { to_device, from_device };

/// One allocation. sync() is called from one thread at a time.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  virtual ~DeviceMemory() = default;

  virtual std::span<std::byte> host() noexcept = 0;
  /// Of the first byte, as the kernel sees it.
  virtual std::uint64_t device_address() const noexcept = 0;
  virtual void sync(SyncDirection direction, std::size_t offset, std::size_t bytes) = 0;
};

/// One execution. The caller keeps both memories alive until it has ended, and starts it only when
/// it is not in flight.
class DeviceRun {
 public:
  DeviceRun() = default;
  DeviceRun(const DeviceRun&) = delete;
  DeviceRun& operator=(const DeviceRun&) = delete;
  virtual ~DeviceRun() = default;

  virtual void start(DeviceMemory& input, DeviceMemory& output, std::uint32_t events) = 0;
  /// False: not done after `timeout`. A kernel's or device's failure throws DeviceError.
  virtual bool wait(std::chrono::milliseconds timeout) = 0;
  virtual std::optional<std::uint64_t> kernel_cycles() const noexcept = 0;
};

/// One opened and programmed device. Safe to be called from several threads.
class DeviceBackend {
 public:
  DeviceBackend() = default;
  DeviceBackend(const DeviceBackend&) = delete;
  DeviceBackend& operator=(const DeviceBackend&) = delete;
  virtual ~DeviceBackend() = default;

  virtual DeviceInfo info() const = 0;
  virtual std::unique_ptr<DeviceMemory> allocate(Port port, std::size_t bytes) = 0;
  virtual std::unique_ptr<DeviceRun> make_run() = 0;
};

/// What kernels, buffers and runs of one device share.
struct DeviceState {
  DeviceState(package::Manifest the_manifest, const DeviceOptions& the_options,
              std::shared_ptr<DeviceBackend> the_backend, std::string_view uri);

  package::Manifest manifest;
  DeviceOptions options;
  std::shared_ptr<DeviceBackend> backend;
  DeviceInfo info;

  const package::TensorPort& port(Port port) const noexcept {
    return port == Port::input ? manifest.input : manifest.output;
  }
};

/// Keeps what a hung run still uses, its backend among them, until the process ends: a device that
/// works on something cannot be closed.
void keep_for_ever(std::shared_ptr<void> what);

/// Zeroed host memory at a 4096-byte boundary.
class AlignedBytes {
 public:
  static constexpr std::size_t kAlignment = 4096;
  explicit AlignedBytes(std::size_t bytes);
  std::span<std::byte> span() noexcept { return {data_.get(), size_}; }
  const std::byte* data() const noexcept { return data_.get(); }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_;
};

std::unique_ptr<DeviceBackend> open_engine(const package::Package& package,
                                           const DeviceOptions& options);
std::unique_ptr<DeviceBackend> open_rtl(const package::Package& package,
                                        const DeviceOptions& options);
/// Loads the XRT back end's module at the first call.
std::unique_ptr<DeviceBackend> open_xrt(const package::Package& package, unsigned index,
                                        const DeviceOptions& options);

/// What the module exports under the name kXrtEntryName. The caller owns the result.
using XrtEntry = DeviceBackend*(const package::Package& package, unsigned index,
                                const DeviceOptions& options);
inline constexpr const char* kXrtEntryName = "sluice_runtime_open_xrt";
/// Under this name it exports a `const char*`, which must equal the runtime's own version.
inline constexpr const char* kXrtVersionName = "sluice_runtime_xrt_version";

}  // namespace sluice::runtime::detail
