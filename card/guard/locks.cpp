#include "card/guard/locks.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

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
thread_local pthread_mutex_t* last_unlocked = nullptr;

/// Threads that wait for a mutex; mutexes of one place share a count.
std::atomic<int>& waiting_for(const pthread_mutex_t* mutex) {
  constexpr std::size_t kPlaces = 64;
  static std::array<std::atomic<int>, kPlaces> counts{};
  return counts.at(reinterpret_cast<std::uintptr_t>(mutex) / sizeof(pthread_mutex_t) % kPlaces);
}

/// XRT's scheduler polls a kernel without pause, and would get the mutex back before a thread that
/// waits for it is awake. Bounded, since a count may be that of another mutex.
void let_others_pass(pthread_mutex_t* mutex) {
  constexpr int kMostYields = 200;
  if (last_unlocked != mutex) return;
  const std::atomic<int>& waiting = waiting_for(mutex);
  for (int yields = 0; waiting > 0 && yields < kMostYields; ++yields) ::sched_yield();
}

}  // namespace

int lock_tracked(pthread_mutex_t* mutex) {
  abandoned.remove(mutex);
  let_others_pass(mutex);
  int error = ::pthread_mutex_trylock(mutex);
  if (error != 0) {
    ++waiting_for(mutex);
    error = ::pthread_mutex_lock(mutex);
    --waiting_for(mutex);
  }
  if (error == 0) held.add(mutex);
  return error;
}

int unlock_tracked(pthread_mutex_t* mutex) {
  if (abandoned.remove(mutex)) return 0;
  held.remove(mutex);
  last_unlocked = mutex;
  return ::pthread_mutex_unlock(mutex);
}

void abandon_locks() {
  while (pthread_mutex_t* mutex = held.take_any()) {
    ::pthread_mutex_unlock(mutex);
    abandoned.add(mutex);
  }
}

}  // namespace sluice::guard
