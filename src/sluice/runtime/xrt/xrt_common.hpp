#pragma once

#include <ert.h>
#include <fmt/format.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/runtime/backend.hpp"

/// What the XRT back ends of Device and Card share.
namespace sluice::runtime::detail {

/// Calls `action`; what XRT throws becomes a DeviceError about `subject` that says `doing`.
template <class Action>
auto with_xrt(const std::string& subject, std::string_view doing, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw DeviceError("E-RUNTIME-009", subject, fmt::format("{}: {}", doing, error.what()));
  }
}

class XrtMemory : public DeviceMemory {
 public:
  /// `group`: as xrt::kernel::group_id() gives it, or the index of a memory bank.
  XrtMemory(std::string subject, const xrt::device& device, std::size_t bytes, int group);

  std::span<std::byte> host() noexcept override { return host_; }
  std::uint64_t device_address() const noexcept override { return address_; }
  void sync(SyncDirection direction, std::size_t offset, std::size_t bytes) override;
  const xrt::bo& bo() const noexcept { return bo_; }

 private:
  std::string subject_;
  xrt::bo bo_;
  std::span<std::byte> host_;
  std::uint64_t address_;
};

class EndCounter;

/// XRT's emulated cards never return from run::wait() before the kernel is done, whatever the
/// timeout, and do not obey abort(). There the end comes by a callback. Real cards and the no-op
/// shim keep run::wait(): it obeys the timeout without a second thread.
class XrtCommand {
 public:
  /// `card`: the N of its URI xrt:N.
  XrtCommand(unsigned card, const xrt::kernel& kernel);

  xrt::run& run() noexcept { return run_; }
  const std::string& subject() const noexcept { return subject_; }
  void start();
  /// As DeviceRun::wait. DeviceError E-RUNTIME-009 too when an emulated card has died.
  bool wait(std::chrono::milliseconds timeout);

 private:
  unsigned card_;
  std::string subject_;
  std::shared_ptr<EndCounter> ends_;  // null: by run::wait()
  xrt::run run_;
  std::uint64_t starts_ = 0;
};

/// Card `index`, opened once at a time: XRT's emulation closes a card for all of its handles when
/// the first one goes.
///
/// An emulated card stays open until the process ends. XRT closes it in a thread of its scheduler,
/// and its shim crashes when the process opens the card again meanwhile.
std::shared_ptr<xrt::device> open_card(unsigned index, const std::string& subject);

/// The card's own name, and what emulates it.
DeviceInfo describe_card(const xrt::device& device, const std::string& subject);

}  // namespace sluice::runtime::detail
