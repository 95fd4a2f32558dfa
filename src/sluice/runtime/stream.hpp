#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <vector>

#include "sluice/engine/events.hpp"
#include "sluice/runtime/kernel.hpp"
#include "sluice/runtime/spans.hpp"

namespace sluice::runtime {

namespace detail {
class Lane;
}  // namespace detail

struct StreamOptions {
  std::int64_t batch_events = 1024;  ///< the most events of a call
  int depth = 2;  ///< calls in flight, each with buffers and a run of its own; 1 to 1024
};

/// Calls of a kernel that overlap: while the device works on one, the host converts and copies the
/// inputs of the next and the outputs of the one before.
///
/// Calls end in the order of their submission. A call allocates nothing unless it fails, and its
/// failure reaches whoever waits for that call. Overlap needs a device that works by itself, as
/// XRT's do; in-process devices compute within submit(). Can be moved; one thread at a time.
class Stream {
 public:
  /// The number of a call, counted from 0.
  enum class Call : std::uint64_t {};

  /// Throws UsageError E-RUNTIME-017 for a depth out of range, and as Kernel::allocate_input does.
  explicit Stream(const Kernel& kernel, const StreamOptions& options = {});
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  /// Waits for the calls in flight; their failures are dropped.
  ~Stream();

  /// Starts a call on at most batch_events() events, as Predictor::predict takes them. Blocks
  /// while depth() calls are in flight. `inputs` may change after this returns; `outputs`, and
  /// `spans` when given, are written when the call ends, in a later function of this object.
  ///
  /// Throws for this call, which then does not exist, what Predictor::predict throws for its
  /// inputs, UsageError E-RUNTIME-003 for more events than a batch or for none, and DeviceError.
  Call submit(const engine::ConstEvents& inputs, const engine::Events& outputs,
              Spans* spans = nullptr);

  /// Blocks until `call` and those before it have ended. Throws what `call` failed with, once:
  /// a failure that was thrown is forgotten. Throws UsageError E-RUNTIME-012 for a call that was
  /// never submitted.
  void wait(Call call);

  /// Blocks until every call has ended. Throws the oldest failure that nobody waited for.
  void wait_all();

  int in_flight() const noexcept { return static_cast<int>(submitted_ - ended_); }
  int depth() const noexcept { return static_cast<int>(slots_.size()); }
  std::int64_t batch_events() const noexcept;

 private:
  struct Slot {
    std::unique_ptr<detail::Lane> lane;
    Spans* spans = nullptr;
  };

  Slot& slot_of(std::uint64_t call) noexcept { return slots_[call % slots_.size()]; }
  void end_oldest() noexcept;

  std::vector<Slot> slots_;
  std::uint64_t submitted_ = 0;
  std::uint64_t ended_ = 0;
  std::map<std::uint64_t, std::exception_ptr> failures_;  // of ended calls, not yet thrown
};

}  // namespace sluice::runtime
