#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace sluice::card {

/// The card's log file, one line per entry with the milliseconds since the card started.
class CardLog {
 public:
  /// Appends to `file`; an empty path makes a log that keeps nothing.
  /// Throws ToolError E-CARD-021 when the file cannot be opened.
  explicit CardLog(const std::filesystem::path& file = {});

  bool is_open() const { return out_.is_open(); }
  void line(std::string_view text);
  /// For what a user must see: the log, and stderr.
  void report(std::string_view text);

 private:
  std::ofstream out_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sluice::card
