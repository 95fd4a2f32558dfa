#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "card/device/wire.hpp"

namespace sluice::card {

struct Request {
  std::uint32_t call = 0;
  std::string payload;
};

/// Where XRT opens its sockets: `/tmp/$USER/$EMULATION_SOCKETID`, and the same with the prefix
/// `D2X_unix_sock_` for the channel from device to host.
struct SocketPaths {
  std::filesystem::path host;
  std::filesystem::path device_to_host;

  static SocketPaths from_environment();
};

/// A connected stream socket to the host.
class HostConnection {
 public:
  /// Connects, and tries again until `patience` is over: the host starts the card before it
  /// listens. Throws DeviceError E-CARD-022.
  HostConnection(const std::filesystem::path& path, std::chrono::milliseconds patience);
  explicit HostConnection(int connected_socket) : socket_(connected_socket) {}
  ~HostConnection();
  HostConnection(const HostConnection&) = delete;
  HostConnection& operator=(const HostConnection&) = delete;

  /// The next request, or nothing when the host has gone. Throws ProtocolError.
  std::optional<Request> receive();
  /// False when the host has gone.
  bool send(std::string_view text);

 private:
  bool receive_exactly(char* data, std::size_t size_bytes);

  int socket_ = -1;
};

}  // namespace sluice::card
