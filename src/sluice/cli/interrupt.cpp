#include "sluice/cli/interrupt.hpp"

#include <unistd.h>

namespace sluice::cli {

namespace {

// A signal handler has no other way to leave word.
volatile std::sig_atomic_t asked_to_stop = 0;

void ask_to_stop(int signal) {
  if (asked_to_stop != 0) ::_exit(exit_code_of_signal(signal));
  asked_to_stop = signal;
}

}  // namespace

StopAtSignals::StopAtSignals() noexcept {
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals.at(i), &action, &previous_.at(i));
  }
}

StopAtSignals::~StopAtSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals.at(i), &previous_.at(i), nullptr);
  }
}

int stop_signal() noexcept { return asked_to_stop; }

int exit_code_of_signal(int signal) noexcept { return 128 + signal; }

}  // namespace sluice::cli
