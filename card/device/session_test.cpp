#include "card/device/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "card/device/functional_unit.hpp"
#include "card/device/wire.hpp"
#include "sluice/base/error.hpp"

namespace sluice::card {
namespace {

constexpr std::uint64_t kUnit = 0x180'0000;
constexpr std::uint64_t kBuffer = 0x4'0000'0000;

/// Reverses the bytes of its input.
void reverse(const sim::RunArguments& arguments, sim::Memory& memory) {
  std::vector<std::byte> bytes(arguments.events);
  memory.read(arguments.input_address, bytes);
  std::reverse(bytes.begin(), bytes.end());
  memory.write(arguments.output_address, bytes);
}

class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    card_.add_unit({"reverse", "reverse_1", kUnit, 0x1000},
                   std::make_unique<FunctionalUnit>(reverse, card_.memory()));
  }

  std::string call(Call number, const WireWriter& request) {
    reply_ = session_.handle(static_cast<std::uint32_t>(number), request.text()).payload;
    return reply_;
  }

  bool acknowledged(Call number, const WireWriter& request) {
    call(number, request);
    return WireMessage::parse(reply_).number(1) != 0;
  }

  bool allocate(std::uint64_t address, std::uint64_t size) {
    WireWriter request;
    request.add_number(1, address);
    request.add_number(2, size);
    return acknowledged(Call::alloc_device_buffer, request);
  }

  std::uint64_t send(std::uint64_t address, std::string_view data) {
    WireWriter request;
    request.add_number(3, address);
    request.add_bytes(4, data);
    request.add_number(5, data.size());
    call(Call::copy_host_to_device, request);
    return WireMessage::parse(reply_).number(1);
  }

  std::string fetch(std::uint64_t address, std::uint64_t size) {
    WireWriter request;
    request.add_number(4, address);
    request.add_number(5, size);
    call(Call::copy_device_to_host, request);
    return std::string(WireMessage::parse(reply_).bytes(2));
  }

  bool write_registers(std::uint64_t address, const std::vector<std::uint32_t>& words) {
    WireWriter request;
    request.add_number(2, address);
    request.add_number(3, words.size() * 4);
    request.add_bytes(4, {reinterpret_cast<const char*>(words.data()), words.size() * 4});
    return acknowledged(Call::write_kernel_control, request);
  }

  std::uint32_t read_register(std::uint64_t address) {
    WireWriter request;
    request.add_number(2, address);
    request.add_number(3, 4);
    call(Call::read_kernel_control, request);
    std::uint32_t value = 0;
    std::memcpy(&value, WireMessage::parse(reply_).bytes(2).data(), 4);
    return value;
  }

  std::vector<std::uint32_t> arguments(std::uint32_t control, std::uint64_t in, std::uint64_t out,
                                       std::uint32_t n) {
    const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
    return {control, 0, 0, 0, low(in), high(in), 0, low(out), high(out), 0, n};
  }

  CardLog log_;
  Card card_{CardSettings{}, log_};
  std::string loaded_;
  Session session_{card_, true, [this](const auto& file) { loaded_ = file.string(); }};
  std::string reply_;
};

TEST_F(SessionTest, MemoryHoldsWhatTheHostWrites) {
  ASSERT_TRUE(allocate(kBuffer, 4096));
  EXPECT_EQ(send(kBuffer + 10, "hello"), 5u);
  EXPECT_EQ(fetch(kBuffer + 9, 7), std::string("\0hello\0", 7));
}

TEST_F(SessionTest, OnlyHwEmuLeavesTheOffsetInABufferToTheCard) {
  ASSERT_TRUE(allocate(kBuffer, 4096));
  Session sw_emu(card_, false, {});
  WireWriter write;
  write.add_number(3, kBuffer + 100);
  write.add_bytes(4, "ab");
  write.add_number(5, 2);
  write.add_number(6, 30);
  call(Call::copy_host_to_device, write);
  sw_emu.handle(static_cast<std::uint32_t>(Call::copy_host_to_device), write.text());
  EXPECT_EQ(fetch(kBuffer + 130, 2), "ab");
  EXPECT_EQ(fetch(kBuffer + 100, 2), "ab");
  EXPECT_EQ(fetch(kBuffer + 160, 2), std::string(2, '\0'));
  WireWriter read;
  read.add_number(4, kBuffer + 100);
  read.add_number(5, 2);
  read.add_number(6, 31);
  call(Call::copy_device_to_host, read);
  EXPECT_EQ(WireMessage::parse(reply_).bytes(2), std::string_view("b\0", 2));
}

TEST_F(SessionTest, TransfersOutsideOfBuffersAreRefused) {
  ASSERT_TRUE(allocate(kBuffer, 4096));
  EXPECT_EQ(send(kBuffer + 4093, "hello"), 0u);
  EXPECT_EQ(send(0, "hello"), 0u);
  EXPECT_EQ(send(~std::uint64_t{0}, "hello"), 0u);
  // The host copies what it asked for, so the answer has that many bytes all the same.
  EXPECT_EQ(fetch(kBuffer + 4096, 3), std::string(3, Card::kPoison));
  EXPECT_FALSE(allocate(kBuffer + 4095, 4096)) << "overlaps";
  WireWriter request;
  request.add_number(1, kBuffer);
  EXPECT_TRUE(acknowledged(Call::free_device_buffer, request));
  EXPECT_FALSE(acknowledged(Call::free_device_buffer, request)) << "freed twice";
  EXPECT_EQ(send(kBuffer, "hello"), 0u) << "after free";
}

TEST_F(SessionTest, BlockWriteStartsARunWithTheArgumentsOfTheSameBlock) {
  ASSERT_TRUE(allocate(kBuffer, 4096));
  ASSERT_EQ(send(kBuffer, "abcdef"), 6u);
  EXPECT_EQ(read_register(kUnit), sim::reg::kIdle);
  ASSERT_TRUE(write_registers(kUnit, arguments(0, kBuffer, kBuffer + 100, 6)));
  ASSERT_TRUE(write_registers(kUnit, arguments(1, kBuffer, kBuffer + 100, 6)));
  EXPECT_EQ(read_register(kUnit), sim::reg::kDone | sim::reg::kIdle | sim::reg::kReady);
  EXPECT_EQ(read_register(kUnit) & sim::reg::kDone, sim::reg::kDone) << "until continue";
  ASSERT_TRUE(write_registers(kUnit, {sim::reg::kContinue}));
  EXPECT_EQ(read_register(kUnit), sim::reg::kIdle);
  EXPECT_EQ(fetch(kBuffer + 100, 6), "fedcba");
  EXPECT_EQ(card_.statistics()["runs"], 1);
  EXPECT_EQ(card_.statistics()["events"], 6);
}

TEST_F(SessionTest, SingleRegisterWritesStartARunToo) {
  ASSERT_TRUE(allocate(kBuffer, 4096));
  ASSERT_EQ(send(kBuffer, "abc"), 3u);
  const auto words = arguments(0, kBuffer, kBuffer + 8, 3);
  for (std::size_t i = 4; i < words.size(); ++i) {
    WireWriter request;
    request.add_number(1, kUnit);
    request.add_number(2, 4 * i);
    request.add_bytes(3, {reinterpret_cast<const char*>(&words[i]), 4});
    EXPECT_TRUE(acknowledged(Call::register_write, request));
  }
  EXPECT_EQ(read_register(kUnit + 0x28), 3u);
  ASSERT_TRUE(write_registers(kUnit, {1}));
  EXPECT_NE(read_register(kUnit) & sim::reg::kDone, 0u);
  EXPECT_EQ(fetch(kBuffer + 8, 3), "cba");
}

TEST_F(SessionTest, RegisterAccessBesideTheUnitsIsRefused) {
  EXPECT_FALSE(write_registers(kUnit - 4, {0}));
  EXPECT_FALSE(write_registers(kUnit + 0x1000, {0}));
  EXPECT_FALSE(write_registers(kUnit + 0xffc, {0, 0})) << "runs over the end";
  EXPECT_FALSE(write_registers(kUnit + 2, {0})) << "not aligned";
  EXPECT_FALSE(write_registers(~std::uint64_t{3}, {0}));
  EXPECT_EQ(read_register(kUnit + 0x1000), 0u);
}

TEST_F(SessionTest, CloseEndsTheCard) {
  EXPECT_TRUE(session_.handle(1, {}).close);
  Session software(card_, false, [](const auto&) {});
  EXPECT_FALSE(software.handle(1, {}).close) << "sw_emu closes one of several handles first";
  WireWriter all;
  all.add_number(3, 1);
  EXPECT_TRUE(software.handle(1, all.text()).close);
}

TEST_F(SessionTest, LoadPassesTheFileOn) {
  WireWriter request;
  request.add_bytes(2, "/somewhere/bitstream");
  EXPECT_TRUE(acknowledged(Call::load_bitstream, request));
  EXPECT_EQ(loaded_, "/somewhere/bitstream");
}

TEST_F(SessionTest, UnknownCallsAreRefusedButAnswered) {
  EXPECT_EQ(session_.handle(22, {}).payload, std::string("\x08\0", 2));
  EXPECT_FALSE(session_.handle(4000000000u, {}).close);
}

TEST_F(SessionTest, LyingSizesAreRefused) {
  ASSERT_TRUE(allocate(kBuffer, 4096));
  WireWriter request;
  request.add_number(3, kBuffer);
  request.add_bytes(4, "four");
  request.add_number(5, 4096);
  EXPECT_THROW(call(Call::copy_host_to_device, request), ProtocolError);
  WireWriter huge;
  huge.add_number(4, kBuffer);
  huge.add_number(5, std::uint64_t{1} << 60);
  EXPECT_THROW(call(Call::copy_device_to_host, huge), ProtocolError);
}

TEST_F(SessionTest, RandomMessagesAreAnsweredOrRefused) {
  ASSERT_TRUE(allocate(kBuffer, 4096));
  testing::internal::CaptureStderr();  // each refusal is reported there
  std::mt19937_64 random(7);
  int answered = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    WireWriter request;
    for (std::uint32_t field = 1; field <= 7; ++field) {
      switch (random() % 5) {
        case 0:
          request.add_number(field, random() % 4096);
          break;
        case 1:
          request.add_number(field, kBuffer + random() % 8192);
          break;
        case 2:
          request.add_number(field, random());
          break;
        case 3:
          request.add_bytes(field, std::string(random() % 64, 'x'));
          break;
        default:
          break;
      }
    }
    std::string text = request.text();
    if (random() % 4 == 0 && !text.empty()) text.resize(random() % text.size());
    const auto number = static_cast<std::uint32_t>(random() % 56);
    try {
      session_.handle(number, text);
      ++answered;
    } catch (const ProtocolError&) {
      ++refused;
    }
  }
  testing::internal::GetCapturedStderr();
  EXPECT_GT(answered, 1000);
  EXPECT_GT(refused, 1000);
}

TEST(CardFault, HangKeepsTheUnitBusyAndErrorEndsTheRun) {
  CardLog log;
  CardSettings settings;
  settings.fault = CardFault::read_error;
  settings.fault_at = 2;
  Card card(settings, log);
  card.add_unit({"reverse", "reverse_1", kUnit, 0x1000},
                std::make_unique<FunctionalUnit>(reverse, card.memory()));
  const std::string start("\1\0\0\0", 4);
  std::string status(4, '\0');
  ASSERT_TRUE(card.write_control(kUnit, start));
  ASSERT_TRUE(card.read_control(kUnit, status)) << "run 1 is as usual";
  ASSERT_TRUE(card.write_control(kUnit, start));
  EXPECT_THROW(card.read_control(kUnit, status), DeviceError);

  settings.fault = CardFault::hang;
  Card hanging(settings, log);
  hanging.add_unit({"reverse", "reverse_1", kUnit, 0x1000},
                   std::make_unique<FunctionalUnit>(reverse, hanging.memory()));
  for (int run = 0; run < 2; ++run) {
    ASSERT_TRUE(hanging.write_control(kUnit, start));
    ASSERT_TRUE(hanging.read_control(kUnit, status));
    EXPECT_EQ((status[0] & 1) != 0, run == 1);
  }
}

}  // namespace
}  // namespace sluice::card
