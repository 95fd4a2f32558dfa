#include "card/device/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "sluice/base/error.hpp"

namespace sluice::card {

CardLog::CardLog(const std::filesystem::path& file) {
  if (file.empty()) return;
  out_.open(file, std::ios::app);
  if (!out_) throw ToolError("E-CARD-021", file.string(), "cannot open this log file");
}

void CardLog::line(std::string_view text) {
  if (!out_.is_open()) return;
  const std::chrono::duration<double, std::milli> since = std::chrono::steady_clock::now() - start_;
  out_ << fmt::format("{:10.3f} ms [{}] {}\n", since.count(), ::getpid(), text) << std::flush;
}

void CardLog::report(std::string_view text) {
  line(text);
  fmt::print(stderr, "sluice-card: {}\n", text);
}

}  // namespace sluice::card
