#include "sluice/runtime/device.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "sluice/base/files.hpp"
#include "sluice/runtime/expect_error.hpp"
#include "sluice/runtime/test_package.hpp"
#include "sluice/runtime/uri.hpp"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;
using testing::expect_error;

class EngineDevice : public ::testing::Test {
 protected:
  Device open() const { return Device::open(package_, "engine"); }

  TemporaryFolder folder_;
  package::Package package_ = testing::write_package(folder_.path());
};

TEST(DeviceUri, KnowsThreeKinds) {
  using detail::DeviceKind;
  using detail::DeviceUri;
  using detail::parse_device_uri;
  EXPECT_EQ(parse_device_uri("engine"), (DeviceUri{DeviceKind::engine}));
  EXPECT_EQ(parse_device_uri("rtl"), (DeviceUri{DeviceKind::rtl}));
  EXPECT_EQ(parse_device_uri("xrt:0"), (DeviceUri{DeviceKind::xrt, 0}));
  EXPECT_EQ(parse_device_uri("xrt:12"), (DeviceUri{DeviceKind::xrt, 12}));
  for (const char* bad : {"", "gpu", "xrt", "xrt:", "xrt:x", "xrt:-1", "xrt:1 ", "xrt:99999999999",
                          "Engine", "rtl:0"}) {
    expect_error(ErrorKind::usage, "E-RUNTIME-001", "xrt:N", [&] { parse_device_uri(bad); });
  }
}

TEST_F(EngineDevice, SaysThatItIsAnEmulation) {
  const Device device = open();
  EXPECT_EQ(device.info().uri, "engine");
  EXPECT_TRUE(device.info().emulated);
  EXPECT_EQ(device.info().emulation, "engine");
  EXPECT_EQ(device.kernel().manifest().name, "three_to_two");
}

TEST_F(EngineDevice, RunsAgainAndAgainOnTheSameObjects) {
  const Kernel kernel = open().kernel();  // the device outlives its handle
  Buffer<std::int16_t> input = kernel.allocate_input<std::int16_t>(40);
  Buffer<std::int8_t> output = kernel.allocate_output<std::int8_t>(40);
  EXPECT_EQ(input.mantissas().size(), 120u);
  EXPECT_EQ(output.mantissas().size(), 80u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(input.mantissas().data()) % 4096, 0u);
  auto run = kernel.make_run();
  for (const std::int64_t events : {40, 1, 17}) {
    const auto inputs = testing::example_inputs(static_cast<std::size_t>(events), 7);
    std::ranges::copy(inputs, input.mantissas().begin());
    input.sync_to_device(0, events);
    run.start(input, output, events);
    run.wait();
    output.sync_from_device(0, events);
    const auto expected = testing::expected_outputs(inputs);
    EXPECT_TRUE(std::ranges::equal(expected, output.mantissas().first(expected.size())));
  }
}

TEST_F(EngineDevice, KernelsAreSharedByThreads) {
  const Device device = open();
  const Kernel kernel = device.kernel();
  std::vector<std::thread> threads;
  std::array<bool, 4> right{};
  for (std::size_t thread = 0; thread < right.size(); ++thread) {
    threads.emplace_back([&, thread] {
      const auto inputs = testing::example_inputs(100, thread);
      auto input = kernel.allocate_input<std::int16_t>(100);
      auto output = kernel.allocate_output<std::int8_t>(100);
      std::ranges::copy(inputs, input.mantissas().begin());
      auto run = kernel.make_run();
      run.start(input, output, 100);
      run.wait();
      right.at(thread) = std::ranges::equal(testing::expected_outputs(inputs), output.mantissas());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(std::ranges::all_of(right, [](bool ok) { return ok; }));
}

TEST_F(EngineDevice, BuffersMayBeGivenUpBeforeTheRun) {
  const Kernel kernel = open().kernel();
  auto run = kernel.make_run();
  auto output = kernel.allocate_output<std::int8_t>(5);
  {
    auto input = kernel.allocate_input<std::int16_t>(5);
    run.start(input, output, 5);
  }
  run.wait();
  EXPECT_TRUE(std::ranges::equal(testing::expected_outputs(std::vector<std::int16_t>(15, 0)),
                                 output.mantissas()));
}

TEST_F(EngineDevice, RefusesOtherMantissaTypes) {
  const Kernel kernel = open().kernel();
  expect_error(ErrorKind::usage, "E-RUNTIME-002", "int16 in memory, not int32",
               [&] { (void)kernel.allocate_input<std::int32_t>(1); });
  expect_error(ErrorKind::usage, "E-RUNTIME-002", "int8 in memory, not int16",
               [&] { (void)kernel.allocate_output<std::int16_t>(1); });
}

TEST_F(EngineDevice, RefusesImpossibleSizesAndRanges) {
  const Kernel kernel = open().kernel();
  for (const std::int64_t events : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 31}) {
    expect_error(ErrorKind::usage, "E-RUNTIME-003", "cannot hold",
                 [&] { (void)kernel.allocate_input(events); });
  }
  auto input = kernel.allocate_input<std::int16_t>(4);
  input.sync_to_device(4, 0);
  struct Range {
    std::int64_t first, count;
  };
  for (const Range range : {Range{0, 5}, {4, 1}, {-1, 1}, {0, -1}}) {
    expect_error(ErrorKind::usage, "E-RUNTIME-013", "it holds 4",
                 [&] { input.sync_to_device(range.first, range.count); });
    expect_error(ErrorKind::usage, "E-RUNTIME-013", "it holds 4",
                 [&] { input.sync_from_device(range.first, range.count); });
  }
}

TEST_F(EngineDevice, RefusesMoreEventsThanABufferHolds) {
  const Kernel kernel = open().kernel();
  auto input = kernel.allocate_input<std::int16_t>(4);
  auto output = kernel.allocate_output<std::int8_t>(3);
  auto run = kernel.make_run();
  expect_error(ErrorKind::usage, "E-RUNTIME-004", "input buffer: holds 4 events",
               [&] { run.start(input, output, 5); });
  expect_error(ErrorKind::usage, "E-RUNTIME-004", "output buffer: holds 3 events",
               [&] { run.start(input, output, 4); });
  expect_error(ErrorKind::usage, "E-RUNTIME-004", "asks for 0",
               [&] { run.start(input, output, 0); });
  EXPECT_FALSE(run.in_flight());
}

TEST_F(EngineDevice, RefusesBuffersOfAnotherDeviceOrArgument) {
  const Kernel kernel = open().kernel();
  const Kernel other = open().kernel();
  auto input = kernel.allocate_input<std::int16_t>(4);
  auto output = kernel.allocate_output<std::int8_t>(4);
  auto foreign = other.allocate_output<std::int8_t>(4);
  auto run = kernel.make_run();
  expect_error(ErrorKind::usage, "E-RUNTIME-005", "another device",
               [&] { run.start(input, foreign, 4); });
  expect_error(ErrorKind::usage, "E-RUNTIME-005", "was allocated for the output",
               [&] { run.start(output, output, 4); });
}

TEST_F(EngineDevice, RefusesToWaitForNothingOrToStartTwice) {
  const Kernel kernel = open().kernel();
  auto input = kernel.allocate_input<std::int16_t>(4);
  auto output = kernel.allocate_output<std::int8_t>(4);
  auto run = kernel.make_run();
  expect_error(ErrorKind::usage, "E-RUNTIME-012", "not started", [&] { run.wait(1ms); });
  run.start(input, output, 4);
  expect_error(ErrorKind::usage, "E-RUNTIME-012", "in flight",
               [&] { run.start(input, output, 4); });
  run.wait();
}

TEST_F(EngineDevice, NoticesAPackageThatContradictsItself) {
  package::Manifest manifest = package_.manifest();
  manifest.input.shape = {4};
  package::seal(folder_.path(), manifest);
  const auto package = package::Package::open(folder_.path());
  expect_error(ErrorKind::model, "E-RUNTIME-015", "disagree about `x`",
               [&] { (void)Device::open(package, "engine"); });
}

TEST_F(EngineDevice, RtlNeedsAVerilatedKernel) {
  expect_error(ErrorKind::tool, "E-PACKAGE-005", "no Verilated kernel",
               [&] { (void)Device::open(package_, "rtl"); });
}

TEST_F(EngineDevice, UnknownDevice) {
  expect_error(ErrorKind::usage, "E-RUNTIME-001", "is not a device",
               [&] { (void)Device::open(package_, "cuda:0"); });
}

}  // namespace
}  // namespace sluice::runtime
