// Stands in for one of XRT's emulation shims where XRT's loader looks for it, and brings the real,
// unchanged one in as its own dependency. At load it redirects some imports of that library, and of
// no other: see blocks.hpp, connection.hpp and locks.hpp for why. When the shim is not the one that
// this was written for, nothing is redirected.

#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "card/guard/blocks.hpp"
#include "card/guard/connection.hpp"
#include "card/guard/imports.hpp"
#include "card/guard/locks.hpp"

namespace sluice::guard {

namespace {

constexpr const char* kShim = SLUICE_GUARDED_SHIM;

void say(const char* text) {
  if (std::getenv("SLUICE_CARD_DEBUG") != nullptr) {
    std::fprintf(stderr, "sluice card: guard of %s: %s\n", kShim, text);
  }
}

// hw_emu's exec-wait is a sleep of whole seconds; XRT looks at the command's state again after
// every wait, so returning early is always right. Other sleeps pace threads that wait for the card.
unsigned shorter_sleep(unsigned seconds) {
  constexpr useconds_t kExecWaitMicroseconds = 20;
  constexpr useconds_t kPaceMicroseconds = 50'000;
  Dl_info caller{};
  const bool is_exec_wait = ::dladdr(__builtin_return_address(0), &caller) != 0 &&
                            caller.dli_sname != nullptr &&
                            std::strstr(caller.dli_sname, "xclExecWait") != nullptr;
  if (seconds > 0) ::usleep(is_exec_wait ? kExecWaitMicroseconds : kPaceMicroseconds);
  return 0;
}

// Closing one card shuts the whole protobuf library down, under the feet of the other cards.
void skip_protobuf_shutdown() {}

// The shim wants to hear of SIGCHLD, to signal its whole process group when a child of this process
// dies, whoever started it.
int no_signal_handler(int /*signal*/, const struct sigaction* /*action*/,
                      struct sigaction* /*previous*/) {
  return 0;
}

int signal_one_process(pid_t process, int signal) {
  return process > 0 ? ::kill(process, signal) : 0;
}

template <typename Function>
void* address_of(Function* function) {
  return reinterpret_cast<void*>(function);
}

__attribute__((constructor)) void guard_shim() {
  link_map* shim = find_library(kShim);
  if (shim == nullptr) {
    say("not loaded, or of another version; nothing is guarded");
    return;
  }
  const std::array redirections = {
      Redirection{"malloc", address_of(allocate_block)},
      Redirection{"realloc", address_of(grow_block)},
      Redirection{"free", address_of(free_block)},
      Redirection{"read", address_of(card_read)},
      Redirection{"write", address_of(card_write)},
      Redirection{"accept", address_of(card_accept)},
      Redirection{"fork", address_of(card_fork)},
      Redirection{"select", address_of(card_select)},
      Redirection{"pthread_mutex_lock", address_of(lock_tracked)},
      Redirection{"pthread_mutex_unlock", address_of(unlock_tracked)},
      Redirection{"sigaction", address_of(no_signal_handler)},
      Redirection{"kill", address_of(signal_one_process)},
      Redirection{"sleep", address_of(shorter_sleep)},
      Redirection{"_ZN6google8protobuf23ShutdownProtobufLibraryEv",
                  address_of(skip_protobuf_shutdown)},
  };
  say(redirect_imports(shim, redirections) ? "guarded"
                                           : "it imports other functions; nothing is guarded");
}

}  // namespace

}  // namespace sluice::guard
