#include "sluice/package/xclbin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "sluice/base/error.hpp"

namespace sluice::package {
namespace {

using testing::HasSubstr;

XclbinContent example() {
  XclbinKernel kernel;
  kernel.name = "myproject";
  kernel.vlnv = "xilinx.com:hls:myproject:1.0";
  kernel.instances = {{"myproject_1", kFirstInstanceAddress},
                      {"myproject_2", kFirstInstanceAddress + kInstanceStrideBytes}};
  kernel.arguments = {{"input", true, "const short*", 8, 0x10, "M_AXI_GMEM0", 0},
                      {"output", true, "short*", 8, 0x1c, "M_AXI_GMEM1", 1},
                      {"n", false, "unsigned int", 4, 0x28, "", 0}};
  kernel.ports = {{"M_AXI_GMEM0", 512}, {"M_AXI_GMEM1", 128}};
  XclbinContent content;
  content.platform = "sluice:emulated:card:1.0";
  content.clock_mhz = 200;
  content.banks = {{"bank0", 0x4'0000'0000, std::uint64_t{16} << 30},
                   {"bank1", 0x8'0000'0000, std::uint64_t{1} << 20},
                   {"HBM[0]", 0x10'0000'0000, std::uint64_t{1} << 28, false, 8}};
  content.kernels = {kernel};
  content.bitstream = std::string("PK\x03\x04\0image", 10);
  content.network_sha256 = std::string(64, 'a');
  return content;
}

template <typename T>
T field(const std::string& file, std::size_t offset) {
  T value;
  std::memcpy(&value, file.data() + offset, sizeof(T));
  return value;
}

template <typename T>
void set_field(std::string& file, std::size_t offset, T value) {
  std::memcpy(file.data() + offset, &value, sizeof(T));
}

constexpr std::size_t kLengthOffset = 304;
constexpr std::size_t kUuidOffset = 0x1a0;
constexpr std::size_t kSectionCountOffset = 448;
constexpr std::size_t kSectionTableOffset = 456;
constexpr std::size_t kSectionHeaderBytes = 40;

struct SectionPlace {
  std::size_t header;
  std::size_t offset;
  std::size_t size;
};

SectionPlace place_of(const std::string& file, std::uint32_t kind) {
  const auto count = field<std::uint32_t>(file, kSectionCountOffset);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t header = kSectionTableOffset + i * kSectionHeaderBytes;
    if (field<std::uint32_t>(file, header) == kind) {
      return {header, field<std::uint64_t>(file, header + 24),
              field<std::uint64_t>(file, header + 32)};
    }
  }
  ADD_FAILURE() << "no section " << kind;
  return {};
}

TEST(Xclbin, RoundTrip) {
  XclbinContent expected = example();
  XclbinContent got = read_xclbin(write_xclbin(expected), "x.xclbin");
  EXPECT_EQ(got.uuid.size(), 32u);
  expected.uuid = got.uuid;
  EXPECT_EQ(got, expected);
}

TEST(Xclbin, RoundTripKeepsTheOtherProtocolAndAwkwardText) {
  XclbinContent expected = example();
  expected.kernels[0].control = ControlProtocol::ap_ctrl_hs;
  expected.kernels[0].arguments[0].c_type = "ap_fixed<16,6> const&\"'*";
  XclbinContent got = read_xclbin(write_xclbin(expected), "x.xclbin");
  expected.uuid = got.uuid;
  EXPECT_EQ(got, expected);
}

TEST(Xclbin, SameContentSameBytesAndOtherContentOtherUuid) {
  const std::string first = write_xclbin(example());
  EXPECT_EQ(first, write_xclbin(example()));
  XclbinContent changed = example();
  changed.bitstream.back() = 'F';
  const std::string second = write_xclbin(changed);
  EXPECT_NE(first.substr(kUuidOffset, 16), second.substr(kUuidOffset, 16));
}

// Offsets and values as in the format's public description.
TEST(Xclbin, RealFields) {
  const std::string file = write_xclbin(example());
  EXPECT_EQ(file.substr(0, 8), std::string("xclbin2\0", 8));
  EXPECT_EQ(field<std::int32_t>(file, 8), -1);
  EXPECT_EQ(field<std::uint64_t>(file, kLengthOffset), file.size());
  EXPECT_EQ(field<std::uint64_t>(file, kLengthOffset + 8), 0u) << "time stamp";
  EXPECT_EQ(field<std::uint32_t>(file, kSectionCountOffset), 8u);
  EXPECT_STREQ(file.data() + 352, "sluice:emulated:card:1.0");

  const SectionPlace memory = place_of(file, 6);
  EXPECT_EQ(memory.size, 8u + 3 * 40);
  EXPECT_EQ(field<std::int32_t>(file, memory.offset), 3);
  EXPECT_EQ(field<std::uint8_t>(file, memory.offset + 8), 1) << "DDR4";
  EXPECT_EQ(field<std::uint8_t>(file, memory.offset + 9), 1) << "used";
  EXPECT_EQ(field<std::uint64_t>(file, memory.offset + 16), 16u << 20) << "KiB";
  EXPECT_EQ(field<std::uint64_t>(file, memory.offset + 24), 0x4'0000'0000u);
  EXPECT_STREQ(file.data() + memory.offset + 32, "bank0");
  EXPECT_EQ(field<std::uint8_t>(file, memory.offset + 8 + 2 * 40), 8) << "HBM";
  EXPECT_EQ(field<std::uint8_t>(file, memory.offset + 9 + 2 * 40), 0) << "spare";

  const SectionPlace layout = place_of(file, 8);
  EXPECT_EQ(layout.size, 8u + 2 * 80);
  EXPECT_EQ(field<std::uint32_t>(file, layout.offset + 8), 1u) << "kernel";
  EXPECT_EQ(field<std::uint32_t>(file, layout.offset + 12), 0x100u) << "ap_ctrl_chain";
  EXPECT_EQ(field<std::uint64_t>(file, layout.offset + 16), kFirstInstanceAddress);
  EXPECT_STREQ(file.data() + layout.offset + 24, "myproject:myproject_1");

  const SectionPlace links = place_of(file, 7);
  EXPECT_EQ(links.size, 4u + 4 * 12) << "two pointers of two instances";
  EXPECT_EQ(field<std::int32_t>(file, links.offset + 4 + 12), 1) << "argument";
  EXPECT_EQ(field<std::int32_t>(file, links.offset + 4 + 12 + 8), 1) << "bank";

  const SectionPlace clocks = place_of(file, 11);
  EXPECT_EQ(clocks.size, 2u + 2 * 136);
  EXPECT_EQ(field<std::uint16_t>(file, clocks.offset + 2), 200);

  const SectionPlace image = place_of(file, 0);
  EXPECT_EQ(file.substr(image.offset, image.size), example().bitstream);
  for (const std::uint32_t kind : {0u, 2u, 6u, 7u, 8u, 11u, 26u, 27u}) {
    EXPECT_EQ(place_of(file, kind).offset % 8, 0u) << kind;
  }
}

std::string metadata_of(const XclbinContent& content) {
  const std::string file = write_xclbin(content);
  const SectionPlace place = place_of(file, 2);
  return file.substr(place.offset, place.size);
}

TEST(Xclbin, MetadataHasWhatPynqReads) {
  const std::string xml = metadata_of(example());
  EXPECT_THAT(xml, HasSubstr("vlnv=\"xilinx.com:hls:myproject:1.0\""));
  XclbinContent unnamed = example();
  unnamed.kernels.front().vlnv.clear();
  EXPECT_THAT(metadata_of(unnamed), HasSubstr("vlnv=\"sluice:kernel:myproject:1.0\""));
  EXPECT_THAT(xml, HasSubstr("mode=\"slave\" range=\"0x1000\""));
  EXPECT_THAT(xml, HasSubstr("<addrRemap base=\"0x1800000\" port=\"S_AXI_CONTROL\""));
  EXPECT_THAT(xml, HasSubstr("type=\"const short*\""));
  EXPECT_THAT(xml, HasSubstr("hwControlProtocol=\"ap_ctrl_chain\""));
}

TEST(Xclbin, WriterRefusesWhatTheFormatCannotHold) {
  const auto refused = [](auto change) {
    XclbinContent content = example();
    change(content);
    EXPECT_THROW(write_xclbin(content), UsageError);
  };
  refused([](XclbinContent& c) { c.banks[0].base_address = 0; });
  refused([](XclbinContent& c) { c.banks[0].tag = "a_tag_of_16_char"; });
  refused([](XclbinContent& c) { c.banks[1].size_bytes = 1000; });
  refused([](XclbinContent& c) { c.banks.clear(); });
  refused([](XclbinContent& c) { c.kernels.clear(); });
  refused([](XclbinContent& c) { c.kernels[0].name = "a b"; });
  refused([](XclbinContent& c) { c.kernels[0].instances.clear(); });
  refused([](XclbinContent& c) { c.kernels[0].instances[1].base_address += 16 - 0x1'0000; });
  refused([](XclbinContent& c) { c.kernels[0].instances[0].name = std::string(60, 'x'); });
  refused([](XclbinContent& c) { c.kernels[0].arguments[0].bank = 3; });
  refused([](XclbinContent& c) { c.kernels[0].arguments[0].port = "M_AXI_GMEM7"; });
  refused([](XclbinContent& c) { c.clock_mhz = 0; });
  refused([](XclbinContent& c) { c.platform = std::string(64, 'p'); });
}

TEST(Xclbin, EveryTruncationIsAnError) {
  const std::string file = write_xclbin(example());
  for (std::size_t length = 0; length < file.size(); ++length) {
    // A copy of its own, so that a sanitizer sees any read behind the end.
    const std::string part(file.data(), length);
    EXPECT_THROW(read_xclbin(part, "x.xclbin"), ModelError) << length;
    if (length < kLengthOffset + 8) continue;
    std::string honest = part;
    set_field<std::uint64_t>(honest, kLengthOffset, length);
    try {
      read_xclbin(honest, "x.xclbin");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model) << length;
    }
  }
}

TEST(Xclbin, EveryDamagedByteIsReadOrRefused) {
  const std::string file = write_xclbin(example());
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
      try {
        read_xclbin(damaged, "x.xclbin");
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::model) << at;
      }
    }
  }
}

TEST(Xclbin, HugeCountsAndOffsetsAreRefused) {
  const std::string file = write_xclbin(example());
  const auto refused = [&](auto change) {
    std::string damaged = file;
    change(damaged);
    EXPECT_THROW(read_xclbin(damaged, "x.xclbin"), ModelError);
  };
  refused([](std::string& f) { set_field<std::uint32_t>(f, kSectionCountOffset, 0xffffffff); });
  refused(
      [](std::string& f) { set_field<std::uint64_t>(f, place_of(f, 8).header + 24, ~0ull - 3); });
  refused([](std::string& f) { set_field<std::uint64_t>(f, place_of(f, 8).header + 32, ~0ull); });
  for (const std::uint32_t kind : {6u, 7u, 8u}) {
    refused(
        [&](std::string& f) { set_field<std::int32_t>(f, place_of(f, kind).offset, 0x7fffffff); });
    refused([&](std::string& f) { set_field<std::int32_t>(f, place_of(f, kind).offset, -1); });
  }
  refused([](std::string& f) { set_field<std::int16_t>(f, place_of(f, 11).offset, 0x7fff); });
  refused([](std::string& f) { set_field<std::int32_t>(f, place_of(f, 7).offset + 4, 99); });
}

TEST(Xclbin, MessageNamesTheFileAndWhatIsMissing) {
  try {
    read_xclbin("not a container", "my.xclbin");
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_EQ(error.subject(), "my.xclbin");
    EXPECT_EQ(error.code(), "E-XCLBIN-002");
  }
  std::string file = write_xclbin(example());
  set_field<std::uint32_t>(file, place_of(file, 8).header, 99);
  try {
    read_xclbin(file, "my.xclbin");
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.message(), HasSubstr("IP_LAYOUT"));
  }
}

}  // namespace
}  // namespace sluice::package
