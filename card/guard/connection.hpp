#pragma once

#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

namespace sluice::guard {

// Replacements for the shim's socket calls. They behave as the originals until the card at the
// other end has gone. From then on, on that connection:
// - a call that comes from the host program throws std::runtime_error through XRT;
// - releasing a buffer and closing the card succeed, since these happen in destructors;
// - XRT's own scheduler thread, where nobody could catch, sees its kernel runs end, so that the
//   host wakes up and gets the error from its next call, or asks for reason_of_death();
// - under OpenCL, whose library does not survive a failed transfer in its worker threads (it runs
//   into an assertion of its own), the process ends with one message and exit code 5.

ssize_t card_read(int fd, void* data, std::size_t size_bytes);
ssize_t card_write(int fd, const void* data, std::size_t size_bytes);
int card_accept(int fd, sockaddr* address, socklen_t* address_bytes);

/// Why the latest card process of device `card` has ended; nothing while it lives.
std::optional<std::string> reason_of_death(unsigned card);

/// Remembers the card process that the shim starts, and tells it by $SLUICE_CARD_GUARDED that its
/// host will hear the reason of its end.
pid_t card_fork();

/// The shim waits for its card here, up to 300 s: the wait ends when the card process has ended.
int card_select(int count, fd_set* reads, fd_set* writes, fd_set* errors, timeval* timeout);

}  // namespace sluice::guard
