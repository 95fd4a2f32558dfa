#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "sluice/engine/convert.hpp"
#include "sluice/engine/events.hpp"
#include "sluice/runtime/kernel.hpp"
#include "sluice/runtime/spans.hpp"

/// What one call of a kernel needs beside the caller's arrays. Private to the runtime.
namespace sluice::runtime::detail {

/// Caller's arrays that were checked against the kernel's ports: whole events, as many outputs as
/// inputs, integers of the container type.
struct CheckedEvents {
  engine::ConstEvents inputs;
  engine::Events outputs;
  std::size_t events = 0;
};

/// Throws UsageError E-RUNTIME-002 (integers of another type) or E-RUNTIME-003 (sizes).
CheckedEvents check_events(const package::Manifest& manifest, const engine::ConstEvents& inputs,
                           const engine::Events& outputs);

/// Buffers, run and conversions for one batch at a time: begin(), then finish(). Allocates when it
/// is made, and not after. Can be moved while it is idle.
class Lane {
 public:
  /// Throws as Kernel::allocate_input does.
  Lane(const Kernel& kernel, std::int64_t batch_events);

  /// Converts and copies events [first, first + events) to the device and starts the kernel.
  /// Throws UsageError E-RUNTIME-016 (a mantissa outside of the input's format), a UsageError for
  /// NaN that names event and element, and what Run and AnyBuffer throw; the lane is idle then.
  void begin(const CheckedEvents& call, std::size_t first, std::size_t events);

  /// Waits for the kernel, copies and converts into the outputs of the call that began. Adds the
  /// times since begin() to `spans`. Throws what Run and AnyBuffer throw.
  void finish(Spans& spans);

  const Kernel& kernel() const noexcept { return kernel_; }
  std::int64_t batch_events() const noexcept { return input_.events(); }
  std::optional<std::uint64_t> kernel_cycles() const noexcept { return run_.kernel_cycles(); }

 private:
  using Clock = std::chrono::steady_clock;

  void inject(const engine::ConstEvents& inputs, std::size_t first_event);
  void extract();

  Kernel kernel_;
  engine::EventConverter input_converter_;
  engine::EventConverter output_converter_;
  AnyBuffer input_;
  AnyBuffer output_;
  Run run_;
  engine::Events outputs_;  // of the call that began
  std::size_t events_ = 0;
  Clock::time_point began_, injected_;
};

}  // namespace sluice::runtime::detail
