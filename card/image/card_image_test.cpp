#include "card/image/card_image.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "card/tests/make_test_xclbin.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/subprocess.hpp"

namespace sluice::card {
namespace {

namespace fs = std::filesystem;

class CardImageTest : public testing::Test {
 protected:
  CardImageTest() {
    write_file(folder_.path() / "program", "#!/bin/sh\n");
    write_file(folder_.path() / "library", std::string(100000, 'k'));
    image_ = {"{}\n", "network\n", folder_.path() / "library", folder_.path() / "program"};
  }

  TemporaryFolder folder_;
  CardImage image_;
  package::XclbinContent description_ = test_xclbin("example");
};

TEST_F(CardImageTest, SameInputSameBytes) {
  const std::string first = make_card_bitstream(image_, description_);
  fs::last_write_time(image_.card_program, fs::file_time_type::clock::now());
  EXPECT_EQ(first, make_card_bitstream(image_, description_));
}

// As XRT's hardware emulation does it: with the program `unzip`.
TEST_F(CardImageTest, UnzipGivesAStartableFolder) {
  if (!find_program("unzip")) GTEST_SKIP() << "unzip is not installed";
  write_file(folder_.path() / "image.zip", make_card_bitstream(image_, description_));
  const Finished unzip = run_process({{"unzip", "-q", "image.zip"}, folder_.path(), {}});
  ASSERT_EQ(unzip.exit_status, 0) << unzip.output;
  const fs::path unpacked = folder_.path() / kImageFolder;
  for (const std::string_view name : {kStartScriptName, kProgramName}) {
    EXPECT_NE(fs::status(unpacked / name).permissions() & fs::perms::owner_exec, fs::perms::none);
  }
  EXPECT_EQ(read_file(unpacked / kKernelName), std::string(100000, 'k'));
  EXPECT_EQ(
      read_card_description(unpacked).units,
      (std::vector<CardUnit>{{"example", "example_1", package::kFirstInstanceAddress, 0x1000}}));
}

TEST_F(CardImageTest, UnpackTakesTheDataFilesOnly) {
  const std::string zip = make_card_bitstream(image_, description_);
  const fs::path out = folder_.path() / "out";
  fs::create_directories(out);
  unpack_card_bitstream(zip, "x.xclbin", out);
  EXPECT_EQ(read_file(out / kNetworkName), "network\n");
  EXPECT_EQ(read_file(out / kManifestName), "{}\n");
  EXPECT_EQ(read_card_description(out).clock_mhz, 200u);
  EXPECT_FALSE(fs::exists(out / kProgramName));
}

TEST_F(CardImageTest, DamagedZipsAreRefused) {
  image_.kernel_library.clear();
  const std::string zip = make_card_bitstream(image_, description_);
  for (std::size_t length = 0; length < zip.size(); ++length) {
    const fs::path out = folder_.path() / "damaged";
    fs::create_directories(out);
    EXPECT_THROW(unpack_card_bitstream(std::string(zip.data(), length), "x.xclbin", out),
                 DeviceError)
        << length;
  }
}

TEST_F(CardImageTest, MissingFileIsNamed) {
  image_.kernel_library = folder_.path() / "nowhere.so";
  try {
    make_card_bitstream(image_, description_);
    FAIL();
  } catch (const ToolError& error) {
    EXPECT_NE(error.subject().find("nowhere.so"), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::card
