#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sluice/base/npy.hpp"
#include "sluice/engine/events.hpp"
#include "sluice/runtime/kernel.hpp"
#include "sluice/runtime/spans.hpp"

namespace sluice::runtime {

namespace detail {
class Lane;
}  // namespace detail

/// What a Predictor gives back.
enum class Outputs {
  values,    ///< real numbers, float64: exact up to 53 bits
  mantissas  ///< integers in the output's container type
};

/// Feeds events through a kernel in one call: convert, copy, run, copy, convert.
///
/// Owns its buffers and its run, so that a call on spans allocates nothing. More events than the
/// buffers hold go through in several runs. Can be moved; one thread at a time: use one predictor
/// per thread on the same kernel.
class Predictor {
 public:
  static constexpr std::int64_t kDefaultBatchEvents = 4096;

  /// `batch_events` is what the buffers hold. Throws as Kernel::allocate_input does.
  explicit Predictor(const Kernel& kernel, std::int64_t batch_events = kDefaultBatchEvents);
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;
  ~Predictor();

  /// `inputs` holds whole events, back to back: float or double are real values, quantised as the
  /// manifest says; integers are mantissas and must be of the container type. `outputs` likewise,
  /// for as many events. `spans`, when given, receives the times of this call; a call on more
  /// events than the buffers hold gives sums.
  ///
  /// Throws UsageError E-RUNTIME-002 (integers of another type), E-RUNTIME-003 (sizes) or
  /// E-RUNTIME-016 (a mantissa outside of the input's format), a UsageError for NaN that names
  /// event and element, and what Run and AnyBuffer throw. `outputs` is unspecified then.
  void predict(const engine::ConstEvents& inputs, const engine::Events& outputs,
               Spans* spans = nullptr);

  /// The same on arrays: `inputs` has the shape [events, ...shape of one event], or one axis per
  /// event with as many elements; the result has the shape [events, ...shape of the output].
  NpyArray predict(const NpyArray& inputs, Outputs outputs = Outputs::values);

  /// Clock cycles of the last run of the last call; empty where the device cannot tell.
  std::optional<std::uint64_t> kernel_cycles() const noexcept;
  const Kernel& kernel() const noexcept;
  std::int64_t batch_events() const noexcept;

 private:
  std::unique_ptr<detail::Lane> lane_;
};

}  // namespace sluice::runtime
