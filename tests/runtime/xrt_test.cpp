// XRT's native API against the emulated card. Runs under a card of the mode that the environment
// names; see CMakeLists.txt.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "card_checks.hpp"
#include "device_checks.hpp"
#include "sluice/base/files.hpp"
#include "sluice/package/xclbin.hpp"
#include "sluice/runtime/bench.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/expect_error.hpp"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;
using testing::expect_error;

class Card : public ::testing::Test {
 protected:
  Kernel open(const DeviceOptions& options = {}) const {
    return Device::open(package_, "xrt:0", options).kernel();
  }
  package::Package package_ = package::Package::open(SLUICE_TEST_PACKAGE);
};

using FreshCard = Card;

TEST_F(Card, IsExact) { testing::expect_exact_in_several_runs(open()); }

TEST_F(Card, MovesOnlyWhatIsSynced) { testing::expect_two_copies(open()); }

TEST_F(Card, KeepsSeveralRunsInFlight) { testing::expect_runs_in_flight(open()); }

TEST_F(Card, OverlapsCalls) { testing::expect_stream(open()); }

TEST_F(Card, SaysWhatItIs) {
  const Kernel kernel = open();
  EXPECT_EQ(kernel.device().uri, "xrt:0");
  EXPECT_EQ(kernel.device().emulation, std::getenv("XCL_EMULATION_MODE"));
  const Json json = to_json(bench(kernel, {.calls = 20, .warmup_calls = 2}));
  EXPECT_EQ(json.at("emulated"), true);
  // The SIMD engine in the card's place has no clock.
  EXPECT_EQ(json.contains("kernel_cycles"), kernel.device().emulation == "hw_emu");
  if (json.contains("kernel_cycles")) {
    EXPECT_GT(json.at("kernel_cycles").at("min"), package_.manifest().latency_cycles);
  }
}

TEST_F(Card, OpensAgain) {
  for (int i = 0; i < 3; ++i) testing::expect_exact_in_several_runs(open());
}

TEST_F(Card, OnlyExistingOnes) {
  expect_error(ErrorKind::device, "E-RUNTIME-007", "XRT has 1",
               [&] { (void)Device::open(package_, "xrt:7"); });
}

/// Runs in a process of its own, whose card nobody has programmed.
TEST_F(FreshCard, MustHoldThePackageWhenItIsNotProgrammed) {
  expect_error(ErrorKind::device, "E-RUNTIME-006", "holds no xclbin",
               [&] { (void)open({.program = false}); });
  const Kernel programmed = open();
  testing::expect_exact_in_several_runs(open({.program = false}));
}

/// The same package with another xclbin, and so another UUID.
package::Package changed(const package::Package& package, const std::filesystem::path& folder) {
  std::filesystem::copy(package.folder(), folder, std::filesystem::copy_options::recursive);
  package::XclbinContent content = package::read_xclbin(read_file(package.xclbin_file()), "xclbin");
  content.clock_mhz += 1;
  write_file(folder / package.xclbin_file().filename(), package::write_xclbin(content));
  package::seal(folder, package.manifest());
  return package::Package::open(folder);
}

TEST_F(Card, NoticesThatItWasProgrammedWithAnotherPackage) {
  const TemporaryFolder folder;
  const auto other = changed(package_, folder.path() / "other");
  const Kernel first = open();
  (void)first.make_run();
  try {
    const Device second = Device::open(other, "xrt:0");
    expect_error(ErrorKind::device, "E-RUNTIME-006", "the package's is",
                 [&] { (void)first.make_run(); });
  } catch (const DeviceError& error) {  // XRT may refuse it while the first kernel is open
    EXPECT_EQ(error.code(), "E-RUNTIME-009");
  }
}

TEST(CardByXclbin, ServesHostsOfRegistersAndBuffers) {
  const auto package = package::Package::open(SLUICE_TEST_PACKAGE);
  const auto card = runtime::Card::open(package.xclbin_file(), "xrt:0");
  EXPECT_TRUE(card.is_loaded());
  EXPECT_EQ(runtime::Card::count(), 1u);
  testing::expect_exact_unit(card);
  testing::expect_checked_arguments(card, runtime::Card::open(package.xclbin_file(), "xrt:0"));
  const ComputeUnit unit = card.unit("three_to_two_1");
  unit.write_register(package::registers::kEvents, 7);
  EXPECT_EQ(unit.read_register(package::registers::kEvents), 7u);
  expect_error(ErrorKind::usage, "E-RUNTIME-019", "is no register",
               [&] { (void)unit.read_register(0x11); });
}

/// Runs only with a card that hangs.
TEST(HungCard, TimesOut) {
  const auto package = package::Package::open(SLUICE_TEST_PACKAGE);
  const Kernel kernel = Device::open(package, "xrt:0", {.run_timeout = 300ms}).kernel();
  auto input = kernel.allocate_input<std::int16_t>(1);
  auto output = kernel.allocate_output<std::int8_t>(1);
  auto run = kernel.make_run();
  run.start(input, output, 1);
  const auto begin = std::chrono::steady_clock::now();
  expect_error(ErrorKind::device, "E-RUNTIME-010", "not done after 300 ms", [&] { run.wait(); });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_TRUE(run.in_flight());
}

/// Runs only with a card that hangs in its third run.
TEST(HungStream, FailsTheCallThatHangs) {
  const auto package = package::Package::open(SLUICE_TEST_PACKAGE);
  const Kernel kernel = Device::open(package, "xrt:0", {.run_timeout = 300ms}).kernel();
  Stream stream(kernel, {.batch_events = 1, .depth = 2});
  const auto inputs = testing::example_inputs(3, 1);
  std::vector<std::int8_t> outputs(6);
  for (std::size_t call = 0; call < 3; ++call) {
    stream.submit(std::span(inputs).subspan(3 * call, 3), std::span(outputs).subspan(2 * call, 2));
  }
  expect_error(ErrorKind::device, "E-RUNTIME-010", "not done after 300 ms",
               [&] { stream.wait(Stream::Call{2}); });
  stream.wait(Stream::Call{0});
  stream.wait(Stream::Call{1});
  const auto expected = testing::expected_outputs(inputs);
  EXPECT_TRUE(std::equal(outputs.begin(), outputs.begin() + 4, expected.begin()));
}

/// Runs only with a card that dies when its first run starts.
TEST(DeadCard, IsAnErrorOfTheCallThatNeedsIt) {
  const auto package = package::Package::open(SLUICE_TEST_PACKAGE);
  Predictor predictor(Device::open(package, "xrt:0").kernel());
  const auto inputs = testing::example_inputs(1, 1);
  std::vector<std::int8_t> outputs(2);
  const auto begin = std::chrono::steady_clock::now();
  for (int call = 0; call < 2; ++call) {
    expect_error(ErrorKind::device, "E-RUNTIME-009", "the emulated card has ended",
                 [&] { predictor.predict(std::span(inputs), std::span(outputs)); });
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace sluice::runtime
