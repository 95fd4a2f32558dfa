#include "sluice/runtime/xrt/xrt_common.hpp"

#include <dlfcn.h>
#include <experimental/xrt_ini.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include "sluice/runtime/xrt/environment.hpp"

namespace sluice::runtime::detail {

namespace {

std::string_view state_name(ert_cmd_state state) noexcept {
  switch (state) {
    case ERT_CMD_STATE_ERROR:
      return "ERROR";
    case ERT_CMD_STATE_ABORT:
      return "ABORT";
    case ERT_CMD_STATE_TIMEOUT:
      return "TIMEOUT";
    case ERT_CMD_STATE_NORESPONSE:
      return "NORESPONSE";
    case ERT_CMD_STATE_SKERROR:
      return "SKERROR";
    case ERT_CMD_STATE_SKCRASHED:
      return "SKCRASHED";
    default:
      return "unknown";
  }
}

bool has_ended(ert_cmd_state state) noexcept {
  return state >= ERT_CMD_STATE_COMPLETED && state != ERT_CMD_STATE_SUBMITTED &&
         state != ERT_CMD_STATE_TIMEOUT;
}

/// XRT otherwise keeps registers for who owns a compute unit alone, and so may not run it by kernel
/// and register at once. A setting in the user's xrt.ini, or one that XRT has read already, stays.
void allow_registers() noexcept {
  try {
    xrt::ini::set("Runtime.rw_shared", "true");
  } catch (const std::exception&) {
    return;
  }
}

/// The emulated card's guard stands in for XRT's shim and knows when a card has died.
/// Null: another shim, or none.
using CardHasDied = bool (*)(unsigned card, char* text, std::size_t size_bytes);

CardHasDied find_card_has_died() noexcept {
  for (const char* guard : {"libsluice_xrt_guard_hwemu.so", "libsluice_xrt_guard_swemu.so"}) {
    if (void* library = ::dlopen(guard, RTLD_NOW | RTLD_NOLOAD); library != nullptr) {
      return reinterpret_cast<CardHasDied>(::dlsym(library, "sluice_guard_card_has_died"));
    }
  }
  return nullptr;
}

/// XRT reports the runs of an emulated card that has died as completed.
void require_living_card(unsigned card, const std::string& subject) {
  static const CardHasDied card_has_died = find_card_has_died();
  std::array<char, 512> reason{};
  if (card_has_died == nullptr || !card_has_died(card, reason.data(), reason.size())) return;
  throw DeviceError("E-RUNTIME-009", subject,
                    fmt::format("cannot wait for the kernel: sluice card: {}", reason.data()));
}

}  // namespace

XrtMemory::XrtMemory(std::string subject, const xrt::device& device, std::size_t bytes, int group)
    : subject_(std::move(subject)),
      bo_(device, bytes, static_cast<xrt::memory_group>(group)),
      host_(bo_.map<std::byte*>(), bytes),
      address_(bo_.address()) {
  std::ranges::fill(host_, std::byte{0});
}

void XrtMemory::sync(SyncDirection direction, std::size_t offset, std::size_t bytes) {
  with_xrt(subject_, "cannot copy a buffer", [&] {
    bo_.sync(direction == SyncDirection::to_device ? XCL_BO_SYNC_BO_TO_DEVICE
                                                   : XCL_BO_SYNC_BO_FROM_DEVICE,
             bytes, offset);
  });
}

/// Counts the ends of a run, as XRT's own thread reports them.
class EndCounter {
 public:
  void add() {
    {
      const std::scoped_lock lock(mutex_);
      ++ends_;
    }
    changed_.notify_one();
  }
  /// False: `ends` have not been counted after `timeout`.
  bool wait(std::uint64_t ends, std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return ends_ >= ends; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t ends_ = 0;
};

XrtCommand::XrtCommand(unsigned card, const xrt::kernel& kernel)
    : card_(card), subject_(fmt::format("xrt:{}", card)), run_(kernel) {
  const std::string mode = emulation_mode();
  if (mode != "hw_emu" && mode != "sw_emu") return;
  ends_ = std::make_shared<EndCounter>();
  run_.add_callback(
      ERT_CMD_STATE_COMPLETED, [ends = ends_](const void*, ert_cmd_state, void*) { ends->add(); },
      nullptr);
}

void XrtCommand::start() {
  run_.start();
  ++starts_;
}

bool XrtCommand::wait(std::chrono::milliseconds timeout) {
  const ert_cmd_state state = with_xrt(subject_, "cannot wait for the kernel", [&] {
    if (ends_ == nullptr) return run_.wait(timeout);
    return ends_->wait(starts_, timeout) ? run_.state() : ERT_CMD_STATE_TIMEOUT;
  });
  if (state == ERT_CMD_STATE_COMPLETED) {
    if (ends_ != nullptr) require_living_card(card_, subject_);
    return true;
  }
  if (!has_ended(state)) return false;
  throw DeviceError("E-RUNTIME-011", subject_,
                    fmt::format("the kernel ended in state {}", state_name(state)),
                    "reset the card and try again");
}

std::shared_ptr<xrt::device> open_card(unsigned index, const std::string& subject) {
  static std::mutex mutex;
  static std::map<unsigned, std::weak_ptr<xrt::device>> cards;
  // Never destroyed: XRT's own statics are gone when ours would be.
  static auto& kept = *new std::vector<std::shared_ptr<xrt::device>>;
  const std::scoped_lock lock(mutex);
  std::shared_ptr<xrt::device> card = cards[index].lock();
  if (card == nullptr) {
    allow_registers();
    card = with_xrt(subject, "cannot open the card",
                    [&] { return std::make_shared<xrt::device>(index); });
    cards[index] = card;
    if (!emulation_mode().empty()) kept.push_back(card);
  }
  return card;
}

DeviceInfo describe_card(const xrt::device& device, const std::string& subject) {
  const std::string mode = emulation_mode();
  // The shim that does nothing answers no question either.
  const std::string name =
      mode == "noop" ? std::string("XRT's no-op shim")
                     : with_xrt(subject, "cannot ask the card for its name",
                                [&] { return device.get_info<xrt::info::device::name>(); });
  return {.name = name, .emulated = !mode.empty(), .emulation = mode};
}

}  // namespace sluice::runtime::detail
