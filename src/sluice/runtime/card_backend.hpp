#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "sluice/package/xclbin.hpp"
#include "sluice/runtime/backend.hpp"

/// The seam below Card. Private to the runtime.
namespace sluice::runtime::detail {

/// One execution of a compute unit. Arguments arrive checked against the xclbin.
class UnitCommand {
 public:
  UnitCommand() = default;
  UnitCommand(const UnitCommand&) = delete;
  UnitCommand& operator=(const UnitCommand&) = delete;
  virtual ~UnitCommand() = default;

  virtual void set_argument(std::size_t position, DeviceMemory& memory) = 0;
  virtual void set_argument(std::size_t position, std::span<const std::byte> value) = 0;
  virtual void start() = 0;
  /// As DeviceRun::wait.
  virtual bool wait(std::chrono::milliseconds timeout) = 0;
};

/// One compute unit. Safe to be called from several threads.
class UnitBackend {
 public:
  UnitBackend() = default;
  UnitBackend(const UnitBackend&) = delete;
  UnitBackend& operator=(const UnitBackend&) = delete;
  virtual ~UnitBackend() = default;

  virtual std::unique_ptr<UnitCommand> make_command() = 0;
  virtual std::uint32_t read_register(std::uint32_t offset_bytes) = 0;
  virtual void write_register(std::uint32_t offset_bytes, std::uint32_t value) = 0;
};

/// One opened and programmed card. Safe to be called from several threads.
class CardBackend {
 public:
  CardBackend() = default;
  CardBackend(const CardBackend&) = delete;
  CardBackend& operator=(const CardBackend&) = delete;
  virtual ~CardBackend() = default;

  virtual DeviceInfo info() const = 0;
  virtual bool is_loaded() const = 0;
  virtual std::unique_ptr<DeviceMemory> allocate(std::uint32_t bank, std::size_t bytes) = 0;
  virtual std::unique_ptr<UnitBackend> open_unit(const package::XclbinKernel& kernel,
                                                 const package::XclbinInstance& instance) = 0;
};

/// The package's own kernel on `engine` or `rtl`.
std::unique_ptr<CardBackend> make_in_process_card(std::shared_ptr<DeviceBackend> device,
                                                  const package::Manifest& manifest);

/// Loads the XRT back end's module at the first call.
std::unique_ptr<CardBackend> open_xrt_card(const std::filesystem::path& xclbin, unsigned index);

unsigned count_xrt_cards();

/// What the module exports under the name kXrtCardEntryName. The caller owns the result.
using XrtCardEntry = CardBackend*(const std::filesystem::path& xclbin, unsigned index);
inline constexpr const char* kXrtCardEntryName = "sluice_runtime_open_xrt_card";
using XrtCountEntry = unsigned();
inline constexpr const char* kXrtCountName = "sluice_runtime_count_xrt_cards";

}  // namespace sluice::runtime::detail
