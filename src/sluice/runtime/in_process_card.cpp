#include <fmt/format.h>

#include <array>
#include <cstring>

#include "sluice/base/error.hpp"
#include "sluice/runtime/card_backend.hpp"

namespace sluice::runtime::detail {

namespace {

constexpr std::size_t kInputArgument = 0;
constexpr std::size_t kOutputArgument = 1;

/// Arguments as they are set, handed on when it starts.
class InProcessCommand : public UnitCommand {
 public:
  InProcessCommand(const package::Manifest& manifest, std::unique_ptr<DeviceRun> run)
      : manifest_(manifest), run_(std::move(run)) {}

  void set_argument(std::size_t position, DeviceMemory& memory) override {
    memories_.at(position) = &memory;
  }
  void set_argument(std::size_t, std::span<const std::byte> value) override {
    std::memcpy(&events_, value.data(), sizeof(events_));
  }
  void start() override {
    require_events(*memories_[kInputArgument], manifest_.input);
    require_events(*memories_[kOutputArgument], manifest_.output);
    run_->start(*memories_[kInputArgument], *memories_[kOutputArgument], events_);
  }
  bool wait(std::chrono::milliseconds timeout) override { return run_->wait(timeout); }

 private:
  void require_events(DeviceMemory& memory, const package::TensorPort& port) const {
    const auto held = static_cast<std::int64_t>(memory.host().size()) / port.event_bytes();
    if (events_ >= 1 && static_cast<std::int64_t>(events_) <= held) return;
    throw UsageError("E-RUNTIME-004", "`" + port.name + "`",
                     fmt::format("its buffer holds {} events of {} bytes, the run asks for {}",
                                 held, port.event_bytes(), events_));
  }

  const package::Manifest& manifest_;
  std::unique_ptr<DeviceRun> run_;
  std::array<DeviceMemory*, 2> memories_{};
  std::uint32_t events_ = 0;
};

class InProcessUnit : public UnitBackend {
 public:
  InProcessUnit(std::shared_ptr<DeviceBackend> device, const package::Manifest& manifest)
      : device_(std::move(device)), manifest_(manifest) {}

  std::unique_ptr<UnitCommand> make_command() override {
    return std::make_unique<InProcessCommand>(manifest_, device_->make_run());
  }
  std::uint32_t read_register(std::uint32_t) override { refuse(); }
  void write_register(std::uint32_t, std::uint32_t) override { refuse(); }

 private:
  [[noreturn]] void refuse() const {
    throw UsageError("E-RUNTIME-019", device_->info().emulation,
                     "an in-process device has no registers for the host",
                     "use xrt:N, under `sluice card` for an emulated card");
  }

  std::shared_ptr<DeviceBackend> device_;
  const package::Manifest& manifest_;
};

class InProcessCard : public CardBackend {
 public:
  InProcessCard(std::shared_ptr<DeviceBackend> device, package::Manifest manifest)
      : device_(std::move(device)), manifest_(std::move(manifest)) {}

  DeviceInfo info() const override { return device_->info(); }
  bool is_loaded() const override { return true; }
  std::unique_ptr<DeviceMemory> allocate(std::uint32_t, std::size_t bytes) override {
    return device_->allocate(Port::input, bytes);
  }
  std::unique_ptr<UnitBackend> open_unit(const package::XclbinKernel&,
                                         const package::XclbinInstance&) override {
    return std::make_unique<InProcessUnit>(device_, manifest_);
  }

 private:
  std::shared_ptr<DeviceBackend> device_;
  package::Manifest manifest_;
};

}  // namespace

std::unique_ptr<CardBackend> make_in_process_card(std::shared_ptr<DeviceBackend> device,
                                                  const package::Manifest& manifest) {
  return std::make_unique<InProcessCard>(std::move(device), manifest);
}

}  // namespace sluice::runtime::detail
