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

TEST(Percentiles, AreNearestRanks) {
  std::vector<nanoseconds> samples;
  for (int i = 1000; i >= 1; --i) samples.push_back(i * 1us);
  const Percentiles p = percentiles(samples);
  EXPECT_EQ(p.p50_us, 500);
  EXPECT_EQ(p.p90_us, 900);
  EXPECT_EQ(p.p99_us, 990);
  EXPECT_EQ(p.p999_us, 999);
  EXPECT_EQ(p.max_us, 1000);
  EXPECT_EQ(p.mean_us, 500.5);
  const std::vector<nanoseconds> three{3us, 1us, 2us};
  EXPECT_EQ(percentiles(three).p50_us, 2);
  EXPECT_EQ(percentiles(three).p99_us, 3);
  const std::vector<nanoseconds> one{1500ns};
  EXPECT_EQ(percentiles(one).p50_us, 1.5);
  EXPECT_EQ(percentiles(one).p999_us, 1.5);
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "1 or more", [] { percentiles({}); });
}

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

TEST_F(Bench, RefusesImpossibleOptions) {
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "calls", [&] { bench(kernel_, {.calls = 0}); });
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "batch",
               [&] { bench(kernel_, {.batch_events = 0}); });
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "warm-up",
               [&] { bench(kernel_, {.warmup_calls = -1}); });
}

}  // namespace
}  // namespace sluice::runtime
