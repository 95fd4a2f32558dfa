#include "card/guard/connection.hpp"

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "card/guard/death.hpp"
#include "card/guard/locks.hpp"

namespace sluice::guard {

namespace {

constexpr std::chrono::microseconds kEagerTime{100};

using namespace std::string_literals;

constexpr std::size_t kRequestHeaderBytes = 14;
constexpr std::size_t kCallOffset = 10;
constexpr char kLengthTag = '\x09';

// Numbers of the calls that get a made-up answer after the card's end.
constexpr std::uint32_t kClose = 1;
constexpr std::uint32_t kFreeDeviceBuffer = 5;
constexpr std::uint32_t kWriteKernelControl = 9;
constexpr std::uint32_t kReadKernelControl = 11;
constexpr std::uint32_t kDebugMessages = 19;

const std::string kAcknowledged = "\x09\x02\0\0\0\0\0\0\0\x08\x01"s;
// Four bytes of control register: done and idle.
const std::string kRunEnded = "\x09\x08\0\0\0\0\0\0\0\x08\x01\x12\x04\x06\0\0\0"s;
const std::string kNoDebugMessages = "\x09\x06\0\0\0\0\0\0\0\x0a\0\x12\0\x1a\0"s;
const std::string kCloseRequest = "\x09\0\0\0\0\0\0\0\0\x15\x01\0\0\0"s;

struct Connection {
  std::string path;          ///< of the socket: .../device<card>_<counter>_<process>
  std::uint64_t number = 0;  ///< the later of two connections has the higher one
  std::uint32_t call = 0;    ///< of the request under way
  bool reply_has_begun = false;
  bool dead = false;
  std::string made_up_reply;  ///< what is left of it
  std::string reason;
};

/// The connections to cards by descriptor. Never destroyed: threads of the shim outlive the
/// destruction of static objects.
struct Connections {
  std::mutex mutex;
  std::map<int, Connection> by_fd;
  std::uint64_t accepted = 0;

  static Connections& all() {
    static Connections* connections = new Connections;
    return *connections;
  }
};

std::atomic<pid_t> last_card{0};

std::string socket_path(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.sun_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) {
    return {};
  }
  const std::size_t room = size - offsetof(sockaddr_un, sun_path);
  return {address.sun_path, ::strnlen(address.sun_path, room)};
}

/// The card leaves a file beside its socket when it ends by itself.
std::string reason_of_end(const std::string& path) {
  const std::string file_name = path + ".reason";
  std::string reason = "the emulated card has ended (its process was killed or has crashed)";
  if (std::FILE* file = std::fopen(file_name.c_str(), "re")) {
    std::string text(4096, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    ::unlink(file_name.c_str());
    if (!text.empty()) reason = "the emulated card has stopped: " + text;
  }
  return reason;
}

bool is_under_opencl() {
  void* library = ::dlopen("libxilinxopencl.so.2", RTLD_NOW | RTLD_NOLOAD);
  if (library != nullptr) ::dlclose(library);
  return library != nullptr;
}

[[noreturn]] void fail(const std::string& reason) {
  if (called_by_host()) {
    abandon_locks();
    throw std::runtime_error("sluice card: " + reason);
  }
  end_process(reason);
}

/// What XRT's own scheduler thread is told, so that the runs that it watches end.
std::string reply_for_scheduler(std::uint32_t call) {
  switch (call) {
    case kWriteKernelControl:
      return kAcknowledged;
    case kReadKernelControl:
      return kRunEnded;
    case kDebugMessages:
      return kNoDebugMessages;
    default:
      return {};
  }
}

/// Makes up the answer to the request under way on a dead connection, or throws.
void answer_for_the_dead(Connection& connection) {
  const std::uint32_t call = connection.call;
  if (connection.reply_has_begun) fail(connection.reason);
  if (call == kClose || call == kFreeDeviceBuffer) {
    connection.made_up_reply = kAcknowledged;
  } else if (!called_by_host() && !is_under_opencl()) {
    connection.made_up_reply = reply_for_scheduler(call);
  }
  if (connection.made_up_reply.empty()) fail(connection.reason);
}

ssize_t take(std::string& from, void* data, std::size_t size_bytes) {
  const std::size_t count = std::min(size_bytes, from.size());
  std::memcpy(data, from.data(), count);
  from.erase(0, count);
  return static_cast<ssize_t>(count);
}

ssize_t read_from_the_dead(int fd, void* data, std::size_t size_bytes) {
  const std::string path = socket_path(fd);
  if (path.find("/D2X_unix_sock_") != std::string::npos) {
    std::string close_request = kCloseRequest;  // lets the shim's thread on this channel end
    return take(close_request, data, size_bytes);
  }
  Connections& connections = Connections::all();
  const std::lock_guard lock(connections.mutex);
  Connection& connection = connections.by_fd[fd];
  if (!connection.dead) {
    connection.dead = true;
    connection.reason = reason_of_end(path);
  }
  if (connection.made_up_reply.empty()) answer_for_the_dead(connection);
  return take(connection.made_up_reply, data, size_bytes);
}

void note_request(int fd, std::string_view text) {
  if (text.size() != kRequestHeaderBytes || text[0] != kLengthTag) return;
  Connections& connections = Connections::all();
  const std::lock_guard lock(connections.mutex);
  const auto found = connections.by_fd.find(fd);
  if (found == connections.by_fd.end()) return;
  std::memcpy(&found->second.call, text.data() + kCallOffset, sizeof(found->second.call));
  found->second.reply_has_begun = false;
  found->second.made_up_reply.clear();
}

void note_reply(int fd) {
  Connections& connections = Connections::all();
  const std::lock_guard lock(connections.mutex);
  const auto found = connections.by_fd.find(fd);
  if (found != connections.by_fd.end()) found->second.reply_has_begun = true;
}

bool is_connection(int fd) {
  Connections& connections = Connections::all();
  const std::lock_guard lock(connections.mutex);
  return connections.by_fd.contains(fd);
}

bool has_ended(pid_t process) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == process;
}

/// read(), but it asks again and again for a short while before it sleeps: an idle core takes
/// longer to wake up than the card takes to answer.
ssize_t eager_read(int fd, void* data, std::size_t size_bytes) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + kEagerTime;
  do {
    const ssize_t count = ::recv(fd, data, size_bytes, MSG_DONTWAIT);
    if (count >= 0 || errno != EAGAIN) return count;
    std::this_thread::yield();  // the other end may wait for this very core
  } while (Clock::now() < end);
  return ::read(fd, data, size_bytes);
}

}  // namespace

ssize_t card_read(int fd, void* data, std::size_t size_bytes) {
  if (!is_connection(fd)) return ::read(fd, data, size_bytes);
  for (;;) {
    const ssize_t count = eager_read(fd, data, size_bytes);
    if (count > 0) {
      note_reply(fd);
      return count;
    }
    if (count < 0 && errno == EINTR) continue;
    return read_from_the_dead(fd, data, size_bytes);
  }
}

// A failed write is no error yet: the read of the answer that follows finds the card gone.
ssize_t card_write(int fd, const void* data, std::size_t size_bytes) {
  if (!is_connection(fd)) return ::write(fd, data, size_bytes);
  note_request(fd, {static_cast<const char*>(data), size_bytes});
  for (;;) {
    const ssize_t count = ::send(fd, data, size_bytes, MSG_NOSIGNAL);
    if (count >= 0) return count;
    if (errno != EINTR) return static_cast<ssize_t>(size_bytes);
  }
}

int card_accept(int fd, sockaddr* address, socklen_t* address_bytes) {
  const int connected = ::accept(fd, address, address_bytes);
  if (connected >= 0) {
    Connections& connections = Connections::all();
    const std::lock_guard lock(connections.mutex);
    connections.by_fd[connected] =
        Connection{.path = socket_path(connected), .number = ++connections.accepted};
  }
  return connected;
}

pid_t card_fork() {
  std::fflush(nullptr);  // else the child's copy of unwritten output is written a second time
  const pid_t child = ::fork();
  if (child > 0) last_card = child;
  if (child == 0) ::setenv("SLUICE_CARD_GUARDED", "1", 1);
  return child;
}

std::optional<std::string> reason_of_death(unsigned card) {
  const std::string name = "/device" + std::to_string(card) + "_";
  Connections& connections = Connections::all();
  const std::lock_guard lock(connections.mutex);
  const Connection* latest = nullptr;
  for (const auto& [fd, connection] : connections.by_fd) {
    if (connection.path.find(name) == std::string::npos) continue;
    if (latest == nullptr || connection.number > latest->number) latest = &connection;
  }
  if (latest == nullptr || !latest->dead) return std::nullopt;
  return latest->reason;
}

int card_select(int count, fd_set* reads, fd_set* writes, fd_set* errors, timeval* timeout) {
  constexpr suseconds_t kPollMicroseconds = 100'000;
  const fd_set wanted = *reads;
  for (std::int64_t left = timeout->tv_sec * 10; left > 0; --left) {
    *reads = wanted;
    timeval pause{0, kPollMicroseconds};
    const int ready = ::select(count, reads, writes, errors, &pause);
    if (ready != 0) return ready;
    if (const pid_t card = last_card; card > 0 && has_ended(card)) {
      fail("the emulated card ended before it connected; is the xclbin made by this Sluice?");
    }
  }
  return 0;
}

}  // namespace sluice::guard
