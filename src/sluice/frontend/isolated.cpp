#include "sluice/frontend/isolated.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/binary.hpp"
#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

namespace {

constexpr std::size_t kMostResultBytes = std::size_t{1} << 30;
constexpr std::array kFatalSignals{SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM, SIGINT};

enum class Outcome : std::uint8_t { result, refusal };

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const noexcept { return fd_; }
  void close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

std::uint64_t address_space_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void limit(__rlimit_resource_t resource, rlim_t most) {
  rlimit old{};
  if (getrlimit(resource, &old) != 0) return;
  const rlim_t now = old.rlim_max == RLIM_INFINITY ? most : std::min(most, old.rlim_max);
  const rlimit changed{now, now};
  setrlimit(resource, &changed);
}

std::string encoded_refusal(const std::string& code, const std::string& message,
                            const std::string& hint) {
  BinaryWriter writer;
  writer.number(static_cast<std::uint64_t>(Outcome::refusal));
  for (const std::string& text : {code, message, hint}) writer.text(text);
  return writer.take();
}

std::string encoded_outcome(const std::function<std::string()>& action) {
  try {
    BinaryWriter writer;
    writer.number(static_cast<std::uint64_t>(Outcome::result));
    writer.text(action());
    return writer.take();
  } catch (const ModelError& error) {
    return encoded_refusal(error.code(), error.message(), error.hint());
  } catch (const std::bad_alloc&) {
    return encoded_refusal(codes::kLimit, "needs more memory than a model file may", {});
  }
}

// Nothing of the parent's may run here: no handler, no buffer flushed, no message printed.
[[noreturn]] void run_child(const std::function<std::string()>& action, int out,
                            const IsolationLimits& limits) {
  for (const int signal : kFatalSignals) ::signal(signal, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, static_cast<rlim_t>(limits.time.count()));
  limit(RLIMIT_AS, limits.memory_bytes);
  // Not one of the standard streams, which the host may have closed.
  const int results = fcntl(out, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  try {
    const std::string bytes = encoded_outcome(action);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t count = write(results, bytes.data() + sent, bytes.size() - sent);
      if (count < 0 && errno != EINTR) _exit(1);
      if (count > 0) sent += static_cast<std::size_t>(count);
    }
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

// All that arrives until the other end closes; nothing when that takes too long or is too much.
std::optional<std::string> read_all(int in, std::chrono::seconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  std::string bytes;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || bytes.size() > kMostResultBytes) return std::nullopt;
    pollfd ready{in, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t count = read(in, buffer.data(), buffer.size());
    if (count == 0) return bytes;
    if (count < 0 && errno != EINTR) return std::nullopt;
    if (count > 0) bytes.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

[[noreturn]] void refuse_failed(const std::string& origin, const char* what) {
  throw ModelError(codes::kHdf5, origin, std::string("the file is damaged: reading it ") + what,
                   "save the model again; the file may be truncated or altered");
}

std::string decoded(std::string_view bytes, const std::string& origin) {
  BinaryReader reader(bytes, origin);
  const auto outcome = static_cast<Outcome>(reader.number());
  std::string first = reader.text();
  if (outcome == Outcome::result) return first;
  std::string message = reader.text();
  throw ModelError(std::move(first), origin, std::move(message), reader.text());
}

}  // namespace

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
// A fuzzer sees neither the branches nor the faults of another process.
std::string run_isolated(const std::function<std::string()>& action, const std::string& origin,
                         const IsolationLimits&) {
  return decoded(encoded_outcome(action), origin);
}
#else
std::string run_isolated(const std::function<std::string()>& action, const std::string& origin,
                         const IsolationLimits& limits) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw ToolError(codes::kProcess, origin, std::string("no pipe: ") + std::strerror(errno));
  }
  FileDescriptor in(ends[0]);
  FileDescriptor out(ends[1]);
  const IsolationLimits child_limits{address_space_bytes() + limits.memory_bytes, limits.time};
  const pid_t child = fork();
  if (child < 0) {
    throw ToolError(codes::kProcess, origin, std::string("no process: ") + std::strerror(errno));
  }
  if (child == 0) run_child(action, out.get(), child_limits);
  out.close();
  const std::optional<std::string> bytes = read_all(in.get(), limits.time);
  if (!bytes) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!bytes) refuse_failed(origin, "did not end");
  // A host that ignores SIGCHLD leaves no status; then only a whole answer counts.
  if (bytes->empty() || (WIFSIGNALED(status) && WTERMSIG(status) != 0)) {
    refuse_failed(origin, "failed");
  }
  return decoded(*bytes, origin);
}
#endif

}  // namespace sluice::frontend
