#include <experimental/xrt_xclbin.h>
#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/runtime/backend.hpp"
#include "sluice/runtime/xrt/environment.hpp"
#include "sluice/runtime/xrt/xrt_common.hpp"

namespace sluice::runtime::detail {

namespace {

// Positions of the kernel's arguments.
constexpr int kInputArgument = 0;
constexpr int kOutputArgument = 1;
constexpr int kEventsArgument = 2;

class XrtRun : public DeviceRun {
 public:
  XrtRun(unsigned card, const xrt::kernel& kernel) : kernel_(kernel), command_(card, kernel) {}

  void start(DeviceMemory& input, DeviceMemory& output, std::uint32_t events) override {
    with_xrt(command_.subject(), "cannot start the kernel", [&] {
      set_buffer(kInputArgument, input, input_);
      set_buffer(kOutputArgument, output, output_);
      if (events_ != events) {
        command_.run().set_arg(kEventsArgument, events);
        events_ = events;
      }
      command_.start();
    });
  }
  bool wait(std::chrono::milliseconds timeout) override { return command_.wait(timeout); }
  /// Two reads over the bus. A card that computes otherwise than in clock cycles counts none.
  std::optional<std::uint64_t> kernel_cycles() const noexcept override {
    try {
      const std::uint64_t low = kernel_.read_register(package::registers::kCycles);
      const std::uint64_t high = kernel_.read_register(package::registers::kCycles + 4);
      const std::uint64_t cycles = high << 32 | low;
      return cycles != 0 ? std::optional(cycles) : std::nullopt;
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

 private:
  void set_buffer(int argument, DeviceMemory& memory, const DeviceMemory*& current) {
    if (current == &memory) return;
    command_.run().set_arg(argument, static_cast<XrtMemory&>(memory).bo());
    current = &memory;
  }

  xrt::kernel kernel_;
  XrtCommand command_;
  const DeviceMemory* input_ = nullptr;
  const DeviceMemory* output_ = nullptr;
  std::uint32_t events_ = 0;  // never a valid count
};

class XrtBackend : public DeviceBackend {
 public:
  XrtBackend(const package::Package& package, unsigned index, const DeviceOptions& options)
      : card_(index), subject_(fmt::format("xrt:{}", index)) {
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

  DeviceInfo info() const override { return describe_card(*device_, subject_); }

  std::unique_ptr<DeviceMemory> allocate(Port port, std::size_t bytes) override {
    return with_xrt(subject_, fmt::format("cannot allocate {} bytes", bytes), [&] {
      const int argument = port == Port::input ? kInputArgument : kOutputArgument;
      return std::make_unique<XrtMemory>(subject_, *device_, bytes, kernel_.group_id(argument));
    });
  }

  std::unique_ptr<DeviceRun> make_run() override {
    require_programmed();
    return with_xrt(subject_, "cannot make a run",
                    [&] { return std::make_unique<XrtRun>(card_, kernel_); });
  }

 private:
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

  unsigned card_;
  std::string subject_;
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
