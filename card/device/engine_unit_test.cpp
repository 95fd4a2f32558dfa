#include "card/device/engine_unit.hpp"

#include <gtest/gtest.h>

#include <span>

#include "card/tests/make_test_xclbin.hpp"
#include "sluice/base/error.hpp"

namespace sluice::card {
namespace {

constexpr std::uint64_t kIn = 0x4'0000'0000;
constexpr std::uint64_t kOut = 0x5'0000'0000;

// More events than the card computes at a time, and no multiple of that.
TEST(EngineUnit, ComputesEveryEventOfALargeRun) {
  constexpr std::uint32_t kEvents = 3 * 65536 + 17;
  sim::Memory memory;
  memory.allocate(kIn, kEvents);
  memory.allocate(kOut, kEvents + 1);
  std::vector<std::byte> data(kEvents);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7);
  memory.write(kIn, data);
  make_engine_kernel(test_network(), "test")({kIn, kOut, kEvents}, memory);
  std::vector<std::byte> results(kEvents + 1);
  memory.read(kOut, results);
  for (std::size_t i = 0; i < data.size(); ++i) {
    ASSERT_EQ(results[i], static_cast<std::byte>(i * 7 + 1)) << i;
  }
  EXPECT_EQ(results[kEvents], std::byte{0}) << "behind the last event";
}

TEST(EngineUnit, NoEventsNoAccess) {
  sim::Memory memory;
  EXPECT_NO_THROW(make_engine_kernel(test_network(), "test")({0, 0, 0}, memory));
}

TEST(EngineUnit, RunOutsideOfBuffersIsRefused) {
  sim::Memory memory;
  memory.allocate(kIn, 4096);
  memory.allocate(kOut, 4096);
  const KernelFunction kernel = make_engine_kernel(test_network(), "test");
  EXPECT_NO_THROW(kernel({kIn, kOut, 4096}, memory));
  EXPECT_THROW(kernel({kIn, kOut, 4097}, memory), DeviceError);
  EXPECT_THROW(kernel({kIn + 1, kOut, 4096}, memory), DeviceError);
  EXPECT_THROW(kernel({kIn, kOut + 1, 4096}, memory), DeviceError);
  EXPECT_THROW(kernel({kIn, kOut, 0xffffffff}, memory), DeviceError);
}

TEST(EngineUnit, MalformedNetworkIsAModelError) {
  EXPECT_THROW(make_engine_kernel("nonsense", "test"), ModelError);
}

}  // namespace
}  // namespace sluice::card
