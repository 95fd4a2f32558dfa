#pragma once

#include <array>
#include <csignal>
#include <exception>

namespace sluice::cli {

/// Thrown by a progress report once a signal has asked to stop.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

/// While it exists, SIGINT, SIGTERM and SIGHUP end the work at its next report of progress, by an
/// exception, so that unfinished output is taken away. A second signal ends the program at once.
class StopAtSignals {
 public:
  StopAtSignals() noexcept;
  ~StopAtSignals();
  StopAtSignals(const StopAtSignals&) = delete;
  StopAtSignals& operator=(const StopAtSignals&) = delete;

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> previous_{};
};

/// The signal that has asked to stop; 0: none has.
int stop_signal() noexcept;

/// Exit code of a program that `signal` has ended; 130 for SIGINT.
int exit_code_of_signal(int signal) noexcept;

}  // namespace sluice::cli
