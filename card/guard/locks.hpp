#pragma once

#include <pthread.h>

namespace sluice::guard {

// Replacements for the shim's mutex calls. Much of the shim locks and unlocks by hand around a
// message, so an exception out of the message would leave the lock behind and hang the next call.

int lock_tracked(pthread_mutex_t* mutex);
int unlock_tracked(pthread_mutex_t* mutex);

/// To be called before an exception leaves through the shim: gives up what this thread has locked
/// there. An unlock that unwinding still does for one of them has no effect.
void abandon_locks();

}  // namespace sluice::guard
