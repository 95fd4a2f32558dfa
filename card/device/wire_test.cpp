#include "card/device/wire.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

namespace sluice::card {
namespace {

using namespace std::string_literals;

std::string example() {
  WireWriter inner;
  inner.add_number(7, 16);
  WireWriter writer;
  writer.add_number(1, 150);
  writer.add_bytes(2, "testing");
  writer.add_bytes(8, inner.text());
  writer.add_number(3, ~std::uint64_t{0});
  return writer.text();
}

// 150 as 96 01 and "testing" with tag 12 07 are the examples of the encoding's public description.
TEST(Wire, EncodesAsProtocolBuffers) {
  WireWriter writer;
  writer.add_number(1, 150);
  writer.add_bytes(2, "testing");
  EXPECT_EQ(writer.text(), "\x08\x96\x01\x12\x07testing"s);
}

TEST(Wire, RoundTrip) {
  const std::string text = example();
  const WireMessage message = WireMessage::parse(text);
  EXPECT_EQ(message.number(1), 150u);
  EXPECT_EQ(message.bytes(2), "testing");
  EXPECT_EQ(message.number(3), ~std::uint64_t{0});
  EXPECT_EQ(message.messages(8).at(0).number(7), 16u);
  EXPECT_EQ(message.number(4, 42), 42u);
  EXPECT_EQ(message.bytes_or_empty(4), "");
  EXPECT_TRUE(message.messages(4).empty());
}

TEST(Wire, FixedWidthNumbers) {
  const std::string text = "\x09\x01\x02\0\0\0\0\0\x80\x15\x04\x03\x02\x01"s;
  const WireMessage message = WireMessage::parse(text);
  EXPECT_EQ(message.number(1), 0x8000000000000201u);
  EXPECT_EQ(message.number(2), 0x01020304u);
}

TEST(Wire, MissingFieldsAndWrongTypesAreRefused) {
  const std::string text = example();
  const WireMessage message = WireMessage::parse(text);
  EXPECT_THROW(message.number(9), ProtocolError);
  EXPECT_THROW(message.bytes(9), ProtocolError);
  EXPECT_THROW(message.number(2), ProtocolError);
  EXPECT_THROW(message.bytes(1), ProtocolError);
  EXPECT_THROW(message.messages(1), ProtocolError);
}

TEST(Wire, MalformedFieldsAreRefused) {
  const std::array malformed = {
      "\x08"s,                                          // no value
      "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"s,  // more than 64 bits
      "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"s,
      "\x12\x08testing"s,                               // one byte short
      "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,  // 2^64 - 1 bytes
      "\x0b"s,                                          // a group
      "\x0f"s,                                          // wire type 7
      "\x00\x01"s,                                      // field 0
      "\x09\x01\x02\x03"s,
      "\x15\x01\x02"s,
  };
  for (const std::string& text : malformed) {
    EXPECT_THROW(WireMessage::parse(text), ProtocolError) << testing::PrintToString(text);
  }
}

TEST(Wire, EveryTruncationIsParsedOrRefused) {
  const std::string text = example();
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::string part(text.data(), length);  // its own buffer: a sanitizer sees an overrun
    try {
      const WireMessage message = WireMessage::parse(part);
      EXPECT_LT(message.fields().size(), 4u);
    } catch (const ProtocolError& error) {
      EXPECT_EQ(error.code(), "E-CARD-020");
    }
  }
}

TEST(Wire, RandomBytesAreParsedOrRefused) {
  std::mt19937_64 random(20261122);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    try {
      const WireMessage message = WireMessage::parse(text);
      for (const WireField& field : message.fields()) {
        ASSERT_LE(field.bytes.size(), text.size());
      }
    } catch (const ProtocolError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 10000);
}

TEST(Wire, RequestHeader) {
  const RequestHeader header{0x1122334455667788, 52};
  const std::string text = header.encode();
  ASSERT_EQ(text, "\x09\x88\x77\x66\x55\x44\x33\x22\x11\x15\x34\0\0\0"s);
  std::array<char, RequestHeader::kBytes> bytes{};
  std::copy(text.begin(), text.end(), bytes.begin());
  EXPECT_EQ(RequestHeader::parse(bytes).payload_bytes, header.payload_bytes);
  EXPECT_EQ(RequestHeader::parse(bytes).call, 52u);
  for (const std::size_t tag : {0u, 9u}) {
    auto damaged = bytes;
    damaged.at(tag) = '\x0a';
    EXPECT_THROW(RequestHeader::parse(damaged), ProtocolError);
  }
}

TEST(Wire, Reply) { EXPECT_EQ(encode_reply("ab"), "\x09\x02\0\0\0\0\0\0\0ab"s); }

}  // namespace
}  // namespace sluice::card
