#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "card/device/card.hpp"

namespace sluice::card {

class WireMessage;

/// The calls of XRT's emulation protocol that the card answers; see card/PROTOCOL.md.
enum class Call : std::uint32_t {
  close = 1,
  load_bitstream = 3,
  alloc_device_buffer = 4,
  free_device_buffer = 5,
  copy_host_to_device = 6,
  copy_device_to_host = 7,
  write_device_ram = 8,
  write_kernel_control = 9,
  read_device_ram = 10,
  read_kernel_control = 11,
  perf_counters = 14,
  trace_fifo_level = 15,
  trace = 16,
  device_timestamp = 17,
  bus_status = 18,
  debug_messages = 19,
  set_environment = 20,
  setup_instance = 28,
  register_write = 51,
  register_read = 52,
  driver_version = 53,
};

struct Reply {
  std::string payload;
  bool close = false;  ///< the last one: the card goes away after it
};

/// Answers the host's messages with a card. Knows nothing of sockets.
class Session {
 public:
  /// Puts the compute units of a BITSTREAM file on the card.
  using LoadImage = std::function<void(const std::filesystem::path& bitstream)>;

  /// `load` is called in sw_emu only: in hw_emu the units are on the card before the host connects.
  Session(Card& card, bool is_hw_emu, LoadImage load);

  /// Throws ProtocolError for a malformed message, and what the card throws.
  Reply handle(std::uint32_t call, std::string_view payload);

 private:
  std::uint64_t buffer_offset(const WireMessage& request) const;

  Card& card_;
  bool is_hw_emu_;
  LoadImage load_;
  std::uint64_t calls_ = 0;
};

}  // namespace sluice::card
