#include "card/device/transport.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "card/device/card.hpp"
#include "card/settings/settings.hpp"

namespace sluice::card {

namespace {

constexpr std::chrono::microseconds kConnectPause{500};
constexpr std::chrono::microseconds kEagerTime{100};
// The largest payload is a transfer with its few other fields.
constexpr std::uint64_t kMaxPayloadBytes = Card::kMaxTransferBytes + 4096;

int try_connect(const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  ::close(fd);
  return -1;
}

// An idle core takes longer to wake up than the host takes to send its next message.
ssize_t eager_receive(int socket, char* data, std::size_t size_bytes) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + kEagerTime;
  do {
    const ssize_t count = ::recv(socket, data, size_bytes, MSG_DONTWAIT);
    if (count >= 0 || errno != EAGAIN) return count;
    std::this_thread::yield();  // the other end may wait for this very core
  } while (Clock::now() < end);
  return ::recv(socket, data, size_bytes, 0);
}

}  // namespace

SocketPaths SocketPaths::from_environment() {
  const auto user = environment_variable("USER");
  const auto id = environment_variable("EMULATION_SOCKETID");
  const std::filesystem::path folder =
      user ? std::filesystem::path("/tmp") / *user : std::filesystem::path("/tmp");
  return {folder / (user && id ? *id : "xcl_sock"), folder / ("D2X_unix_sock_" + id.value_or(""))};
}

HostConnection::HostConnection(const std::filesystem::path& path,
                               std::chrono::milliseconds patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path)) {
    throw DeviceError("E-CARD-022", path.string(), "the path of this socket is too long",
                      "set USER to a shorter name");
  }
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while ((socket_ = try_connect(address)) < 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw DeviceError("E-CARD-022", path.string(), "no host listens on this socket");
    }
    std::this_thread::sleep_for(kConnectPause);
  }
}

HostConnection::~HostConnection() {
  if (socket_ >= 0) ::close(socket_);
}

bool HostConnection::receive_exactly(char* data, std::size_t size_bytes) {
  while (size_bytes > 0) {
    const ssize_t count = eager_receive(socket_, data, size_bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    data += count;
    size_bytes -= static_cast<std::size_t>(count);
  }
  return true;
}

std::optional<Request> HostConnection::receive() {
  std::array<char, RequestHeader::kBytes> text{};
  if (!receive_exactly(text.data(), text.size())) return std::nullopt;
  const RequestHeader header = RequestHeader::parse(text);
  if (header.payload_bytes > kMaxPayloadBytes) {
    throw ProtocolError(fmt::format("a message of {} bytes", header.payload_bytes));
  }
  Request request{header.call, std::string(header.payload_bytes, '\0')};
  if (!receive_exactly(request.payload.data(), request.payload.size())) return std::nullopt;
  return request;
}

bool HostConnection::send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace sluice::card
