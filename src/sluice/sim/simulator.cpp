#include "sluice/sim/simulator.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/sim/kernel_abi.h"
#include "sluice/sim/memory_port.hpp"

namespace sluice::sim {
namespace {

constexpr int kResetCycles = 4;
constexpr int kRegisterLimitCycles = 1000;  // the shell answers within 2

struct CloseLibrary {
  void operator()(void* library) const noexcept { ::dlclose(library); }
};
using Library = std::unique_ptr<void, CloseLibrary>;

Library open_library(const std::filesystem::path& file) {
  Library library(::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library) {
    const char* reason = ::dlerror();
    throw ToolError("E-SIM-004", file.string(),
                    fmt::format("cannot load the kernel: {}", reason != nullptr ? reason : "?"));
  }
  return library;
}

const SluiceKernelAbi& find_abi(const Library& library, const std::filesystem::path& file) {
  using Entry = const SluiceKernelAbi* (*)();
  const auto entry = reinterpret_cast<Entry>(::dlsym(library.get(), "sluice_kernel_abi"));
  if (entry == nullptr) {
    throw ToolError("E-SIM-004", file.string(), "this library is not a simulated kernel");
  }
  const SluiceKernelAbi& abi = *entry();
  if (abi.version != SLUICE_KERNEL_ABI_VERSION || abi.inputs_bytes != sizeof(SluiceKernelInputs) ||
      abi.outputs_bytes != sizeof(SluiceKernelOutputs)) {
    throw ToolError("E-SIM-004", file.string(),
                    fmt::format("kernel interface {} found, {} expected", abi.version,
                                static_cast<int>(SLUICE_KERNEL_ABI_VERSION)),
                    "build the kernel again with this version");
  }
  return abi;
}

}  // namespace

class Simulator::Impl {
 public:
  Impl(const std::filesystem::path& file, SimulatorOptions options)
      : file_(file),
        library_(open_library(file)),
        abi_(find_abi(library_, file)),
        memory_(options.memory ? std::move(options.memory) : std::make_shared<Memory>()),
        kernel_(abi_.open(options.register_seed), KernelDeleter{abi_.close}),
        read_port_(abi_.input_bus_bytes),
        write_port_(abi_.output_bus_bytes) {
    if (!kernel_) throw ToolError("E-SIM-004", file.string(), "not enough memory for the kernel");
    context_.memory = memory_.get();
    context_.check_allocations = options.check_allocations;
    set_timing(options.timing);
    reset();
  }

  void set_timing(const MemoryTiming& timing) {
    require_valid(timing);
    context_.timing = timing;
    context_.random.seed(timing.seed);
  }

  void set_fault(const MemoryFault& fault) {
    context_.fault = fault;
    read_port_.restart_fault();
    write_port_.restart_fault();
  }

  void reset() {
    in_ = {};
    read_port_ = ReadPort(abi_.input_bus_bytes);
    write_port_ = WritePort(abi_.output_bus_bytes);
    for (int k = 0; k < kResetCycles; ++k) clock();
    in_.ap_rst_n = 1;
  }

  void cycle() {
    read_port_.drive(context_, in_);
    write_port_.drive(context_, in_);
    read_port_.advance(context_, in_, out_);
    write_port_.advance(context_, in_, out_);
    clock();
  }

  void write_register(std::uint32_t offset, std::uint32_t value) {
    require_offset(offset);
    in_.control_awaddr = static_cast<std::uint16_t>(offset);
    in_.control_wdata = value;
    in_.control_wstrb = 0xF;
    in_.control_awvalid = 1;
    in_.control_wvalid = 1;
    in_.control_bready = 1;
    for (int k = 0; k < kRegisterLimitCycles; ++k) {
      const bool address_taken = in_.control_awvalid && out_.control_awready;
      const bool data_taken = in_.control_wvalid && out_.control_wready;
      const bool answered = out_.control_bvalid;
      const std::uint8_t response = out_.control_bresp;
      cycle();
      if (address_taken) in_.control_awvalid = 0;
      if (data_taken) in_.control_wvalid = 0;
      if (answered) return end_transaction(in_.control_bready, "write", offset, response);
    }
    throw_no_answer("write", offset);
  }

  std::uint32_t read_register(std::uint32_t offset) {
    require_offset(offset);
    in_.control_araddr = static_cast<std::uint16_t>(offset);
    in_.control_arvalid = 1;
    in_.control_rready = 1;
    for (int k = 0; k < kRegisterLimitCycles; ++k) {
      const bool address_taken = in_.control_arvalid && out_.control_arready;
      const bool answered = out_.control_rvalid;
      const std::uint8_t response = out_.control_rresp;
      const std::uint32_t value = out_.control_rdata;
      cycle();
      if (address_taken) in_.control_arvalid = 0;
      if (answered) {
        end_transaction(in_.control_rready, "read", offset, response);
        return value;
      }
    }
    throw_no_answer("read", offset);
  }

  void start_trace(const std::filesystem::path& file) {
    if (!abi_.has_trace) {
      throw ToolError("E-SIM-009", file_.string(), "this kernel was built without waves",
                      "build it with BuildOptions::trace");
    }
    if (abi_.trace_start(kernel_.get(), file.c_str()) != 0) {
      throw ToolError("E-SIM-009", file.string(), "cannot write the waves");
    }
  }

  void stop_trace() { abi_.trace_stop(kernel_.get()); }

  const SluiceKernelAbi& abi() const noexcept { return abi_; }
  const MemoryContext& context() const noexcept { return context_; }
  Memory& memory() noexcept { return *memory_; }
  bool interrupt() const noexcept { return out_.interrupt != 0; }
  std::string name() const { return file_.string(); }

 private:
  struct KernelDeleter {
    void (*close)(SluiceKernel*);
    void operator()(SluiceKernel* kernel) const noexcept { close(kernel); }
  };

  // One clock edge with the inputs as they stand.
  void clock() {
    const int broken = abi_.cycle(kernel_.get(), &in_, &out_);
    ++context_.cycle;
    if (broken == 0) return;
    throw DeviceError("E-SIM-005", file_.string(),
                      fmt::format("a bus or stream rule was broken in cycle {}:\n{}",
                                  context_.cycle, abi_.error_text(kernel_.get())));
  }

  static void require_offset(std::uint32_t offset) {
    if (offset % 4 == 0 && offset < 0x1000) return;
    throw UsageError("E-SIM-008", fmt::format("register {:#x}", offset),
                     "a multiple of 4 below 0x1000 is expected");
  }

  void end_transaction(std::uint8_t& ready, const char* what, std::uint32_t offset,
                       std::uint8_t response) const {
    ready = 0;
    if (response == 0) return;
    throw DeviceError(
        "E-SIM-007", file_.string(),
        fmt::format("{} of register {:#x}: error response {}", what, offset, response));
  }

  [[noreturn]] void throw_no_answer(const char* what, std::uint32_t offset) const {
    throw DeviceError("E-SIM-007", file_.string(),
                      fmt::format("{} of register {:#x}: no answer in {} cycles", what, offset,
                                  kRegisterLimitCycles));
  }

  std::filesystem::path file_;
  Library library_;
  const SluiceKernelAbi& abi_;
  std::shared_ptr<Memory> memory_;
  std::unique_ptr<SluiceKernel, KernelDeleter> kernel_;
  MemoryContext context_;
  ReadPort read_port_;
  WritePort write_port_;
  SluiceKernelInputs in_{};
  SluiceKernelOutputs out_{};
};

Simulator::Simulator(const std::filesystem::path& library, SimulatorOptions options)
    : impl_(std::make_unique<Impl>(library, std::move(options))) {}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator&& other) noexcept = default;
Simulator& Simulator::operator=(Simulator&& other) noexcept = default;

void Simulator::write_register(std::uint32_t offset, std::uint32_t value) {
  impl_->write_register(offset, value);
}
std::uint32_t Simulator::read_register(std::uint32_t offset) {
  return impl_->read_register(offset);
}

void Simulator::step(std::uint64_t cycles) {
  for (std::uint64_t k = 0; k < cycles; ++k) impl_->cycle();
}

std::uint64_t Simulator::run_until_done(std::uint64_t limit_cycles) {
  const std::uint64_t begin = cycles();
  while ((read_register(reg::kControl) & reg::kDone) == 0) {
    if (cycles() - begin >= limit_cycles) {
      throw DeviceError("E-SIM-006", impl_->name(),
                        fmt::format("the run did not end within {} clock cycles", limit_cycles));
    }
  }
  return cycles() - begin;
}

RunReport Simulator::run(const RunArguments& arguments, std::uint64_t limit_cycles) {
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
  write_register(reg::kInput, low(arguments.input_address));
  write_register(reg::kInput + 4, high(arguments.input_address));
  write_register(reg::kOutput, low(arguments.output_address));
  write_register(reg::kOutput + 4, high(arguments.output_address));
  write_register(reg::kEvents, arguments.events);
  write_register(reg::kControl, reg::kStart);
  run_until_done(limit_cycles);
  RunReport report;
  report.cycles = read_register(reg::kRunCycles);
  report.cycles |= static_cast<std::uint64_t>(read_register(reg::kRunCycles + 4)) << 32;
  report.status = read_register(reg::kStatus);
  write_register(reg::kControl, reg::kContinue);
  return report;
}

void Simulator::reset() { impl_->reset(); }
std::uint64_t Simulator::cycles() const noexcept { return impl_->context().cycle; }
bool Simulator::interrupt() const noexcept { return impl_->interrupt(); }
int Simulator::input_bus_bytes() const noexcept {
  return static_cast<int>(impl_->abi().input_bus_bytes);
}
int Simulator::output_bus_bytes() const noexcept {
  return static_cast<int>(impl_->abi().output_bus_bytes);
}
Memory& Simulator::memory() noexcept { return impl_->memory(); }
void Simulator::set_timing(const MemoryTiming& timing) { impl_->set_timing(timing); }
void Simulator::set_fault(const MemoryFault& fault) { impl_->set_fault(fault); }
const std::vector<AccessError>& Simulator::access_errors() const noexcept {
  return impl_->context().access_errors;
}
void Simulator::start_trace(const std::filesystem::path& file) { impl_->start_trace(file); }
void Simulator::stop_trace() { impl_->stop_trace(); }

}  // namespace sluice::sim
