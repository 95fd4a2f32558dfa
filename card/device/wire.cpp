#include "card/device/wire.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::card {

namespace {

constexpr std::uint8_t kPayloadBytesTag = 1 << 3 | static_cast<std::uint8_t>(WireType::fixed64);
constexpr std::uint8_t kCallTag = 2 << 3 | static_cast<std::uint8_t>(WireType::fixed32);
constexpr std::uint32_t kMaxFieldNumber = (1u << 29) - 1;

/// Takes values from the front of a text, with every bound checked.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }

  std::string_view take(std::uint64_t count) {
    if (count > text_.size()) {
      throw ProtocolError(
          fmt::format("a field of {} bytes, but only {} are left", count, text_.size()));
    }
    const std::string_view taken = text_.substr(0, count);
    text_.remove_prefix(count);
    return taken;
  }

  std::uint64_t take_little_endian(std::size_t count) {
    std::uint64_t value = 0;
    const std::string_view taken = take(count);
    for (std::size_t i = 0; i < count; ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(taken[i])} << (8 * i);
    }
    return value;
  }

  std::uint64_t take_varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      const std::uint64_t bits = byte & 0x7f;
      if (shift == 63 && bits > 1) throw ProtocolError("a number of more than 64 bits");
      value |= bits << shift;
      if ((byte & 0x80) == 0) return value;
    }
    throw ProtocolError("a number of more than 10 bytes");
  }

 private:
  std::string_view text_;
};

WireField take_field(Cursor& cursor) {
  const std::uint64_t tag = cursor.take_varint();
  if (tag >> 3 == 0 || tag >> 3 > kMaxFieldNumber) {
    throw ProtocolError(fmt::format("field number {}", tag >> 3));
  }
  WireField field;
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.type = static_cast<WireType>(tag & 7);
  switch (field.type) {
    case WireType::varint:
      field.value = cursor.take_varint();
      return field;
    case WireType::fixed64:
      field.value = cursor.take_little_endian(8);
      return field;
    case WireType::fixed32:
      field.value = cursor.take_little_endian(4);
      return field;
    case WireType::bytes:
      field.bytes = cursor.take(cursor.take_varint());
      return field;
  }
  throw ProtocolError(fmt::format("field {} has wire type {}", field.number, tag & 7));
}

void append_little_endian(std::string& out, std::uint64_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

ProtocolError::ProtocolError(const std::string& message)
    : DeviceError("E-CARD-020", "protocol", message,
                  "this card speaks to XRT 2.13 (Debian 12); check which XRT the host runs") {}

WireMessage WireMessage::parse(std::string_view text) {
  WireMessage message;
  for (Cursor cursor(text); !cursor.at_end();) message.fields_.push_back(take_field(cursor));
  return message;
}

const WireField* WireMessage::find(std::uint32_t field) const {
  const auto found = std::find_if(fields_.rbegin(), fields_.rend(),
                                  [&](const WireField& each) { return each.number == field; });
  return found == fields_.rend() ? nullptr : &*found;
}

std::uint64_t WireMessage::number(std::uint32_t field, std::uint64_t otherwise) const {
  const WireField* found = find(field);
  if (found == nullptr) return otherwise;
  if (found->type == WireType::bytes) {
    throw ProtocolError(fmt::format("field {} holds bytes, expected a number", field));
  }
  return found->value;
}

std::uint64_t WireMessage::number(std::uint32_t field) const {
  if (find(field) == nullptr) throw ProtocolError(fmt::format("field {} is missing", field));
  return number(field, 0);
}

std::string_view WireMessage::bytes(std::uint32_t field) const {
  if (find(field) == nullptr) throw ProtocolError(fmt::format("field {} is missing", field));
  return bytes_or_empty(field);
}

std::string_view WireMessage::bytes_or_empty(std::uint32_t field) const {
  const WireField* found = find(field);
  if (found == nullptr) return {};
  if (found->type != WireType::bytes) {
    throw ProtocolError(fmt::format("field {} holds a number, expected bytes", field));
  }
  return found->bytes;
}

std::vector<WireMessage> WireMessage::messages(std::uint32_t field) const {
  std::vector<WireMessage> found;
  for (const WireField& each : fields_) {
    if (each.number != field) continue;
    if (each.type != WireType::bytes) {
      throw ProtocolError(fmt::format("field {} holds a number, expected a message", field));
    }
    found.push_back(parse(each.bytes));
  }
  return found;
}

void WireWriter::add_varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) text_.push_back(static_cast<char>(0x80 | (value & 0x7f)));
  text_.push_back(static_cast<char>(value));
}

void WireWriter::add_number(std::uint32_t field, std::uint64_t value) {
  add_varint(std::uint64_t{field} << 3 | static_cast<std::uint64_t>(WireType::varint));
  add_varint(value);
}

void WireWriter::add_bytes(std::uint32_t field, std::string_view bytes) {
  add_varint(std::uint64_t{field} << 3 | static_cast<std::uint64_t>(WireType::bytes));
  add_varint(bytes.size());
  text_.append(bytes);
}

RequestHeader RequestHeader::parse(std::span<const char, kBytes> text) {
  Cursor cursor(std::string_view(text.data(), text.size()));
  RequestHeader header;
  if (cursor.take_little_endian(1) != kPayloadBytesTag) throw ProtocolError("bad request header");
  header.payload_bytes = cursor.take_little_endian(8);
  if (cursor.take_little_endian(1) != kCallTag) throw ProtocolError("bad request header");
  header.call = static_cast<std::uint32_t>(cursor.take_little_endian(4));
  return header;
}

std::string RequestHeader::encode() const {
  std::string text;
  text.push_back(static_cast<char>(kPayloadBytesTag));
  append_little_endian(text, payload_bytes, 8);
  text.push_back(static_cast<char>(kCallTag));
  append_little_endian(text, call, 4);
  return text;
}

std::string encode_reply(std::string_view payload) {
  std::string text;
  text.reserve(9 + payload.size());
  text.push_back(static_cast<char>(kPayloadBytesTag));
  append_little_endian(text, payload.size(), 8);
  text.append(payload);
  return text;
}

}  // namespace sluice::card
