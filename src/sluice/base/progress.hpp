#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

/// Where long work reports how far it is. The library never prints; the caller's sink may.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  /// `done` of `total` units of `stage`; `total` is 0 when it is not known. Called from one thread.
  /// An exception from here stops the work and is passed on.
  virtual void update(std::string_view stage, std::uint64_t done, std::uint64_t total) = 0;
};

/// Does nothing: the default of every `ProgressSink&` parameter.
ProgressSink& no_progress() noexcept;

}  // namespace sluice
