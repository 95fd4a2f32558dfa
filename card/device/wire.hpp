#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/error.hpp"

namespace sluice::card {

/// A message that is not well formed, or lacks what its call needs. Code E-CARD-020.
class ProtocolError : public DeviceError {
 public:
  explicit ProtocolError(const std::string& message);
};

/// How a field's value is encoded (protocol buffers' wire types; groups are not used here).
enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t value = 0;  ///< of the three numeric types
  std::string_view bytes;   ///< of the type `bytes`; a view of the parsed text
};

/// The fields of one encoded message. The text that it was parsed from must outlive it.
class WireMessage {
 public:
  /// Throws ProtocolError when `text` is not a sequence of whole fields.
  static WireMessage parse(std::string_view text);

  const std::vector<WireField>& fields() const noexcept { return fields_; }

  /// The last value of a numeric field (as protocol buffers define repetition), or `otherwise`.
  /// Throws ProtocolError when the field holds bytes.
  std::uint64_t number(std::uint32_t field, std::uint64_t otherwise) const;
  /// The same, but the field must be there.
  std::uint64_t number(std::uint32_t field) const;
  /// The bytes of a field that must be there. Throws ProtocolError.
  std::string_view bytes(std::uint32_t field) const;
  /// The bytes of a field, or nothing when it is not there.
  std::string_view bytes_or_empty(std::uint32_t field) const;
  /// Every occurrence of a field that holds messages.
  std::vector<WireMessage> messages(std::uint32_t field) const;

 private:
  const WireField* find(std::uint32_t field) const;

  std::vector<WireField> fields_;
};

/// Builds an encoded message.
class WireWriter {
 public:
  void add_number(std::uint32_t field, std::uint64_t value);
  void add_bytes(std::uint32_t field, std::string_view bytes);

  const std::string& text() const noexcept { return text_; }

 private:
  void add_varint(std::uint64_t value);

  std::string text_;
};

/// What stands before each request of the host: payload length and call number.
struct RequestHeader {
  static constexpr std::size_t kBytes = 14;

  std::uint64_t payload_bytes = 0;
  std::uint32_t call = 0;

  /// Throws ProtocolError.
  static RequestHeader parse(std::span<const char, kBytes> text);
  std::string encode() const;
};

/// A reply as it goes over the socket: a header of 9 bytes with the length, then the payload.
std::string encode_reply(std::string_view payload);

}  // namespace sluice::card
