#include "sluice/runtime/bench.hpp"

#include <gtest/gtest.h>

#include "sluice/base/files.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/expect_error.hpp"
#include "sluice/runtime/test_package.hpp"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using testing::expect_error;

class Bench : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  package::Package package_ = testing::write_package(folder_.path());
  Kernel kernel_ = Device::open(package_, "engine").kernel();
};

TEST_F(Bench, CountsCallsAndKeepsSamples) {
  const BenchResult result = bench(kernel_, {.batch_events = 16, .calls = 50, .warmup_calls = 5});
  EXPECT_EQ(result.samples.size(), 50u);
  nanoseconds sum{0};
  for (const Spans& spans : result.samples) sum += spans.total();
  EXPECT_LE(sum, result.elapsed);
  EXPECT_NEAR(result.events_per_s() * std::chrono::duration<double>(result.elapsed).count(),
              16 * 50, 1e-6);  // one rounding of the division
  EXPECT_TRUE(result.kernel_cycles.empty());
}

TEST_F(Bench, JsonSaysThatItIsAnEmulation) {
  const BenchResult result = bench(kernel_, {.calls = 10, .warmup_calls = 0});
  const Json json = to_json(result, BenchSamples::included);
  EXPECT_EQ(json.at("emulated"), true);
  EXPECT_EQ(json.at("device").at("emulation"), "engine");
  EXPECT_EQ(json.at("batch_events"), 1);
  EXPECT_EQ(json.at("warmup_calls"), 0);
  EXPECT_EQ(json.at("samples").at("inference_us").size(), 10u);
  EXPECT_EQ(json.at("samples").at("inference_us").at(3).get<double>() * 1000,
            static_cast<double>(result.samples.at(3).inference.count()));
  for (const char* span : {"injection_us", "inference_us", "extraction_us", "total_us"}) {
    EXPECT_LE(json.at(span).at("p50"), json.at(span).at("max")) << span;
  }
  EXPECT_FALSE(to_json(result).contains("samples"));
}

TEST_F(Bench, HistogramsHoldEverySample) {
  const Json json = to_json(bench(kernel_, {.calls = 37, .warmup_calls = 2}));
  for (const SpanColumn& column : kSpanColumns) {
    std::int64_t sum = 0;
    for (const Json& count : json.at("histograms").at(std::string(column.name)).at("counts")) {
      sum += count.get<std::int64_t>();
    }
    EXPECT_EQ(sum, 37) << column.name;
  }
}

TEST_F(Bench, ThreadsAndCallsInFlight) {
  for (const BenchValues values : {BenchValues::reals, BenchValues::mantissas}) {
    const BenchResult result = bench(kernel_, {.batch_events = 4,
                                               .calls = 20,
                                               .warmup_calls = 3,
                                               .threads = 3,
                                               .depth = 4,
                                               .values = values});
    ASSERT_EQ(result.samples.size(), 60u);
    for (const Spans& spans : result.samples) EXPECT_GT(spans.total().count(), 0);
    const Json json = to_json(result);
    EXPECT_EQ(json.at("calls"), 60);
    EXPECT_EQ(json.at("warmup_calls"), 9);
    EXPECT_EQ(json.at("values"), values == BenchValues::reals ? "float32" : "int16");
  }
}

TEST_F(Bench, ScheduleIsThatOfTheManifest) {
  const Json json = to_json(bench(kernel_, {.calls = 1, .warmup_calls = 0}));
  const package::Manifest& manifest = kernel_.manifest();
  EXPECT_EQ(json.at("schedule").at("core_latency_cycles"), manifest.latency_cycles);
  EXPECT_EQ(json.at("schedule").at("cycles_per_event"), 1);
  EXPECT_EQ(json.at("schedule").at("events_per_s"), 1e6 * manifest.clock_mhz);
}

TEST_F(Bench, RefusesImpossibleOptions) {
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "calls", [&] { bench(kernel_, {.calls = 0}); });
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "batch",
               [&] { bench(kernel_, {.batch_events = 0}); });
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "warm-up",
               [&] { bench(kernel_, {.warmup_calls = -1}); });
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "threads",
               [&] { bench(kernel_, {.threads = 0}); });
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "depth", [&] { bench(kernel_, {.depth = 0}); });
}

}  // namespace
}  // namespace sluice::runtime
