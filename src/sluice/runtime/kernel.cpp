#include "sluice/runtime/kernel.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/runtime/backend.hpp"
#include "sluice/runtime/flight.hpp"
#include "sluice/runtime/memory.hpp"

namespace sluice::runtime {

namespace {

constexpr std::string_view port_name(detail::Port port) noexcept {
  return port == detail::Port::input ? "input" : "output";
}

}  // namespace

std::string_view time_label(bool emulated, std::string_view emulation) noexcept {
  if (!emulated) return {};
  return emulation == "engine" ? "CPU" : "emulation";
}

Kernel::Kernel(std::shared_ptr<detail::DeviceState> state) : state_(std::move(state)) {}

const package::Manifest& Kernel::manifest() const noexcept { return state_->manifest; }
const DeviceInfo& Kernel::device() const noexcept { return state_->info; }
std::chrono::milliseconds Kernel::run_timeout() const noexcept {
  return state_->options.run_timeout;
}

AnyBuffer Kernel::allocate(detail::Port port, std::int64_t events) const {
  constexpr std::int64_t kMostEvents = std::numeric_limits<std::int32_t>::max();
  if (events < 1 || events > kMostEvents) {
    throw UsageError("E-RUNTIME-003", fmt::format("{} buffer", port_name(port)),
                     fmt::format("cannot hold {} events", events),
                     fmt::format("ask for 1 to {}", kMostEvents));
  }
  const std::int64_t event_bytes = state_->port(port).event_bytes();
  std::shared_ptr<detail::DeviceMemory> memory =
      state_->backend->allocate(port, static_cast<std::size_t>(events * event_bytes));
  return AnyBuffer(std::make_unique<AnyBuffer::Impl>(
      AnyBuffer::Impl{state_, port, events, event_bytes, std::move(memory)}));
}

AnyBuffer Kernel::allocate_input(std::int64_t events) const {
  return allocate(detail::Port::input, events);
}

AnyBuffer Kernel::allocate_output(std::int64_t events) const {
  return allocate(detail::Port::output, events);
}

void Kernel::require_type(detail::Port port, int bits) const {
  const package::TensorPort& tensor = state_->port(port);
  if (tensor.container_bits() == bits) return;
  throw UsageError("E-RUNTIME-002", fmt::format("{} `{}`", port_name(port), tensor.name),
                   fmt::format("its mantissas ({}) are int{} in memory, not int{}",
                               to_string(tensor.quantizer.format), tensor.container_bits(), bits));
}

Run Kernel::make_run() const {
  return Run(std::make_unique<Run::Impl>(state_, state_->backend->make_run()));
}

class Run::Impl {
 public:
  Impl(std::shared_ptr<detail::DeviceState> state, std::unique_ptr<detail::DeviceRun> run)
      : state_(std::move(state)), run_(std::move(run)), flight_(state_->options) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { finish(); }

  auto wait_for_run() {
    return [this](std::chrono::milliseconds timeout) { return run_->wait(timeout); };
  }

  void start(const AnyBuffer& input, const AnyBuffer& output, std::int64_t events) {
    if (flight_.in_flight()) {
      throw UsageError("E-RUNTIME-012", "run", "is started while it is still in flight",
                       "wait() for it, or use several runs");
    }
    adopt(detail::Port::input, input, input_, events);
    adopt(detail::Port::output, output, output_, events);
    run_->start(*input_, *output_, static_cast<std::uint32_t>(events));
    flight_.started();
  }

  void wait(std::chrono::milliseconds timeout) {
    if (!flight_.in_flight()) {
      throw UsageError("E-RUNTIME-012", "run", "is waited for, but was not started");
    }
    if (flight_.wait(timeout, wait_for_run())) return;
    throw DeviceError(
        "E-RUNTIME-010", state_->info.uri,
        fmt::format("kernel `{}` is not done after {} ms", state_->manifest.name, timeout.count()),
        "wait longer, or reset the card if it hangs");
  }

  const detail::DeviceState& state() const noexcept { return *state_; }
  const detail::DeviceRun& device_run() const noexcept { return *run_; }
  bool in_flight() const noexcept { return flight_.in_flight(); }

 private:
  void adopt(detail::Port port, const AnyBuffer& buffer,
             std::shared_ptr<detail::DeviceMemory>& memory, std::int64_t events) const {
    const AnyBuffer::Impl& impl = *buffer.impl_;
    if (impl.state != state_ || impl.port != port) {
      throw UsageError("E-RUNTIME-005", fmt::format("{} buffer", port_name(port)),
                       impl.state != state_
                           ? "belongs to another device"
                           : fmt::format("was allocated for the {}", port_name(impl.port)),
                       fmt::format("allocate it with Kernel::allocate_{}", port_name(port)));
    }
    if (events < 1 || events > impl.events) {
      throw UsageError("E-RUNTIME-004", fmt::format("{} buffer", port_name(port)),
                       fmt::format("holds {} events, the run asks for {}", impl.events, events));
    }
    if (memory != impl.memory) memory = impl.memory;
  }

  void finish() noexcept {
    if (flight_.finish(wait_for_run())) return;
    try {
      for (const std::shared_ptr<void>& used :
           {std::shared_ptr<void>(state_->backend), std::shared_ptr<void>(run_),
            std::shared_ptr<void>(input_), std::shared_ptr<void>(output_)}) {
        detail::keep_for_ever(used);
      }
    } catch (const std::bad_alloc&) {
      // Freed below instead of kept.
    }
  }

  std::shared_ptr<detail::DeviceState> state_;
  std::shared_ptr<detail::DeviceMemory> input_;
  std::shared_ptr<detail::DeviceMemory> output_;
  std::shared_ptr<detail::DeviceRun> run_;
  detail::Flight flight_;
};

Run::Run(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Run::Run(Run&&) noexcept = default;
Run& Run::operator=(Run&&) noexcept = default;
Run::~Run() = default;

void Run::start(const AnyBuffer& input, const AnyBuffer& output, std::int64_t events) {
  impl_->start(input, output, events);
}

void Run::wait(std::chrono::milliseconds timeout) { impl_->wait(timeout); }
void Run::wait() { impl_->wait(impl_->state().options.run_timeout); }
bool Run::in_flight() const noexcept { return impl_->in_flight(); }

std::optional<std::uint64_t> Run::kernel_cycles() const noexcept {
  return impl_->device_run().kernel_cycles();
}

}  // namespace sluice::runtime
