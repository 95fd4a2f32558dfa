#include "sluice/cli/progress_bar.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "sluice/cli/interrupt.hpp"

namespace sluice::cli {

namespace {
constexpr int kBarWidth = 30;
constexpr auto kRedrawPeriod = std::chrono::milliseconds(80);
}  // namespace

ProgressBar::ProgressBar(bool enabled) : enabled_(enabled && ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

void ProgressBar::update(std::string_view stage, std::uint64_t done, std::uint64_t total) {
  if (stop_signal() != 0) throw Interrupted();
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && stage == stage_ && now - last_draw_ < kRedrawPeriod && done != total) return;
  stage_ = stage;
  last_draw_ = now;
  drawn_ = true;
  if (total == 0) {
    fmt::print(stderr, "\r\033[K{} {}", stage, done == 0 ? std::string() : std::to_string(done));
  } else {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const int filled = static_cast<int>(share * kBarWidth);
    fmt::print(stderr, "\r\033[K{} [{:=<{}}{:{}}] {:3.0f} %", stage, "", filled, "",
               kBarWidth - filled, share * 100);
  }
  std::fflush(stderr);
}

}  // namespace sluice::cli
