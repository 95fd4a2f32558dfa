#include <ert.h>
#include <experimental/xrt_xclbin.h>
#include <fmt/format.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/runtime/backend.hpp"
#include "sluice/runtime/xrt/environment.hpp"

namespace sluice::runtime::detail {

namespace {

// Positions of the kernel's arguments.
constexpr int kInputArgument = 0;
constexpr int kOutputArgument = 1;
constexpr int kEventsArgument = 2;

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

class XrtMemory : public DeviceMemory {
 public:
  XrtMemory(std::string subject, const xrt::device& device, std::size_t bytes, int group)
      : subject_(std::move(subject)), bo_(device, bytes, static_cast<xrt::memory_group>(group)) {
    host_ = {bo_.map<std::byte*>(), bytes};
    std::ranges::fill(host_, std::byte{0});
  }

  std::span<std::byte> host() noexcept override { return host_; }
  void sync(SyncDirection direction, std::size_t offset, std::size_t bytes) override {
    with_xrt(subject_, "cannot copy a buffer", [&] {
      bo_.sync(direction == SyncDirection::to_device ? XCL_BO_SYNC_BO_TO_DEVICE
                                                     : XCL_BO_SYNC_BO_FROM_DEVICE,
               bytes, offset);
    });
  }
  const xrt::bo& bo() const noexcept { return bo_; }

 private:
  std::string subject_;
  xrt::bo bo_;
  std::span<std::byte> host_;
};

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

/// How the end of a run is learnt.
enum class EndBy : std::uint8_t { wait, callback };

/// XRT's emulated cards never return from run::wait() before the kernel is done, whatever the
/// timeout, and do not obey abort(). There the end comes by a callback. Real cards and the no-op
/// shim keep run::wait(): it obeys the timeout without a second thread.
class XrtRun : public DeviceRun {
 public:
  XrtRun(std::string subject, const xrt::kernel& kernel, EndBy end_by)
      : subject_(std::move(subject)), run_(kernel) {
    if (end_by == EndBy::wait) return;
    ends_ = std::make_shared<EndCounter>();
    run_.add_callback(
        ERT_CMD_STATE_COMPLETED, [ends = ends_](const void*, ert_cmd_state, void*) { ends->add(); },
        nullptr);
  }

  void start(DeviceMemory& input, DeviceMemory& output, std::uint32_t events) override {
    with_xrt(subject_, "cannot start the kernel", [&] {
      set_buffer(kInputArgument, input, input_);
      set_buffer(kOutputArgument, output, output_);
      if (events_ != events) {
        run_.set_arg(kEventsArgument, events);
        events_ = events;
      }
      run_.start();
      ++starts_;
    });
  }

  bool wait(std::chrono::milliseconds timeout) override {
    const ert_cmd_state state = with_xrt(subject_, "cannot wait for the kernel", [&] {
      if (ends_ == nullptr) return run_.wait(timeout);
      return ends_->wait(starts_, timeout) ? run_.state() : ERT_CMD_STATE_TIMEOUT;
    });
    if (state == ERT_CMD_STATE_COMPLETED) return true;
    if (!has_ended(state)) return false;
    throw DeviceError("E-RUNTIME-011", subject_,
                      fmt::format("the kernel ended in state {}", state_name(state)),
                      "reset the card and try again");
  }

  std::optional<std::uint64_t> kernel_cycles() const noexcept override { return std::nullopt; }

 private:
  void set_buffer(int argument, DeviceMemory& memory, const DeviceMemory*& current) {
    if (current == &memory) return;
    run_.set_arg(argument, static_cast<XrtMemory&>(memory).bo());
    current = &memory;
  }

  std::string subject_;
  std::shared_ptr<EndCounter> ends_;  // null: by run::wait()
  xrt::run run_;
  std::uint64_t starts_ = 0;
  const DeviceMemory* input_ = nullptr;
  const DeviceMemory* output_ = nullptr;
  std::uint32_t events_ = 0;  // never a valid count
};

/// Card `index`, opened once at a time: XRT's emulation closes a card for all of its handles when
/// the first one goes.
///
/// An emulated card stays open until the process ends. XRT closes it in a thread of its scheduler,
/// and its shim crashes when the process opens the card again meanwhile.
std::shared_ptr<xrt::device> open_card(unsigned index, const std::string& subject) {
  static std::mutex mutex;
  static std::map<unsigned, std::weak_ptr<xrt::device>> cards;
  // Never destroyed: XRT's own statics are gone when ours would be.
  static auto& kept = *new std::vector<std::shared_ptr<xrt::device>>;
  const std::scoped_lock lock(mutex);
  std::shared_ptr<xrt::device> card = cards[index].lock();
  if (card == nullptr) {
    card = with_xrt(subject, "cannot open the card",
                    [&] { return std::make_shared<xrt::device>(index); });
    cards[index] = card;
    if (!emulation_mode().empty()) kept.push_back(card);
  }
  return card;
}

class XrtBackend : public DeviceBackend {
 public:
  XrtBackend(const package::Package& package, unsigned index, const DeviceOptions& options)
      : subject_(fmt::format("xrt:{}", index)), emulation_(emulation_mode()) {
    device_ = open_card(index, subject_);
    const std::string file = package.xclbin_file().string();
    const xrt::xclbin xclbin =
        with_xrt(file, "XRT cannot read this xclbin", [&] { return xrt::xclbin(file); });
    uuid_ = xclbin.get_uuid();
    if (options.program) {
      with_xrt(subject_, "cannot program the card with " + file,
               [&] { return device_->load_xclbin(xclbin); });
    }
    require_programmed();
    const std::string& name = package.manifest().name;
    kernel_ = with_xrt(subject_, fmt::format("cannot open kernel `{}` of {}", name, file),
                       [&] { return xrt::kernel(*device_, uuid_, name); });
    require_registers(file);
  }

  DeviceInfo info() const override {
    return {.name = card_name(), .emulated = !emulation_.empty(), .emulation = emulation_};
  }

  std::unique_ptr<DeviceMemory> allocate(Port port, std::size_t bytes) override {
    return with_xrt(subject_, fmt::format("cannot allocate {} bytes", bytes), [&] {
      const int argument = port == Port::input ? kInputArgument : kOutputArgument;
      return std::make_unique<XrtMemory>(subject_, *device_, bytes, kernel_.group_id(argument));
    });
  }

  std::unique_ptr<DeviceRun> make_run() override {
    require_programmed();
    return with_xrt(subject_, "cannot make a run", [&] {
      const bool is_emulated_card = emulation_ == "hw_emu" || emulation_ == "sw_emu";
      return std::make_unique<XrtRun>(subject_, kernel_,
                                      is_emulated_card ? EndBy::callback : EndBy::wait);
    });
  }

 private:
  std::string card_name() const {
    // The shim that does nothing answers no question either.
    if (emulation_ == "noop") return "XRT's no-op shim";
    return with_xrt(subject_, "cannot ask the card for its name",
                    [&] { return device_->get_info<xrt::info::device::name>(); });
  }

  void require_programmed() const {
    const xrt::uuid loaded = device_->get_xclbin_uuid();
    if (loaded == uuid_) return;
    throw DeviceError(
        "E-RUNTIME-006", subject_,
        loaded ? fmt::format("the card holds xclbin {}, the package's is {}", loaded.to_string(),
                             uuid_.to_string())
               : fmt::format("the card holds no xclbin, the package's is {}", uuid_.to_string()),
        "open the device with DeviceOptions::program, or load that package first");
  }

  void require_registers(const std::string& file) const {
    const std::array expected{package::registers::kInput, package::registers::kOutput,
                              package::registers::kEvents};
    for (const int argument : {kInputArgument, kOutputArgument, kEventsArgument}) {
      const std::uint32_t found = with_xrt(file, "its kernel has other arguments",
                                           [&] { return kernel_.offset(argument); });
      const std::uint32_t due = expected.at(static_cast<std::size_t>(argument));
      if (found == due) continue;
      throw DeviceError("E-RUNTIME-006", file,
                        fmt::format("argument {} of its kernel is at {:#x}, Sluice's are at {:#x}",
                                    argument, found, due),
                        "use an xclbin that was built from the package");
    }
  }

  std::string subject_;
  std::string emulation_;
  std::shared_ptr<xrt::device> device_;
  xrt::uuid uuid_;
  xrt::kernel kernel_;
};

}  // namespace

}  // namespace sluice::runtime::detail

extern "C" {

// The names of kXrtVersionName and kXrtEntryName.
__attribute__((visibility("default"))) extern const char* const sluice_runtime_xrt_version;
const char* const sluice_runtime_xrt_version = SLUICE_VERSION;

__attribute__((visibility("default"))) sluice::runtime::detail::DeviceBackend*
sluice_runtime_open_xrt(const sluice::package::Package& package, unsigned index,
                        const sluice::runtime::DeviceOptions& options) {
  sluice::runtime::detail::require_card(index);
  return new sluice::runtime::detail::XrtBackend(package, index, options);
}
}
