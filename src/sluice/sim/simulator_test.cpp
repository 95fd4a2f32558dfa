#include "sluice/sim/simulator.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/sim/testing/test_kernels.hpp"

namespace sluice::sim {
namespace {

using testing::Shape;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kLimitCycles = 2'000'000;
constexpr std::uint64_t kGuardBytes = 128;
constexpr std::uint8_t kGuard = 0xC3;

const Shape& shape_of(std::string_view name) {
  for (const Shape& shape : testing::kShapes) {
    if (shape.name == name) return shape;
  }
  throw std::invalid_argument("no such shape");
}

std::filesystem::path library_of(std::string_view name) {
  return testing::kernel_library(SLUICE_TEST_KERNELS, name);
}

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// What hw/bench/sluice_test_core.v computes.
Bytes expected_output(const Shape& shape, const Bytes& input, std::uint32_t events) {
  const auto in_bytes = static_cast<std::size_t>(shape.in_event_bits / 8);
  const auto out_bytes = static_cast<std::size_t>(shape.out_event_bits / 8);
  Bytes output;
  for (std::size_t event = 0; event < events; ++event) {
    for (std::size_t j = 0; j < out_bytes; ++j) {
      std::size_t value = 0;
      for (std::size_t k = 0; k < in_bytes; ++k) {
        value ^= input[event * in_bytes + k] + 3 * k + 7 * j;
      }
      output.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return output;
}

// One kernel with an input and an output buffer, guard bytes around the output.
class Bench {
 public:
  explicit Bench(std::string_view name, const MemoryTiming& timing = MemoryTiming::keeps_up())
      : shape(shape_of(name)), simulator(library_of(name), {.memory = memory, .timing = timing}) {}

  // Places `events` random events at `input_address` and clears the output with guards around it.
  void prepare(std::uint32_t events, std::uint64_t seed, std::uint64_t input_address,
               std::uint64_t output_address) {
    arguments = {input_address, output_address, events};
    input =
        random_bytes(std::size_t{events} * static_cast<std::size_t>(shape.in_event_bits / 8), seed);
    expected = expected_output(shape, input, events);
    const Bytes guards(expected.size() + 2 * kGuardBytes, kGuard);
    memory->write(input_address, std::as_bytes(std::span(input)));
    memory->write(output_address - kGuardBytes, std::as_bytes(std::span(guards)));
    if (input.empty()) return;
    memory->allocate(input_address, input.size());
    memory->allocate(output_address, expected.size());
  }

  RunReport run() { return simulator.run(arguments, kLimitCycles); }

  void release() {
    if (input.empty()) return;
    memory->free(arguments.input_address);
    memory->free(arguments.output_address);
  }

  // The result and the guards are what they must be.
  void check() const {
    Bytes found(expected.size() + 2 * kGuardBytes);
    memory->read(arguments.output_address - kGuardBytes, std::as_writable_bytes(std::span(found)));
    Bytes wanted(found.size(), kGuard);
    std::copy(expected.begin(), expected.end(), wanted.begin() + kGuardBytes);
    const auto difference = std::mismatch(found.begin(), found.end(), wanted.begin());
    EXPECT_EQ(found, wanted) << "first difference at output byte "
                             << difference.first - found.begin() -
                                    static_cast<std::ptrdiff_t>(kGuardBytes);
  }

  const Shape& shape;
  std::shared_ptr<Memory> memory = std::make_shared<Memory>();
  Simulator simulator;
  RunArguments arguments;
  Bytes input, expected;
};

class Shapes : public ::testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Kernel, Shapes, ::testing::ValuesIn(testing::kShapes),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Shapes, ReturnTheExpectedBytesForEveryCountWithoutStalls) {
  Bench bench(GetParam().name);
  std::uint64_t seed = 1;
  for (const std::uint32_t events : {0U, 1U, 2U, 3U, 7U, 8U, 9U, 31U, 63U, 64U, 65U, 500U}) {
    SCOPED_TRACE(fmt::format("{} events", events));
    bench.prepare(events, seed++, 0x1'0000'0000, 0x2'0000'0000);
    EXPECT_EQ(bench.run().status, 0U);
    bench.check();
    bench.release();
  }
  EXPECT_TRUE(bench.simulator.access_errors().empty());
}

TEST_P(Shapes, ReturnTheExpectedBytesWhateverTheMemoryDoes) {
  Bench bench(GetParam().name);
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    const double stall_probability = seed == 4 ? 0.9 : 0.15 * static_cast<double>(seed);
    bench.simulator.set_timing(MemoryTiming::random(seed, stall_probability));
    for (const std::uint32_t events : {1U, 37U, 1001U}) {
      SCOPED_TRACE(fmt::format("{} events, seed {}", events, seed));
      bench.prepare(events, seed, 0x1'0000'0000, 0x2'0000'0000);
      EXPECT_EQ(bench.run().status, 0U);
      bench.check();
      bench.release();
    }
  }
}

TEST_P(Shapes, CrossFourKibibytesFromEveryKindOfOffset) {
  Bench bench(GetParam().name, MemoryTiming::random(9, 0.1));
  for (const std::uint64_t words : {1U, 2U, 5U}) {
    const auto in_bus = static_cast<std::uint64_t>(bench.simulator.input_bus_bytes());
    const auto out_bus = static_cast<std::uint64_t>(bench.simulator.output_bus_bytes());
    bench.prepare(300, words, 0x7000 - words * in_bus, 0xFFFF'FFFF'0000'3000 - words * out_bus);
    EXPECT_EQ(bench.run().status, 0U);
    bench.check();
    bench.release();
  }
}

TEST_P(Shapes, AnswerTheirIdentity) {
  Bench bench(GetParam().name);
  const Shape& shape = GetParam();
  Simulator& simulator = bench.simulator;
  EXPECT_EQ(simulator.input_bus_bytes() * 8, shape.in_bus_bits);
  EXPECT_EQ(simulator.output_bus_bytes() * 8, shape.out_bus_bits);
  EXPECT_EQ(simulator.read_register(reg::kCoreLatency),
            static_cast<std::uint32_t>(shape.core_latency));
  EXPECT_EQ(simulator.read_register(reg::kInterfaceVersion), 1U);
  EXPECT_EQ(simulator.read_register(reg::kEventBytes),
            static_cast<std::uint32_t>(shape.in_event_bits / 8 + shape.out_event_bits / 8 * 65536));
}

// The slower side of the kernel bounds a run; everything else is a constant.
TEST_P(Shapes, SustainOneEventOrOneWordPerClock) {
  constexpr std::uint32_t kEvents = 10'000;
  Bench bench(GetParam().name);
  const Shape& shape = GetParam();
  bench.prepare(kEvents, 1, 0x1'0000'0000, 0x2'0000'0000);
  const std::uint64_t cycles = bench.run().cycles;
  bench.check();
  const int bits = std::max({shape.in_bus_bits, shape.in_event_bits});
  const std::uint64_t words_in =
      kEvents * static_cast<std::uint64_t>(bits) / static_cast<std::uint64_t>(shape.in_bus_bits);
  const int out_bits = std::max(shape.out_bus_bits, shape.out_event_bits);
  const std::uint64_t words_out = kEvents * static_cast<std::uint64_t>(out_bits) /
                                  static_cast<std::uint64_t>(shape.out_bus_bits);
  const std::uint64_t ideal = std::max(words_in, words_out);
  // Fill of the pipeline, and of the write buffer before and after the last burst (256 words each).
  const std::uint64_t constant = 600 + static_cast<std::uint64_t>(shape.core_latency);
  fmt::print("{}: {} events in {} cycles, ideal {}\n", shape.name, kEvents, cycles, ideal);
  EXPECT_GE(cycles, ideal);
  EXPECT_LE(cycles, ideal + constant);
}

TEST(Kernel, LatencyDoesNotDependOnData) {
  Bench bench("muon");
  std::vector<std::uint64_t> cycles;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    bench.prepare(1, seed, 0x1'0000'0000, 0x2'0000'0000);
    cycles.push_back(bench.run().cycles);
    bench.check();
    bench.release();
  }
  fmt::print("one event: {} cycles, of which the core {}\n", cycles[0], bench.shape.core_latency);
  EXPECT_THAT(cycles, ::testing::Each(cycles[0]));
  EXPECT_LE(cycles[0], 40U);
}

TEST(Kernel, TheSameSeedRepeatsARunExactly) {
  std::vector<std::uint64_t> cycles;
  for (const std::uint64_t seed : {5U, 5U, 6U}) {
    Bench bench("mixed", MemoryTiming::random(seed));
    bench.prepare(200, 1, 0x1'0000'0000, 0x2'0000'0000);
    cycles.push_back(bench.run().cycles);
  }
  EXPECT_EQ(cycles[0], cycles[1]);
  EXPECT_NE(cycles[0], cycles[2]);
}

TEST(Control, IdleIsZeroFromStartToEndAndDoneWaitsForContinue) {
  Bench bench("muon", {.min_latency_cycles = 30, .max_latency_cycles = 30});
  Simulator& simulator = bench.simulator;
  EXPECT_EQ(simulator.read_register(reg::kControl), reg::kIdle);
  bench.prepare(5, 1, 0x1'0000, 0x2'0000);
  simulator.write_register(reg::kInput, 0x1'0000);
  simulator.write_register(reg::kOutput, 0x2'0000);
  simulator.write_register(reg::kEvents, 5);
  simulator.write_register(reg::kControl, reg::kStart);
  std::uint32_t value = simulator.read_register(reg::kControl);
  EXPECT_EQ(value & ~reg::kStart, reg::kReady);
  for (int polls = 0; (value & reg::kDone) == 0 && polls < 1000; ++polls) {
    EXPECT_EQ(value & reg::kIdle, 0U);
    value = simulator.read_register(reg::kControl);
  }
  EXPECT_EQ(value, reg::kDone | reg::kIdle);
  simulator.step(100);
  EXPECT_EQ(simulator.read_register(reg::kControl), reg::kDone | reg::kIdle);
  simulator.write_register(reg::kControl, reg::kContinue);
  EXPECT_EQ(simulator.read_register(reg::kControl), reg::kIdle);
  bench.check();
}

TEST(Control, AutoRestartRunsAgainAfterEachContinue) {
  Bench bench("bytes");
  Simulator& simulator = bench.simulator;
  bench.prepare(10, 1, 0x1'0000, 0x2'0000);
  simulator.write_register(reg::kInput, 0x1'0000);
  simulator.write_register(reg::kOutput, 0x2'0000);
  simulator.write_register(reg::kEvents, 10);
  simulator.write_register(reg::kControl, reg::kStart | reg::kAutoRestart);
  for (int k = 0; k < 3; ++k) {
    simulator.run_until_done(1000);
    simulator.write_register(reg::kControl, reg::kContinue | reg::kAutoRestart);
  }
  simulator.write_register(reg::kControl, 0);
  bench.check();
}

TEST(Control, InterruptFollowsEnableAndIsClearedByWritingItsBit) {
  Bench bench("bytes");
  Simulator& simulator = bench.simulator;
  bench.prepare(3, 1, 0x1'0000, 0x2'0000);
  bench.run();
  EXPECT_FALSE(simulator.interrupt());
  EXPECT_EQ(simulator.read_register(reg::kInterruptStatus), 0U);
  simulator.write_register(reg::kInterruptEnable, 1);
  bench.run();
  EXPECT_EQ(simulator.read_register(reg::kInterruptStatus), 1U);
  EXPECT_FALSE(simulator.interrupt());
  simulator.write_register(reg::kGlobalInterruptEnable, 1);
  simulator.step();
  EXPECT_TRUE(simulator.interrupt());
  simulator.write_register(reg::kInterruptStatus, 1);
  simulator.step();
  EXPECT_FALSE(simulator.interrupt());
  simulator.write_register(reg::kInterruptEnable, 3);
  bench.run();
  EXPECT_EQ(simulator.read_register(reg::kInterruptStatus), 3U);
}

TEST(Control, ArgumentsReadBackAndUnknownRegistersAreZero) {
  Bench bench("muon");
  Simulator& simulator = bench.simulator;
  std::uint32_t value = 0x1234'5678;
  const std::vector<std::uint32_t> arguments = {reg::kInput, reg::kInput + 4, reg::kOutput,
                                                reg::kOutput + 4, reg::kEvents};
  for (const std::uint32_t offset : arguments) simulator.write_register(offset, value += 0x0101);
  value = 0x1234'5678;
  for (const std::uint32_t offset : arguments) {
    EXPECT_EQ(simulator.read_register(offset), value += 0x0101);
  }
  for (const std::uint32_t offset : {0x18U, 0x24U, 0x2CU, 0x58U, 0x410U, 0xFFCU}) {
    simulator.write_register(offset, 0xFFFF'FFFF);
    EXPECT_EQ(simulator.read_register(offset), 0U);
  }
  EXPECT_THROW(simulator.read_register(0x1000), UsageError);
  EXPECT_THROW(simulator.write_register(0x12, 0), UsageError);
}

/// Several runs in flight, as a host queues them: the next one is started as soon as the arguments
/// of the one before are taken, and an end is continued when it is seen.
class Queue {
 public:
  Queue(std::string_view name, const MemoryTiming& timing)
      : shape_(shape_of(name)),
        simulator_(library_of(name), {.memory = memory_, .timing = timing}) {}

  // Runs are numbered from 0; each has buffers of its own, and all outputs start as guards.
  void add(std::uint32_t events, std::uint64_t misalignment = 0) {
    const std::uint64_t number = runs_.size();
    Planned run;
    run.arguments = {0x1'0000'0000 + number * kSpacing, 0x2'0000'0000 + number * kSpacing, events};
    const Bytes input = random_bytes(
        std::size_t{events} * static_cast<std::size_t>(shape_.in_event_bits / 8), number + 1);
    run.expected = expected_output(shape_, input, events);
    const Bytes guards(run.expected.size() + kGuardBytes, kGuard);
    memory_->write(run.arguments.input_address, std::as_bytes(std::span(input)));
    memory_->write(run.arguments.output_address, std::as_bytes(std::span(guards)));
    if (events != 0) {
      memory_->allocate(run.arguments.input_address, input.size());
      memory_->allocate(run.arguments.output_address, run.expected.size());
    }
    if (misalignment != 0) std::ranges::fill(run.expected, kGuard);
    run.arguments.input_address += misalignment;
    runs_.push_back(std::move(run));
  }

  // All runs, at most `depth` of them started and not yet ended. Their status words, in order.
  std::vector<std::uint32_t> play(std::size_t depth) {
    std::vector<std::uint32_t> statuses;
    const std::uint64_t begin = simulator_.cycles();
    std::size_t started = 0;
    while (statuses.size() < runs_.size()) {
      const std::uint32_t control = simulator_.read_register(reg::kControl);
      if ((control & reg::kDone) != 0) {
        check(statuses.size());
        statuses.push_back(simulator_.read_register(reg::kStatus));
        simulator_.write_register(reg::kControl, reg::kContinue);
      } else {
        EXPECT_EQ((control & reg::kIdle) != 0, started == statuses.size());
      }
      if ((control & reg::kStart) == 0 && started < runs_.size() &&
          started - statuses.size() < depth) {
        start(runs_[started++].arguments);
      }
      if (simulator_.cycles() - begin > kLimitCycles) throw std::runtime_error("no end");
    }
    EXPECT_EQ(simulator_.read_register(reg::kControl) & ~reg::kReady, reg::kIdle);
    return statuses;
  }

  void start(std::size_t number) { start(runs_[number].arguments); }
  void expect_anything(std::size_t number) { runs_[number].any = true; }
  void expect_unwritten(std::size_t number) { std::ranges::fill(runs_[number].expected, kGuard); }

  std::uint64_t cycles() const { return simulator_.cycles(); }
  Simulator& simulator() { return simulator_; }

 private:
  static constexpr std::uint64_t kSpacing = 1 << 20;
  struct Planned {
    RunArguments arguments;
    Bytes expected;
    bool any = false;  // what it writes is not looked at
  };

  void start(const RunArguments& arguments) {
    simulator_.write_register(reg::kInput, static_cast<std::uint32_t>(arguments.input_address));
    simulator_.write_register(reg::kInput + 4,
                              static_cast<std::uint32_t>(arguments.input_address >> 32));
    simulator_.write_register(reg::kOutput, static_cast<std::uint32_t>(arguments.output_address));
    simulator_.write_register(reg::kOutput + 4,
                              static_cast<std::uint32_t>(arguments.output_address >> 32));
    simulator_.write_register(reg::kEvents, arguments.events);
    simulator_.write_register(reg::kControl, reg::kStart);
  }

  // When its end is told, all of a run's bytes are in memory and no byte behind them.
  void check(std::size_t number) const {
    const Planned& run = runs_[number];
    if (run.any) return;
    Bytes wanted = run.expected;
    wanted.resize(wanted.size() + kGuardBytes, kGuard);
    Bytes found(wanted.size());
    memory_->read(run.arguments.output_address, std::as_writable_bytes(std::span(found)));
    EXPECT_EQ(found, wanted) << "run " << number << " of " << run.arguments.events << " events";
  }

  const Shape& shape_;
  std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();
  Simulator simulator_;
  std::vector<Planned> runs_;
};

TEST_P(Shapes, KeepTheOrderOfQueuedRunsWhateverTheMemoryDoes) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    for (const std::size_t depth : {1U, 2U, 3U, 8U}) {
      SCOPED_TRACE(fmt::format("seed {}, depth {}", seed, depth));
      const double stall_probability = 0.3 * static_cast<double>(seed - 1);
      Queue queue(GetParam().name, MemoryTiming::random(seed, stall_probability));
      std::mt19937_64 random(seed);
      for (int run = 0; run < 40; ++run) {
        const std::uint64_t kind = random() % 4;
        queue.add(static_cast<std::uint32_t>(kind == 0 ? random() % 3 : random() % 90));
      }
      EXPECT_THAT(queue.play(depth), ::testing::Each(0U));
      EXPECT_TRUE(queue.simulator().access_errors().empty());
    }
  }
}

// A run is read while those before it drain: what is left between two is the change of run.
TEST(Queued, RunsFollowEachOtherWithoutDraining) {
  constexpr std::uint64_t kRuns = 50;
  constexpr std::uint64_t kEvents = 64;
  std::vector<std::uint64_t> cycles;
  for (const std::size_t depth : {1U, 2U, 4U}) {
    Queue queue("muon", {.min_latency_cycles = 8, .max_latency_cycles = 8});
    for (std::uint64_t run = 0; run < kRuns; ++run) queue.add(kEvents);
    const std::uint64_t begin = queue.cycles();
    queue.play(depth);
    cycles.push_back(queue.cycles() - begin);
  }
  fmt::print("{} runs of {} events, 1, 2, 4 in flight: {} cycles\n", kRuns, kEvents,
             fmt::join(cycles, ", "));
  EXPECT_GT(cycles[0], kRuns * (kEvents + 40));
  EXPECT_LT(cycles[2], kRuns * (kEvents + 6) + 200);
}

TEST(Queued, ErrorsBelongToTheirRun) {
  Queue queue("muon", MemoryTiming::keeps_up());
  for (const std::uint32_t events : {20U, 20U, 20U, 20U}) queue.add(events);
  queue.simulator().memory().free(0x1'0010'0000);  // input of run 1
  queue.expect_anything(1);
  EXPECT_THAT(queue.play(4), ::testing::ElementsAre(0U, +reg::kReadError, 0U, 0U));
}

TEST(Queued, AMisalignedRunLetsTheOthersPass) {
  Queue queue("muon", MemoryTiming::keeps_up());
  queue.add(30);
  queue.add(30, 2);
  queue.add(30);
  EXPECT_THAT(queue.play(3), ::testing::ElementsAre(0U, +reg::kInputMisaligned, 0U));
}

TEST(Queued, AWriteErrorBelongsToItsRun) {
  Queue queue("muon", MemoryTiming::keeps_up());
  for (const std::uint32_t events : {20U, 20U, 20U}) queue.add(events);
  queue.simulator().memory().free(0x2'0010'0000);  // output of run 1
  queue.expect_unwritten(1);
  EXPECT_THAT(queue.play(3), ::testing::ElementsAre(0U, +reg::kWriteError, 0U));
}

TEST(Queued, AnEndWaitsForTheContinueOfTheOneBefore) {
  Queue queue("bytes", MemoryTiming::keeps_up());
  queue.add(10);
  queue.add(10);
  queue.start(0);
  queue.start(1);
  Simulator& simulator = queue.simulator();
  simulator.step(500);
  EXPECT_EQ(simulator.read_register(reg::kControl), reg::kDone | reg::kReady);
  simulator.step(100);
  EXPECT_EQ(simulator.read_register(reg::kControl), +reg::kDone);
  simulator.write_register(reg::kControl, reg::kContinue);
  EXPECT_EQ(simulator.read_register(reg::kControl), reg::kDone | reg::kIdle);
  simulator.write_register(reg::kControl, reg::kContinue);
  EXPECT_EQ(simulator.read_register(reg::kControl), +reg::kIdle);
}

TEST(Faults, AMisalignedPointerMovesNoByte) {
  Bench bench("muon");
  bench.prepare(4, 1, 0x1'0000, 0x2'0000);
  const Bytes guards(bench.expected.size(), kGuard);
  bench.arguments.input_address += 2;
  EXPECT_EQ(bench.run().status, reg::kInputMisaligned);
  bench.arguments.output_address += 4;
  EXPECT_EQ(bench.run().status, reg::kInputMisaligned | reg::kOutputMisaligned);
  bench.arguments.output_address -= 4;
  bench.expected = guards;
  bench.check();
  bench.arguments.input_address -= 2;
  bench.expected = expected_output(bench.shape, bench.input, 4);
  EXPECT_EQ(bench.run().status, 0U);
  bench.check();
}

TEST(Faults, AReadErrorIsRecordedAndTheRunEnds) {
  Bench bench("muon");
  bench.prepare(200, 1, 0x1'0000, 0x2'0000);
  bench.simulator.set_fault({FaultKind::read_error, 100});
  EXPECT_EQ(bench.run().status, reg::kReadError);
  bench.simulator.set_fault({});
  EXPECT_EQ(bench.run().status, 0U);
  bench.check();
}

TEST(Faults, AWriteErrorIsRecordedAndTheRunEnds) {
  Bench bench("muon");
  bench.prepare(3000, 1, 0x10'0000, 0x40'0000);
  bench.simulator.set_fault({FaultKind::write_error, 1});
  EXPECT_EQ(bench.run().status, reg::kWriteError);
  bench.simulator.set_fault({});
  EXPECT_EQ(bench.run().status, 0U);
  bench.check();
}

TEST(Faults, ASilentMemoryIsReportedByTheLimitAndResetRecovers) {
  for (const FaultKind kind : {FaultKind::read_silent, FaultKind::write_silent}) {
    Bench bench("muon");
    bench.prepare(10, 1, 0x1'0000, 0x2'0000);
    bench.simulator.set_fault({kind, 0});
    try {
      bench.simulator.run(bench.arguments, 5000);
      FAIL() << "the run ended";
    } catch (const DeviceError& error) {
      EXPECT_EQ(error.code(), "E-SIM-006");
    }
    bench.simulator.set_fault({});
    bench.simulator.reset();
    EXPECT_EQ(bench.run().status, 0U);
    bench.check();
  }
}

TEST(Faults, AnAccessOutsideOfBuffersIsADecodeErrorAndIsListed) {
  Bench bench("muon");
  bench.prepare(10, 1, 0x1'0000, 0x2'0000);
  bench.memory->free(0x1'0000);
  EXPECT_EQ(bench.run().status, reg::kReadError);
  ASSERT_EQ(bench.simulator.access_errors().size(), 9U);  // 540 bytes are 9 words
  EXPECT_EQ(bench.simulator.access_errors()[1].address, 0x1'0040U);
  EXPECT_FALSE(bench.simulator.access_errors()[1].write);
  bench.memory->allocate(0x1'0000, 540);
  bench.memory->free(0x2'0000);
  bench.memory->allocate(0x2'0000, 16);  // of 20 bytes
  EXPECT_EQ(bench.run().status, reg::kWriteError);
  ASSERT_EQ(bench.simulator.access_errors().size(), 10U);
  EXPECT_EQ(bench.simulator.access_errors()[9].address, 0x2'0010U);
  EXPECT_TRUE(bench.simulator.access_errors()[9].write);
}

TEST(Simulator, SharesAMemoryBetweenInstancesOfOneLibrary) {
  const auto memory = std::make_shared<Memory>();
  Simulator first(library_of("bytes"), {.memory = memory, .check_allocations = false});
  Simulator second(library_of("bytes"), {.memory = memory, .check_allocations = false});
  const Bytes input = random_bytes(100, 1);
  memory->write(0x1000, std::as_bytes(std::span(input)));
  first.run({0x1000, 0x2000, 100}, kLimitCycles);
  Simulator moved = std::move(second);
  moved.run({0x2000, 0x3000, 100}, kLimitCycles);
  const Shape& shape = shape_of("bytes");
  Bytes found(100);
  memory->read(0x3000, std::as_writable_bytes(std::span(found)));
  EXPECT_EQ(found, expected_output(shape, expected_output(shape, input, 100), 100));
}

TEST(Simulator, RefusesWhatIsNotAKernel) {
  EXPECT_THROW(Simulator("/nonexistent/kernel.so"), ToolError);
  EXPECT_THROW(Simulator("libm.so.6"), ToolError);
}

TEST(Simulator, RefusesTimingOutOfRange) {
  Bench bench("bytes");
  EXPECT_THROW(bench.simulator.set_timing({.min_latency_cycles = 0}), UsageError);
  EXPECT_THROW(bench.simulator.set_timing({.min_latency_cycles = 9}), UsageError);
  EXPECT_THROW(bench.simulator.set_timing({.stall_probability = 1.0}), UsageError);
}

TEST(Simulator, WritesWavesWhenTheKernelWasBuiltForThem) {
  const TemporaryFolder folder;
  Bench bench("bytes");
  bench.simulator.start_trace(folder.path() / "waves.vcd");
  bench.prepare(3, 1, 0x1'0000, 0x2'0000);
  bench.run();
  bench.simulator.stop_trace();
  const std::string waves = read_file(folder.path() / "waves.vcd");
  EXPECT_THAT(waves, ::testing::HasSubstr("m_axi_gmem1_WSTRB"));
  EXPECT_THAT(waves, ::testing::HasSubstr("#20\n"));
  Bench silent("muon");
  EXPECT_THROW(silent.simulator.start_trace(folder.path() / "none.vcd"), ToolError);
}

TEST(Simulator, ClocksFastEnoughForACard) {
  Bench bench("muon", {.min_latency_cycles = 8, .max_latency_cycles = 8});
  bench.prepare(100'000, 1, 0x1'0000'0000, 0x2'0000'0000);
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t first = bench.simulator.cycles();
  bench.run();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const double rate = static_cast<double>(bench.simulator.cycles() - first) / seconds.count();
  fmt::print("{:.0f} clock cycles/s\n", rate);
  bench.check();
  EXPECT_GT(rate, 100'000.0);  // half of the goal: the machine may be shared
}

}  // namespace
}  // namespace sluice::sim
