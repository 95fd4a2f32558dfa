// Unmodified hosts against the real XRT and the emulated card: hw_emu with a Verilated kernel,
// sw_emu with a function in its place.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <regex>
#include <thread>

#include "card/device/rtl_unit.hpp"
#include "card/tests/make_test_xclbin.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/subprocess.hpp"

namespace sluice::card {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::HasSubstr;

constexpr const char* kKernel = "sluice_example";
constexpr double kMaxStartUpMilliseconds = 2000;

enum class Mode { hw_emu, sw_emu };

const char* name_of(Mode mode) { return mode == Mode::hw_emu ? "hw_emu" : "sw_emu"; }

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = 5s) {
  for (const auto deadline = Clock::now() + patience; Clock::now() < deadline;) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

/// A program in a process group of its choice, with its output in a file.
class Background {
 public:
  Background(const std::vector<std::string>& command, const fs::path& output, pid_t group,
             const std::vector<std::pair<std::string, std::string>>& environment = {}) {
    const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    process_ = ::fork();
    if (process_ == 0) {
      ::setpgid(0, group);
      ::dup2(out, 1);
      ::dup2(out, 2);
      for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
      std::vector<char*> arguments;
      arguments.reserve(command.size() + 1);
      for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::setpgid(process_, group);
    ::close(out);
  }
  ~Background() {
    if (!status_) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  pid_t process() const { return process_; }

  /// Exit code or 128 + signal, once it has ended.
  std::optional<int> status() {
    int status = 0;
    if (!status_ && ::waitpid(process_, &status, WNOHANG) == process_) {
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return status_;
  }

 private:
  pid_t process_ = -1;
  std::optional<int> status_;
};

/// Processes that run `program` and have `ancestor` above them.
std::vector<pid_t> descendants(pid_t ancestor, const std::string& program) {
  const auto parent_of = [](pid_t process) -> pid_t {
    try {
      const std::string text = read_file(fmt::format("/proc/{}/stat", process));
      return std::stoi(text.substr(text.rfind(')') + 4));
    } catch (const std::exception&) {
      return 0;
    }
  };
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (fs::read_symlink(entry.path() / "exe", error).filename() != program) continue;
    const pid_t process = std::stoi(name);
    for (pid_t up = parent_of(process); up > 1; up = parent_of(up)) {
      if (up == ancestor) found.push_back(process);
    }
  }
  return found;
}

/// One xclbin for both modes, made once.
struct Bench {
  TemporaryFolder folder{"sluice-card-test"};
  fs::path xclbin = folder.path() / "test.xclbin";

  Bench() {
    const CardImage image{"{}\n", test_network(), CARD_TEST_KERNEL, CARD_PROGRAM};
    write_file(xclbin, write_test_xclbin(test_xclbin(kKernel), image));
  }
};

const Bench& bench() {
  static const Bench only;
  return only;
}

std::vector<std::string> under_card(Mode mode, const std::vector<std::string>& host,
                                    unsigned cards = 1) {
  std::vector<std::string> all = {CARD_RUN_COMMAND, "--cards", std::to_string(cards),
                                  "--card-folder", fs::path(CARD_PROGRAM).parent_path()};
  if (mode == Mode::sw_emu) all.emplace_back("--sw-emu");
  all.emplace_back("--");
  all.insert(all.end(), host.begin(), host.end());
  return all;
}

using Environment = std::vector<std::pair<std::string, std::string>>;

class CardModeTest : public testing::TestWithParam<Mode> {
 protected:
  static Finished run(const std::vector<std::string>& host, const Environment& environment = {},
                      unsigned cards = 1) {
    return run_process({under_card(GetParam(), host, cards), {}, environment});
  }
  static std::string xclbin() { return bench().xclbin; }
};

INSTANTIATE_TEST_SUITE_P(Card, CardModeTest, testing::Values(Mode::hw_emu, Mode::sw_emu),
                         [](const auto& each) { return name_of(each.param); });

struct HostCase {
  Mode mode;
  const char* label;
  const char* program;
};

class CardHostTest : public testing::TestWithParam<HostCase> {
 protected:
  static std::vector<std::string> host(int calls, const std::string& kernel = kKernel) {
    return {GetParam().program, bench().xclbin, kernel, std::to_string(calls)};
  }
  static Finished run(const std::vector<std::string>& host, const Environment& environment = {}) {
    return run_process({under_card(GetParam().mode, host), {}, environment});
  }
};

INSTANTIATE_TEST_SUITE_P(Card, CardHostTest,
                         testing::Values(HostCase{Mode::hw_emu, "xrt", CARD_HOST_XRT},
                                         HostCase{Mode::hw_emu, "opencl", CARD_HOST_OPENCL},
                                         HostCase{Mode::sw_emu, "xrt", CARD_HOST_XRT},
                                         HostCase{Mode::sw_emu, "opencl", CARD_HOST_OPENCL}),
                         [](const auto& each) {
                           return fmt::format("{}_{}", name_of(each.param.mode), each.param.label);
                         });

TEST_P(CardHostTest, RightResultsAndQuickStart) {
  const Finished finished = run(host(500));
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("500 calls right"));
  std::smatch start_up;
  ASSERT_TRUE(std::regex_search(finished.output, start_up, std::regex("start-up ([0-9.]+) ms")));
  EXPECT_LT(std::stod(start_up[1]), kMaxStartUpMilliseconds);
  EXPECT_THAT(finished.output, testing::Not(HasSubstr("scheduler")));
  fmt::print("{}", finished.output);
}

TEST_P(CardHostTest, CardThatDiesInARunEndsTheHostWithAnError) {
  const auto begin = Clock::now();
  const Finished finished = run(host(500), {{"SLUICE_CARD_FAULT", "die:20"}});
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_THAT(finished.exit_status, testing::AnyOf(1, 5)) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("the emulated card has ended"));
}

TEST_P(CardHostTest, CardThatDiesWhileItLoadsEndsTheHostWithAnError) {
  for (const char* fault : {"die_at_call:1", "die_at_call:2", "die_at_call:4"}) {
    const auto begin = Clock::now();
    const Finished finished = run(host(5), {{"SLUICE_CARD_FAULT", fault}});
    EXPECT_LT(Clock::now() - begin, 5s) << fault;
    EXPECT_THAT(finished.exit_status, testing::AnyOf(1, 5)) << fault << finished.output;
    EXPECT_THAT(finished.output, HasSubstr("the emulated card has ended")) << fault;
  }
}

TEST_P(CardHostTest, BusErrorReachesTheHostWithItsReason) {
  const Finished finished = run(host(10), {{"SLUICE_CARD_FAULT", "read_error:3"}});
  EXPECT_THAT(finished.exit_status, testing::AnyOf(1, 5)) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("bus error on a read"));
}

TEST_P(CardHostTest, AnotherKernelsXclbinIsAClearError) {
  const Finished finished = run(host(1, "another_kernel"));
  EXPECT_EQ(finished.exit_status, 1) << finished.output;
  EXPECT_THAT(finished.output,
              testing::AnyOf(HasSubstr("another_kernel"), HasSubstr("clCreateKernel failed with")));
}

// Somebody kills the card from outside while the kernel runs. A stranger in the same process group
// must not notice.
TEST_P(CardHostTest, KilledCardEndsTheHostAndNobodyElse) {
  const fs::path output = bench().folder.path() / "killed.txt";
  Background runner(under_card(GetParam().mode, host(1000)), output, 0,
                    {{"SLUICE_CARD_FAULT", "hang:2"}});
  Background stranger({"sleep", "60"}, "/dev/null", runner.process());
  ASSERT_TRUE(eventually([&] { return read_file(output).find("running") != std::string::npos; }));
  const auto cards = descendants(runner.process(), std::string(kProgramName));
  ASSERT_EQ(cards.size(), 1u);
  ::kill(cards[0], SIGKILL);
  ASSERT_TRUE(eventually([&] { return runner.status().has_value(); })) << "the host hangs";
  EXPECT_THAT(*runner.status(), testing::AnyOf(1, 5)) << read_file(output);
  EXPECT_THAT(read_file(output), HasSubstr("the emulated card has ended"));
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(stranger.status().has_value()) << "a process of the same group was signalled";
}

TEST_P(CardModeTest, ThreeCardsInOneProcess) {
  const Finished finished = run({CARD_HOST_OPENCL, xclbin(), kKernel, "50"}, {}, 3);
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("3 cards"));
}

TEST_P(CardModeTest, ReopenManyBuffersAndRegisterAccess) {
  const Finished finished = run({CARD_HOST_REOPEN, xclbin(), kKernel});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("5 opens, 3000 buffers, register access: right"));
}

TEST_P(CardModeTest, OrdinaryIniFileWorksToo) {
  const fs::path ini = bench().folder.path() / "empty.ini";
  write_file(ini, "");
  const Finished finished =
      run({CARD_HOST_XRT, xclbin(), kKernel, "20"}, {{"XRT_INI_PATH", ini.string()}});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
}

TEST_P(CardModeTest, KilledHostLeavesNoCardAndNoSocket) {
  const fs::path output = bench().folder.path() / "host.txt";
  const std::string user = fmt::format("sluice-test-{}", ::getpid());
  Background runner(under_card(GetParam(), {CARD_HOST_XRT, xclbin(), kKernel, "1000"}), output, 0,
                    {{"SLUICE_CARD_FAULT", "hang:2"}, {"USER", user}});
  ASSERT_TRUE(eventually([&] { return read_file(output).find("running") != std::string::npos; }));
  const auto hosts = descendants(runner.process(), fs::path(CARD_HOST_XRT).filename());
  ASSERT_EQ(hosts.size(), 1u);
  ::kill(hosts[0], SIGKILL);
  ASSERT_TRUE(eventually([&] { return runner.status().has_value(); }));
  EXPECT_EQ(*runner.status(), 128 + SIGKILL);
  EXPECT_TRUE(fs::is_empty(fs::path("/tmp") / user));
  fs::remove(fs::path("/tmp") / user);
}

TEST_P(CardModeTest, SignalsArePassedOn) {
  const fs::path output = bench().folder.path() / "signalled.txt";
  Background runner(under_card(GetParam(), {CARD_HOST_XRT, xclbin(), kKernel, "1000"}), output, 0,
                    {{"SLUICE_CARD_FAULT", "hang:2"}});
  ASSERT_TRUE(eventually([&] { return read_file(output).find("running") != std::string::npos; }));
  ::kill(runner.process(), SIGTERM);
  ASSERT_TRUE(eventually([&] { return runner.status().has_value(); }));
  EXPECT_EQ(*runner.status(), 128 + SIGTERM);
}

TEST_P(CardModeTest, ExitCodeOfTheCommandIsPassedOn) {
  EXPECT_EQ(run({"sh", "-c", "exit 42"}).exit_status, 42);
  EXPECT_EQ(run({"/nowhere/host"}).exit_status, 4);
  const Finished nonsense = run({"true"}, {{"SLUICE_CARD_STALLS", "much"}});
  EXPECT_EQ(nonsense.exit_status, 2);
  EXPECT_THAT(nonsense.output, HasSubstr("SLUICE_CARD_STALLS"));
}

// Another tool's xclbin: XRT takes it, the card cannot.
TEST_P(CardModeTest, XclbinWithoutCardImageIsAnErrorOfTheHost) {
  package::XclbinContent content = test_xclbin(kKernel);
  content.bitstream = "no zip";
  const fs::path foreign = bench().folder.path() / "foreign.xclbin";
  write_file(foreign, package::write_xclbin(content));
  const auto begin = Clock::now();
  const Finished finished = run({CARD_HOST_XRT, foreign, kKernel});
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_EQ(finished.exit_status, 1) << finished.output;
  // In hw_emu XRT unpacks the section itself, and its words come from `unzip`.
  EXPECT_THAT(finished.output, HasSubstr(GetParam() == Mode::hw_emu ? "cannot find zipfile"
                                                                    : "is not a card image"));
}

TEST(CardHardware, CardThatDoesNotStartIsAnErrorOfTheHost) {
  const fs::path file = bench().folder.path() / "false.xclbin";
  const CardImage image{"{}\n", "", CARD_TEST_KERNEL, "/bin/false"};
  write_file(file, write_test_xclbin(test_xclbin(kKernel), image));
  const auto begin = Clock::now();
  const Finished finished =
      run_process({under_card(Mode::hw_emu, {CARD_HOST_XRT, file, kKernel}), {}, {}});
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_THAT(finished.exit_status, testing::AnyOf(1, 5));
  EXPECT_THAT(finished.output, HasSubstr("ended before it connected"));
}

Finished run_hardware(const std::string& calls, const Environment& environment) {
  return run_process(
      {under_card(Mode::hw_emu, {CARD_HOST_XRT, bench().xclbin, kKernel, calls}), {}, environment});
}

TEST(CardHardware, StatisticsCountCyclesThatAreTheSameEachRun) {
  const fs::path file = bench().folder.path() / "stats.json";
  ASSERT_EQ(run_hardware("20", {{"SLUICE_CARD_STATS", file.string()}}).exit_status, 0);
  const Json stats = read_json(file);
  EXPECT_EQ(stats["runs"], 20);
  EXPECT_EQ(stats["events"], 20 * 64);
  const Json& cycles = stats["kernel_cycles_per_run"];
  ASSERT_EQ(cycles.size(), 20u);
  // 64 events of one byte at one per clock, latency of memory and core on top.
  EXPECT_GE(cycles[0], 64);
  EXPECT_LE(cycles[0], 64 + 64);
  for (const Json& each : cycles) EXPECT_EQ(each, cycles[0]);
}

TEST(CardHardware, StallsChangeCyclesButNotResults) {
  const fs::path file = bench().folder.path() / "stalls.json";
  const Environment stalls = {{"SLUICE_CARD_STATS", file.string()},
                              {"SLUICE_CARD_STALLS", "0.4"},
                              {"SLUICE_CARD_LATENCY", "1:60"},
                              {"SLUICE_CARD_SEED", "5"}};
  const Finished finished = run_hardware("20", stalls);
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  const Json first = read_json(file)["kernel_cycles_per_run"];
  EXPECT_NE(first[0], first[1]);
  ASSERT_EQ(run_hardware("20", stalls).exit_status, 0);
  EXPECT_EQ(read_json(file)["kernel_cycles_per_run"], first) << "the same seed repeats";
}

TEST(CardHardware, WavesOnDemand) {
  const fs::path file = bench().folder.path() / "waves.vcd";
  ASSERT_EQ(run_hardware("1", {{"SLUICE_CARD_WAVES", file.string()}}).exit_status, 0);
  EXPECT_THAT(read_file(file), HasSubstr("$enddefinitions"));
}

TEST_P(CardModeTest, XclbinWithoutThisModesPartIsAClearError) {
  const fs::path file = bench().folder.path() / "half.xclbin";
  CardImage image{"{}\n", test_network(), CARD_TEST_KERNEL, CARD_PROGRAM};
  if (GetParam() == Mode::hw_emu) {
    image.kernel_library.clear();
  } else {
    image.network_text.clear();
  }
  write_file(file, write_test_xclbin(test_xclbin(kKernel), image));
  const Finished finished = run({CARD_HOST_XRT, file, kKernel});
  EXPECT_EQ(finished.exit_status, 1);
  EXPECT_THAT(finished.output,
              HasSubstr(GetParam() == Mode::hw_emu ? "it holds no Verilated kernel for hw_emu"
                                                   : "it holds no network for sw_emu"));
}

TEST(RtlUnit, AccessOutsideOfBuffersEndsTheRunWithItsAddress) {
  auto memory = std::make_shared<sim::Memory>();
  memory->allocate(0x10000, 4096);
  memory->allocate(0x20000, 4096);
  RtlUnit unit(CARD_TEST_KERNEL, memory, CardSettings{}, 0);
  const auto run = [&](std::uint32_t events) {
    unit.write_register(sim::reg::kInput, 0x10000);
    unit.write_register(sim::reg::kOutput, 0x20000);
    unit.write_register(sim::reg::kEvents, events);
    unit.write_register(sim::reg::kControl, sim::reg::kStart);
    std::optional<RunRecord> finished;
    while (!finished) {
      unit.poll(100ms);
      finished = unit.take_finished();
    }
    return finished->events;
  };
  EXPECT_EQ(run(4096), 4096u);
  try {
    (void)run(4097 + 64);
    FAIL();
  } catch (const DeviceError& error) {
    EXPECT_EQ(error.code(), "E-CARD-030");
    EXPECT_THAT(error.message(), HasSubstr("which no buffer covers"));
  }
}

// As XRT's scheduler does it: it starts the next run when start reads 0, and continues every end.
std::uint64_t busy_cycles_of_runs(std::size_t runs, std::size_t depth) {
  constexpr std::uint32_t kEvents = 64;
  auto memory = std::make_shared<sim::Memory>();
  memory->allocate(0x10000, 4096);
  memory->allocate(0x20000, 4096);
  RtlUnit unit(CARD_TEST_KERNEL, memory, CardSettings{}, 0);
  std::uint64_t busy_cycles = 0;
  std::size_t started = 0;
  std::size_t ended = 0;
  std::uint32_t control = 0;
  while (ended < runs) {
    if ((control & sim::reg::kStart) == 0 && started < runs && started - ended < depth) {
      unit.write_register(sim::reg::kInput, 0x10000);
      unit.write_register(sim::reg::kOutput, 0x20000);
      unit.write_register(sim::reg::kEvents, kEvents);
      unit.write_register(sim::reg::kControl, sim::reg::kStart);
      ++started;
    }
    control = unit.poll(10s);
    if ((control & sim::reg::kDone) != 0)
      unit.write_register(sim::reg::kControl, sim::reg::kContinue);
    if (const auto finished = unit.take_finished()) {
      EXPECT_EQ(finished->events, kEvents);
      busy_cycles += finished->busy_cycles;
      ++ended;
    }
  }
  return busy_cycles;
}

TEST(RtlUnit, QueuedRunsOverlap) {
  const std::uint64_t one_at_a_time = busy_cycles_of_runs(20, 1);
  const std::uint64_t queued = busy_cycles_of_runs(20, 4);
  fmt::print("20 runs of 64 events: {} cycles one at a time, {} with four in flight\n",
             one_at_a_time, queued);
  EXPECT_GT(2 * one_at_a_time, 3 * queued);
}

// The end of a run may come between the host's poll and its next start; that start must not take it
// away.
TEST(RtlUnit, AStartLosesNoEndThatTheHostHasNotRead) {
  auto memory = std::make_shared<sim::Memory>();
  memory->allocate(0x10000, 4096);
  memory->allocate(0x20000, 4096);
  RtlUnit unit(CARD_TEST_KERNEL, memory, CardSettings{}, 0);
  unit.write_register(sim::reg::kInput, 0x10000);
  unit.write_register(sim::reg::kOutput, 0x20000);
  unit.write_register(sim::reg::kEvents, 1);
  unit.write_register(sim::reg::kControl, sim::reg::kStart);
  for (int k = 0; k < 100; ++k) (void)unit.read_register(sim::reg::kCoreLatency);  // time passes
  unit.write_register(sim::reg::kControl, sim::reg::kStart);
  for (int run = 0; run < 2; ++run) {
    std::optional<RunRecord> finished;
    for (int polls = 0; !finished && polls < 100; ++polls) {
      unit.poll(100ms);
      finished = unit.take_finished();
    }
    EXPECT_TRUE(finished) << "run " << run;
    unit.write_register(sim::reg::kControl, sim::reg::kContinue);
  }
}

}  // namespace
}  // namespace sluice::card
