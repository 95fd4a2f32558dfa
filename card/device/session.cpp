#include "card/device/session.hpp"

#include <fmt/format.h>

#include <chrono>

#include "card/device/wire.hpp"

namespace sluice::card {

namespace {

std::string acknowledge(bool ok) {
  WireWriter reply;
  reply.add_number(1, ok ? 1 : 0);
  return reply.text();
}

std::string acknowledge_with(bool ok, std::string_view data) {
  WireWriter reply;
  reply.add_number(1, ok ? 1 : 0);
  reply.add_bytes(2, data);
  return reply.text();
}

std::string zeros(std::uint32_t fields) {
  WireWriter reply;
  for (std::uint32_t field = 1; field <= fields; ++field) reply.add_number(field, 0);
  return reply.text();
}

std::uint64_t checked_size(std::uint64_t size_bytes) {
  if (size_bytes > Card::kMaxTransferBytes) {
    throw ProtocolError(fmt::format("a transfer of {} bytes; one message holds {} at most",
                                    size_bytes, Card::kMaxTransferBytes));
  }
  return size_bytes;
}

std::string alloc_device_buffer(Card& card, const WireMessage& request) {
  return acknowledge(card.allocate(request.number(1), request.number(2)));
}

// The reply's field 1 is the number of bytes that were copied. `offset` is added to the address.
std::string copy_host_to_device(Card& card, const WireMessage& request, std::uint64_t offset) {
  const std::string_view data = request.bytes(4);
  const std::uint64_t size = request.number(5);
  if (size != data.size()) {
    throw ProtocolError(fmt::format("a transfer of {} bytes carries {}", size, data.size()));
  }
  const bool ok = card.write_memory(request.number(3) + offset, data);
  WireWriter reply;
  reply.add_number(1, ok ? size : 0);
  return reply.text();
}

// The host copies as many bytes as it asked for, so a refusal too must carry that many.
std::string copy_device_to_host(Card& card, const WireMessage& request, std::uint64_t offset) {
  std::string data(checked_size(request.number(5)), '\0');
  const bool ok = card.read_memory(request.number(4) + offset, data);
  WireWriter reply;
  reply.add_number(1, ok ? data.size() : 0);
  reply.add_bytes(2, data);
  return reply.text();
}

std::string read_device_ram(Card& card, const WireMessage& request) {
  std::string data(checked_size(request.number(3)), '\0');
  const bool ok = card.read_memory(request.number(2), data);
  return acknowledge_with(ok, data);
}

std::string read_registers(Card& card, std::uint64_t address, std::uint64_t size_bytes) {
  std::string words(checked_size(size_bytes), '\0');
  const bool ok = card.read_control(address, words);
  return acknowledge_with(ok, words);
}

std::string device_timestamp() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  WireWriter reply;
  reply.add_number(1, static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count()));
  return reply.text();
}

std::string no_debug_messages() {
  WireWriter reply;
  for (std::uint32_t field = 1; field <= 3; ++field) reply.add_bytes(field, {});
  return reply.text();
}

}  // namespace

Session::Session(Card& card, bool is_hw_emu, LoadImage load)
    : card_(card), is_hw_emu_(is_hw_emu), load_(std::move(load)) {}

// Field 6 of both copies is the offset in the buffer. The sw_emu shim has added it to the address,
// the hw_emu shim leaves that to the device.
std::uint64_t Session::buffer_offset(const WireMessage& request) const {
  return is_hw_emu_ ? request.number(6, 0) : 0;
}

Reply Session::handle(std::uint32_t call, std::string_view payload) {
  card_.die_if_due(CardFault::die_at_call, ++calls_);
  if (card_.log().is_open()) {
    card_.log().line(fmt::format("call {} ({} bytes)", call, payload.size()));
  }
  const WireMessage request = WireMessage::parse(payload);
  switch (static_cast<Call>(call)) {
    case Call::close:
      return {acknowledge(true), is_hw_emu_ || request.number(3, 0) != 0};
    case Call::load_bitstream:
      load_(std::filesystem::path(request.bytes(2)));
      return {acknowledge(true)};
    case Call::alloc_device_buffer:
      return {alloc_device_buffer(card_, request)};
    case Call::free_device_buffer:
      return {acknowledge(card_.free(request.number(1)))};
    case Call::copy_host_to_device:
      return {copy_host_to_device(card_, request, buffer_offset(request))};
    case Call::copy_device_to_host:
      return {copy_device_to_host(card_, request, buffer_offset(request))};
    case Call::write_device_ram:
      return {acknowledge(card_.write_memory(request.number(2), request.bytes(4)))};
    case Call::read_device_ram:
      return {read_device_ram(card_, request)};
    case Call::write_kernel_control:
      return {acknowledge(card_.write_control(request.number(2), request.bytes(4)))};
    case Call::read_kernel_control:
      return {read_registers(card_, request.number(2), request.number(3))};
    case Call::register_write:
      return {acknowledge(
          card_.write_control(request.number(1) + request.number(2), request.bytes(3)))};
    case Call::register_read:
      return {read_registers(card_, request.number(1) + request.number(2), request.number(3))};
    case Call::set_environment:
    case Call::setup_instance:
      return {acknowledge(true)};
    case Call::perf_counters:
      return {zeros(6)};
    case Call::trace_fifo_level:
      return {zeros(1)};
    case Call::trace:
      return {};
    case Call::device_timestamp:
      return {device_timestamp()};
    case Call::bus_status:
      return {zeros(5)};
    case Call::debug_messages:
      return {no_debug_messages()};
    case Call::driver_version: {
      WireWriter reply;
      reply.add_bytes(1, "2.13");
      return {reply.text()};
    }
  }
  card_.log().report(fmt::format("refused: call {}, which this card does not know", call));
  return {acknowledge(false)};
}

}  // namespace sluice::card
