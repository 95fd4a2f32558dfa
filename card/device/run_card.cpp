#include "card/device/run_card.hpp"

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "card/device/session.hpp"
#include "card/device/transport.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"

namespace sluice::card {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kConnectPatience{10000};

std::optional<fs::path> image_folder(const std::vector<std::string>& arguments) {
  for (std::size_t i = 1; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == "--image") return arguments[i + 1];
  }
  return std::nullopt;
}

/// Leaves the reason of this card's end where the host's guard looks for it.
void leave_reason(const fs::path& socket, const std::string& reason) {
  try {
    write_file(socket.string() + ".reason", reason);
  } catch (const Error&) {
    // The host then learns only that the card has ended.
  }
}

class CardProcess {
 public:
  CardProcess(std::optional<fs::path> image, const PlaceUnits& place_units)
      : image_(std::move(image)), place_units_(place_units) {}

  /// Answers until the host closes or goes away.
  void serve(HostConnection& host, const SocketPaths& sockets) {
    std::optional<HostConnection> device_to_host;
    if (image_) {
      place_units_(card_, UnitKind::rtl, read_card_description(*image_), *image_);
      device_to_host.emplace(sockets.device_to_host, kConnectPatience);
    }
    try {
      answer(host, device_to_host ? &*device_to_host : nullptr);
    } catch (const std::exception& error) {
      log_.line(error.what());
      write_statistics();
      throw;
    }
    write_statistics();
  }

 private:
  void answer(HostConnection& host, HostConnection* device_to_host) {
    while (const std::optional<Request> request = host.receive()) {
      const auto begin = std::chrono::steady_clock::now();
      const Reply reply = session_.handle(request->call, request->payload);
      ++messages_;
      answering_ += std::chrono::steady_clock::now() - begin;
      if (reply.close) {
        // The host's thread that reads this channel ends on a close message only.
        if (device_to_host != nullptr) {
          device_to_host->send(RequestHeader{0, static_cast<std::uint32_t>(Call::close)}.encode());
        }
        host.send(encode_reply(reply.payload));
        log_.line("closed");
        return;
      }
      if (!host.send(encode_reply(reply.payload))) break;
    }
    log_.line("the host has gone");
  }

  void load(const fs::path& bitstream) {
    card_.remove_units();
    const fs::path folder = bitstream.string() + ".unpacked";
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    fs::create_directories(folder);
    unpack_card_bitstream(read_file(bitstream), bitstream.string(), folder);
    place_units_(card_, UnitKind::engine, read_card_description(folder), folder);
  }

  void write_statistics() const {
    if (card_.settings().stats.empty()) return;
    Json statistics = card_.statistics();
    statistics["messages"] = messages_;
    statistics["answering_seconds"] = std::chrono::duration<double>(answering_).count();
    write_json(card_.settings().stats, statistics);
  }

  std::uint64_t messages_ = 0;
  std::chrono::steady_clock::duration answering_{};  // without receiving and sending
  std::optional<fs::path> image_;
  const PlaceUnits& place_units_;
  CardSettings settings_ = read_card_settings();
  CardLog log_{settings_.log};
  Card card_{settings_, log_};
  Session session_{card_, image_.has_value(), [this](const fs::path& file) { load(file); }};
};

}  // namespace

int run_card(const std::vector<std::string>& arguments, const PlaceUnits& place_units) {
  // A Ctrl-C at the terminal is the host's to handle; the card goes when the host goes.
  ::signal(SIGINT, SIG_IGN);
  const SocketPaths sockets = SocketPaths::from_environment();
  try {
    // Connected before anything that can fail, so that the host never waits for a card in vain.
    HostConnection host(sockets.host, kConnectPatience);
    try {
      CardProcess process(image_folder(arguments), place_units);
      process.serve(host, sockets);
      return 0;
    } catch (const std::exception& error) {
      leave_reason(sockets.host, error.what());
      throw;
    }
  } catch (const std::exception& error) {
    // The guard in the host hands on the reason; a host without it has only this line.
    if (!environment_variable("SLUICE_CARD_GUARDED")) CardLog().report(error.what());
    const auto* known = dynamic_cast<const Error*>(&error);
    return exit_code(known != nullptr ? known->kind() : ErrorKind::internal);
  }
}

}  // namespace sluice::card
