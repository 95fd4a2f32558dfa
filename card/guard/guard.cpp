// Stands in for one of XRT's emulation shims where XRT's loader looks for it, and brings the real,
// unchanged one in as its own dependency. At load it redirects some imports of that library, and of
// no other: see blocks.hpp, connection.hpp and locks.hpp for why. When the shim is not the one that
// this was written for, nothing is redirected.

#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

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

// hw_emu's scheduler announces itself on the standard output, which belongs to the host program.
constexpr bool kIsTalkative = std::string_view(kShim) == "libxrt_hwemu.so.2";

bool is_announcement(const char* text) {
  return std::string_view(text).starts_with("configuring ") ||
         std::string_view(text).starts_with("scheduler config");
}

int puts_of_shim(const char* text) { return is_announcement(text) ? 0 : std::puts(text); }

// The compiler turns printf into this function in a library that is built with _FORTIFY_SOURCE.
__attribute__((format(printf, 2, 3))) int printf_of_shim(int /*flag*/, const char* format, ...) {
  if (is_announcement(format)) return 0;
  std::va_list arguments;
  va_start(arguments, format);
  const int count = std::vprintf(format, arguments);
  va_end(arguments);
  return count;
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
  if (!redirect_imports(shim, redirections)) {
    say("it imports other functions; nothing is guarded");
    return;
  }
  if (kIsTalkative) {
    redirect_imports(shim, std::array{Redirection{"puts", address_of(puts_of_shim)},
                                      Redirection{"__printf_chk", address_of(printf_of_shim)}});
  }
  say("guarded");
}

}  // namespace

}  // namespace sluice::guard

extern "C" {

/// True when the emulated card of device `card` has died; then `text`, of `size_bytes`, says why.
/// For runtimes that know this guard: XRT itself reports runs of a dead card as completed.
__attribute__((visibility("default"))) bool sluice_guard_card_has_died(unsigned card, char* text,
                                                                       std::size_t size_bytes) {
  const auto reason = sluice::guard::reason_of_death(card);
  if (reason) std::snprintf(text, size_bytes, "%s", reason->c_str());
  return reason.has_value();
}
}
