#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "sluice/base/error.hpp"

namespace sluice::python {

/// How often this process and its ancestors have forked since the module was loaded.
std::uint64_t fork_generation() noexcept;

/// A C++ object that belongs to the process in which it was made, and to one thread at a time.
///
/// A child process inherits sockets, threads and device memory of which it owns nothing: there
/// get() throws UsageError E-PYTHON-001, and the destructor leaves everything as it is. A call
/// while another thread is inside throws E-PYTHON-003.
template <class T>
class Handle {
 public:
  /// `what` is the user's word for it, for errors; a string literal.
  Handle(const char* what, T value)
      : what_(what),
        value_(std::make_unique<T>(std::move(value))),
        generation_(fork_generation()) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (generation_ != fork_generation()) {
      value_.release();  // NOLINT(bugprone-unused-return-value): owned by the parent process
      return;
    }
    const pybind11::gil_scoped_release release;
    value_.reset();
  }

  /// For calls that end at once and those of classes that are safe in several threads.
  T& get() const {
    require_own_process();
    if (value_ == nullptr) {
      throw UsageError("E-PYTHON-002", what_, "is used after it was freed", "allocate another one");
    }
    return *value_;
  }

  /// Gives up the object. Does nothing the second time.
  void free() {
    require_own_process();
    const auto lock = take();
    const pybind11::gil_scoped_release release;
    value_.reset();
  }
  bool is_freed() const noexcept { return value_ == nullptr; }

  /// Calls `action` with the object while other Python threads run.
  template <class Action>
  auto without_gil(Action&& action) {
    T& value = get();
    const auto lock = take();
    const pybind11::gil_scoped_release release;
    return std::forward<Action>(action)(value);
  }

 private:
  void require_own_process() const {
    if (generation_ == fork_generation()) return;
    throw UsageError("E-PYTHON-001", what_, "was made before this process was forked",
                     "open the device in the child process, or start children with "
                     "multiprocessing's `spawn` method");
  }
  std::unique_lock<std::mutex> take() {
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) return lock;
    throw UsageError("E-PYTHON-003", what_, "is in use by another thread",
                     "make one for each thread; a Session serves all of them");
  }

  const char* what_;
  std::unique_ptr<T> value_;
  std::uint64_t generation_;
  std::mutex mutex_;
};

/// Runs the handlers of Python's signals. Throws what they raise, KeyboardInterrupt for Ctrl-C.
void check_signals();

}  // namespace sluice::python
