#pragma once

#include <chrono>
#include <string>

#include "sluice/base/progress.hpp"

namespace sluice::cli {

/// Progress on stderr: a bar that redraws itself on a terminal, nothing elsewhere.
class ProgressBar final : public ProgressSink {
 public:
  /// `enabled` false keeps it silent on a terminal too (`--quiet`, `--json`).
  explicit ProgressBar(bool enabled);
  ~ProgressBar() override;
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override;
  /// Removes the bar, before other output.
  void clear();

 private:
  bool enabled_;
  bool drawn_ = false;
  std::string stage_;
  std::chrono::steady_clock::time_point last_draw_;
};

}  // namespace sluice::cli
