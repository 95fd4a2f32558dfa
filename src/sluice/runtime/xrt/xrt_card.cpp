#include <experimental/xrt_xclbin.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "sluice/runtime/card_backend.hpp"
#include "sluice/runtime/xrt/environment.hpp"
#include "sluice/runtime/xrt/xrt_common.hpp"

namespace sluice::runtime::detail {

namespace {

class XrtUnitCommand : public UnitCommand {
 public:
  XrtUnitCommand(unsigned card, const xrt::kernel& kernel) : command_(card, kernel) {}

  void set_argument(std::size_t position, DeviceMemory& memory) override {
    with_xrt(command_.subject(), "cannot set an argument", [&] {
      command_.run().set_arg(static_cast<int>(position), static_cast<XrtMemory&>(memory).bo());
    });
  }
  void set_argument(std::size_t position, std::span<const std::byte> value) override {
    with_xrt(command_.subject(), "cannot set an argument", [&] {
      const void* data = value.data();
      command_.run().set_arg(static_cast<int>(position), data, value.size());
    });
  }
  void start() override {
    with_xrt(command_.subject(), "cannot start the kernel", [&] { command_.start(); });
  }
  bool wait(std::chrono::milliseconds timeout) override { return command_.wait(timeout); }

 private:
  XrtCommand command_;
};

class XrtUnit : public UnitBackend {
 public:
  XrtUnit(unsigned card, std::string subject, const xrt::device& device, const xrt::uuid& uuid,
          const std::string& name)
      : card_(card),
        subject_(std::move(subject)),
        kernel_(with_xrt(subject_, fmt::format("cannot open compute unit `{}`", name),
                         [&] { return xrt::kernel(device, uuid, name); })) {}

  std::unique_ptr<UnitCommand> make_command() override {
    return with_xrt(subject_, "cannot make a run",
                    [&] { return std::make_unique<XrtUnitCommand>(card_, kernel_); });
  }
  std::uint32_t read_register(std::uint32_t offset_bytes) override {
    return with_xrt(subject_, "cannot read a register",
                    [&] { return kernel_.read_register(offset_bytes); });
  }
  void write_register(std::uint32_t offset_bytes, std::uint32_t value) override {
    with_xrt(subject_, "cannot write a register",
             [&] { kernel_.write_register(offset_bytes, value); });
  }

 private:
  unsigned card_;
  std::string subject_;
  xrt::kernel kernel_;
};

class XrtCard : public CardBackend {
 public:
  XrtCard(const std::string& file, unsigned index)
      : card_(index), subject_(fmt::format("xrt:{}", index)), device_(open_card(index, subject_)) {
    const xrt::xclbin xclbin =
        with_xrt(file, "XRT cannot read this xclbin", [&] { return xrt::xclbin(file); });
    uuid_ = with_xrt(subject_, "cannot program the card with " + file,
                     [&] { return device_->load_xclbin(xclbin); });
  }

  DeviceInfo info() const override { return describe_card(*device_, subject_); }
  bool is_loaded() const override { return device_->get_xclbin_uuid() == uuid_; }

  std::unique_ptr<DeviceMemory> allocate(std::uint32_t bank, std::size_t bytes) override {
    return with_xrt(subject_, fmt::format("cannot allocate {} bytes", bytes), [&] {
      return std::make_unique<XrtMemory>(subject_, *device_, bytes, static_cast<int>(bank));
    });
  }
  std::unique_ptr<UnitBackend> open_unit(const package::XclbinKernel& kernel,
                                         const package::XclbinInstance& instance) override {
    return std::make_unique<XrtUnit>(card_, subject_, *device_, uuid_,
                                     fmt::format("{}:{{{}}}", kernel.name, instance.name));
  }

 private:
  unsigned card_;
  std::string subject_;
  std::shared_ptr<xrt::device> device_;
  xrt::uuid uuid_;
};

}  // namespace

}  // namespace sluice::runtime::detail

extern "C" {

// The names of kXrtCardEntryName and kXrtCountName.
__attribute__((visibility("default"))) sluice::runtime::detail::CardBackend*
sluice_runtime_open_xrt_card(const std::filesystem::path& xclbin, unsigned index) {
  sluice::runtime::detail::require_card(index);
  return new sluice::runtime::detail::XrtCard(xclbin.string(), index);
}

__attribute__((visibility("default"))) unsigned sluice_runtime_count_xrt_cards() {
  return sluice::runtime::detail::count_cards();
}
}
