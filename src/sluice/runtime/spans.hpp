#pragma once

#include <chrono>

namespace sluice::runtime {

/// Where the time of a call goes, on the steady clock.
struct Spans {
  std::chrono::nanoseconds injection{};   ///< quantise or copy, sync to the device
  std::chrono::nanoseconds inference{};   ///< start to done
  std::chrono::nanoseconds extraction{};  ///< sync from the device, convert or copy

  std::chrono::nanoseconds total() const noexcept { return injection + inference + extraction; }
};

}  // namespace sluice::runtime
