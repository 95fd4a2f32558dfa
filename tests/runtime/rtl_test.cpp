// The Verilated kernel in this process.

#include <gtest/gtest.h>

#include "card_checks.hpp"
#include "device_checks.hpp"
#include "sluice/base/files.hpp"
#include "sluice/runtime/bench.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/expect_error.hpp"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;

class RtlDevice : public ::testing::Test {
 protected:
  Kernel open(const DeviceOptions& options = {}) const {
    return Device::open(package_, "rtl", options).kernel();
  }
  package::Package package_ = package::Package::open(SLUICE_TEST_PACKAGE);
};

TEST_F(RtlDevice, IsExactUnderAnyStalls) {
  for (const std::uint64_t seed : {0, 1, 2, 3}) {
    SCOPED_TRACE(seed);
    testing::expect_exact_in_several_runs(open({.memory_seed = seed, .stall_probability = 0.4}));
  }
}

TEST_F(RtlDevice, ServesHostsOfRegistersAndBuffers) {
  for (const char* uri : {"engine", "rtl"}) {
    SCOPED_TRACE(uri);
    const Card card = Card::open(package_.xclbin_file(), uri);
    EXPECT_TRUE(card.info().emulated);
    testing::expect_exact_unit(card);
    testing::expect_checked_arguments(card, Card::open(package_.xclbin_file(), uri));
    testing::expect_error(ErrorKind::usage, "E-RUNTIME-019", "has no registers",
                          [&] { (void)card.unit("three_to_two_1").read_register(0x10); });
  }
}

TEST_F(RtlDevice, ChecksTheBankOfABuffer) {
  const TemporaryFolder folder;
  const auto copy = folder.path() / "two_banks";
  std::filesystem::copy(package_.folder(), copy, std::filesystem::copy_options::recursive);
  const auto file = copy / package_.xclbin_file().filename();
  package::XclbinContent content = package::read_xclbin(read_file(file), "xclbin");
  content.banks.push_back({"bank1", 0x10'0000'0000, std::uint64_t{1} << 30});
  content.kernels.front().arguments.at(1).bank = 1;
  write_file(file, package::write_xclbin(content));
  package::seal(copy, package_.manifest());
  const Card card = Card::open(file, "engine");
  UnitRun run = card.unit("three_to_two_1").make_run();
  run.set_argument(0, card.allocate(0, 60));
  testing::expect_error(ErrorKind::usage, "E-RUNTIME-005",
                        "lies in bank bank0, the argument is wired to bank bank1",
                        [&] { run.set_argument(1, card.allocate(0, 20)); });
  run.set_argument(1, card.allocate(1, 20));
}

TEST_F(RtlDevice, RefusesAnXclbinOfNoPackage) {
  const TemporaryFolder folder;
  const auto lone = folder.path() / "lone.xclbin";
  std::filesystem::copy(package_.xclbin_file(), lone);
  testing::expect_error(ErrorKind::tool, "E-PACKAGE-003", "no manifest.json",
                        [&] { (void)Card::open(lone, "rtl"); });
}

TEST_F(RtlDevice, AWaitCanBeInterrupted) {
  struct Stop {};
  int checks = 0;
  DeviceOptions options{.check_interrupt = [&] {
    if (++checks == 2) throw Stop{};
  }};
  const Kernel kernel = open(options);
  auto input = kernel.allocate_input<std::int16_t>(1'000'000);
  auto output = kernel.allocate_output<std::int8_t>(1'000'000);
  auto run = kernel.make_run();
  run.start(input, output, 1'000'000);
  EXPECT_THROW(run.wait(), Stop);
  EXPECT_EQ(checks, 2);
  EXPECT_TRUE(run.in_flight());
}

TEST_F(RtlDevice, MovesOnlyWhatIsSynced) { testing::expect_two_copies(open()); }

TEST_F(RtlDevice, KeepsSeveralRunsInFlight) { testing::expect_runs_in_flight(open()); }
TEST_F(RtlDevice, OverlapsCalls) { testing::expect_stream(open()); }

TEST_F(RtlDevice, CountsCyclesThatRepeatForASeed) {
  const auto cycles = [&](std::uint64_t seed) {
    Predictor predictor(open({.memory_seed = seed}));
    const auto inputs = testing::example_inputs(100, 1);
    std::vector<std::int8_t> outputs(200);
    predictor.predict(std::span(inputs), std::span(outputs));
    return predictor.kernel_cycles().value();
  };
  EXPECT_EQ(cycles(5), cycles(5));
  // 100 events of 6 bytes on a bus of 8: at least 75 beats, and no stall when memory keeps up.
  EXPECT_GE(cycles(0), 100u);
  EXPECT_LT(cycles(0), 200u);
  EXPECT_GT(cycles(5), cycles(0));
}

TEST_F(RtlDevice, BenchReportsCyclesAndCallsItselfAnEmulation) {
  const Json json = to_json(bench(open(), {.calls = 20, .warmup_calls = 2}));
  EXPECT_EQ(json.at("emulated"), true);
  EXPECT_EQ(json.at("device").at("emulation"), "rtl");
  EXPECT_GT(json.at("kernel_cycles").at("min"), package_.manifest().latency_cycles);
}

TEST_F(RtlDevice, BuffersComeAndGo) {
  const Kernel kernel = open();
  for (int i = 0; i < 50; ++i) {
    auto input = kernel.allocate_input<std::int16_t>(1 + i % 3);
    EXPECT_TRUE(std::ranges::all_of(input.mantissas(), [](auto m) { return m == 0; }));
    std::ranges::fill(input.mantissas(), 1);
    input.sync_to_device();
  }
  auto input = kernel.allocate_input<std::int16_t>(1);
  std::ranges::fill(input.mantissas(), 5);
  input.sync_from_device();
  EXPECT_TRUE(std::ranges::all_of(input.mantissas(), [](auto m) { return m == 0; }));
}

TEST_F(RtlDevice, AWaitThatIsTooShortMayBeRepeated) {
  const Kernel kernel = open();
  constexpr std::int64_t kEvents = 20'000;  // far more work than the first wait allows
  auto input = kernel.allocate_input<std::int16_t>(kEvents);
  auto output = kernel.allocate_output<std::int8_t>(kEvents);
  auto run = kernel.make_run();
  run.start(input, output, kEvents);
  testing::expect_error(ErrorKind::device, "E-RUNTIME-010", "not done after 0 ms",
                        [&] { run.wait(0ms); });
  EXPECT_TRUE(run.in_flight());
  testing::expect_error(ErrorKind::usage, "E-RUNTIME-012", "in flight",
                        [&] { run.start(input, output, 1); });
  run.wait();
  EXPECT_FALSE(run.in_flight());
}

}  // namespace
}  // namespace sluice::runtime
