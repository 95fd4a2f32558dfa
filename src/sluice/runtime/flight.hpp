#pragma once

#include <algorithm>
#include <chrono>
#include <exception>

#include "sluice/runtime/device.hpp"

namespace sluice::runtime::detail {

/// Whether a run is in flight, and how it is waited for. `wait` is called with a time-out, gives
/// false when the run is not done by then, and throws when it has failed.
class Flight {
 public:
  /// `options` must outlive this object.
  explicit Flight(const DeviceOptions& options) : options_(options) {}

  bool in_flight() const noexcept { return in_flight_; }
  void started() noexcept {
    in_flight_ = true;
    interrupted_ = false;
  }

  /// False: still in flight after `timeout`.
  template <class Wait>
  bool wait(std::chrono::milliseconds timeout, Wait&& wait) {
    for (;;) {
      const auto slice = options_.check_interrupt
                             ? std::min(timeout, DeviceOptions::kInterruptCheckPeriod)
                             : timeout;
      in_flight_ = false;  // a failure ends the run too
      in_flight_ = !wait(slice);
      if (!in_flight_) return true;
      timeout -= slice;
      if (timeout.count() <= 0) return false;
      check_interrupt();
    }
  }

  /// For destructors: waits for a run in flight, at most for the run_timeout. False: it hangs.
  template <class Wait>
  bool finish(Wait&& wait) noexcept {
    if (!in_flight_) return true;
    try {
      return wait(interrupted_ ? std::chrono::milliseconds{0} : options_.run_timeout);
    } catch (const std::exception&) {
      return true;  // the run has ended, badly; nobody is left to be told
    }
  }

 private:
  void check_interrupt() {
    interrupted_ = true;
    options_.check_interrupt();
    interrupted_ = false;
  }

  const DeviceOptions& options_;
  bool in_flight_ = false;
  bool interrupted_ = false;
};

}  // namespace sluice::runtime::detail
