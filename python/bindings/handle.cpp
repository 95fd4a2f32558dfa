#include "handle.hpp"

#include <pthread.h>

#include <atomic>

namespace sluice::python {

namespace {

std::atomic<std::uint64_t>& generation() noexcept {
  static std::atomic<std::uint64_t> counter{0};
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { counter.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return counter;
}

}  // namespace

std::uint64_t fork_generation() noexcept { return generation().load(std::memory_order_relaxed); }

void check_signals() {
  const pybind11::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

}  // namespace sluice::python
