#include "card/guard/locks.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sluice::guard {

namespace {

/// The shim's mutexes that this thread has; of fixed size, so that it needs no destruction at the
/// thread's end. One that finds no room is not tracked and keeps its plain meaning.
class MutexSet {
 public:
  void add(pthread_mutex_t* mutex) {
    if (count_ < mutexes_.size()) mutexes_[count_++] = mutex;
  }
  bool remove(pthread_mutex_t* mutex) {
    const auto end = mutexes_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto found = std::find(mutexes_.begin(), end, mutex);
    if (found == end) return false;
    *found = mutexes_[--count_];
    return true;
  }
  pthread_mutex_t* take_any() { return count_ > 0 ? mutexes_[--count_] : nullptr; }

 private:
  std::array<pthread_mutex_t*, 16> mutexes_{};
  std::size_t count_ = 0;
};

thread_local MutexSet held;
thread_local MutexSet abandoned;

}  // namespace

int lock_tracked(pthread_mutex_t* mutex) {
  abandoned.remove(mutex);
  const int error = ::pthread_mutex_lock(mutex);
  if (error == 0) held.add(mutex);
  return error;
}

int unlock_tracked(pthread_mutex_t* mutex) {
  if (abandoned.remove(mutex)) return 0;
  held.remove(mutex);
  return ::pthread_mutex_unlock(mutex);
}

void abandon_locks() {
  while (pthread_mutex_t* mutex = held.take_any()) {
    ::pthread_mutex_unlock(mutex);
    abandoned.add(mutex);
  }
}

}  // namespace sluice::guard
