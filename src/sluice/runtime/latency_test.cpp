#include "sluice/runtime/latency.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "sluice/base/files.hpp"
#include "sluice/runtime/expect_error.hpp"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;
using testing::expect_error;

TEST(Percentiles, AreNearestRanks) {
  std::vector<double> samples;
  for (int i = 1000; i >= 1; --i) samples.push_back(i);
  const Percentiles p = percentiles(samples);
  EXPECT_EQ(p.p50_us, 500);
  EXPECT_EQ(p.p90_us, 900);
  EXPECT_EQ(p.p99_us, 990);
  EXPECT_EQ(p.p999_us, 999);
  EXPECT_EQ(p.max_us, 1000);
  EXPECT_EQ(p.mean_us, 500.5);
  EXPECT_EQ(percentiles({3, 1, 2}).p50_us, 2);
  EXPECT_EQ(percentiles({3, 1, 2}).p99_us, 3);
  EXPECT_EQ(percentiles({1.5}).p50_us, 1.5);
  EXPECT_EQ(percentiles({1.5}).p999_us, 1.5);
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "1 or more", [] { percentiles({}); });
}

TEST(LogHistogram, CountsEverySampleOnAFixedGrid) {
  const std::vector<double> samples{1.0, 1.05, 9.9, 10.0, 101.0, 0.0};
  const LogHistogram histogram = log_histogram(samples);
  ASSERT_EQ(histogram.counts.size(), 41u);  // two decades and the bin of 101
  ASSERT_EQ(histogram.edges_us.size(), 42u);
  EXPECT_EQ(histogram.edges_us.front(), 1.0);
  EXPECT_NEAR(histogram.edges_us.at(20), 10.0, 1e-12);  // one rounding of pow
  EXPECT_EQ(histogram.counts.at(0), 3);                 // 1, 1.05 and the 0
  EXPECT_EQ(histogram.counts.at(19), 1);
  EXPECT_EQ(histogram.counts.at(20), 1);
  EXPECT_EQ(histogram.counts.at(40), 1);
  EXPECT_TRUE(log_histogram({}).counts.empty());
}

LatencyRun lognormal_run(double median_us, std::uint64_t seed, int samples) {
  LatencyRun run{.program = "test", .kernel = "k"};
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> time_us(std::log(median_us), 0.2);
  for (int i = 0; i < samples; ++i) {
    const auto time = std::chrono::nanoseconds(std::llround(1000 * time_us(random)));
    run.samples.push_back({time / 4, time / 2, time / 4});
  }
  return run;
}

TEST(Compare, IntervalsHoldTheTrueRatio) {
  // 40 pairs of runs whose medians differ by 1.5; a 95 % interval misses in 2 of 40 on average,
  // and more than 7 misses have a chance below 0.2 %.
  int misses = 0;
  for (std::uint64_t pair = 0; pair < 40; ++pair) {
    const LatencyRun first = lognormal_run(20, 2 * pair + 1, 300);
    const LatencyRun second = lognormal_run(30, 2 * pair + 2, 300);
    const ColumnComparison total = compare(first, second, {.resamples = 200}).back();
    EXPECT_EQ(total.column, "total_us");
    EXPECT_LE(total.median.low, total.median.value);
    EXPECT_GE(total.median.high, total.median.value);
    misses += static_cast<int>(total.median.low > 1.5 || total.median.high < 1.5);
  }
  EXPECT_LE(misses, 7);
}

TEST(Compare, IsReproducibleAndOneForEqualRuns) {
  const LatencyRun run = lognormal_run(20, 1, 200);
  const auto rows = compare(run, run, {.resamples = 100, .seed = 3});
  ASSERT_EQ(rows.size(), kSpanColumns.size());
  for (const ColumnComparison& row : rows) {
    EXPECT_EQ(row.median.value, 1);
    EXPECT_EQ(row.p99.value, 1);
    EXPECT_EQ(row.mean.value, 1);
    EXPECT_LT(row.median.low, 1);
    EXPECT_GT(row.median.high, 1);
  }
  EXPECT_EQ(to_json(rows), to_json(compare(run, run, {.resamples = 100, .seed = 3})));
  EXPECT_NE(to_json(rows), to_json(compare(run, run, {.resamples = 100, .seed = 4})));
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "100",
               [&] { compare(run, run, {.resamples = 99}); });
  expect_error(ErrorKind::usage, "E-RUNTIME-017", "samples", [&] { compare(run, LatencyRun{}); });
}

class LatencyFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const Json& json) const {
    const std::filesystem::path path = folder_.path() / "samples.json";
    write_json(path, json);
    return path;
  }

  TemporaryFolder folder_;
  Json good_ = {
      {"schema_version", 1},
      {"program", "pynq"},
      {"emulated", true},
      {"device", {{"emulation", "hw_emu"}}},
      {"kernel", "k"},
      {"batch_events", 4},
      {"calls", 2},
      {"samples",
       {{"injection_us", {1.5, 2}}, {"inference_us", {3, 4}}, {"extraction_us", {5, 6}}}}};
};

TEST_F(LatencyFile, OfAnotherProgramIsRead) {
  const LatencyRun run = read_latency_run(write(good_));
  EXPECT_EQ(run.program, "pynq");
  EXPECT_EQ(run.emulation, "hw_emu");
  EXPECT_EQ(run.batch_events, 4);
  ASSERT_EQ(run.samples.size(), 2u);
  EXPECT_EQ(run.samples.front().injection, 1500ns);
  EXPECT_EQ(run.samples.back().total(), 12us);
}

TEST_F(LatencyFile, OfAnotherFormIsRefused) {
  const auto expect_refused = [&](const Json& json, std::string_view what) {
    const auto path = write(json);
    expect_error(ErrorKind::model, "E-RUNTIME-018", what, [&] { read_latency_run(path); });
  };
  for (const char* key : {"program", "emulated", "device", "kernel", "batch_events", "samples"}) {
    Json json = good_;
    json.erase(key);
    expect_refused(json, key);
  }
  Json uneven = good_;
  uneven["samples"]["inference_us"].push_back(1);
  expect_refused(uneven, "2, 3 and 2");
  Json negative = good_;
  negative["samples"]["inference_us"][0] = -1;
  expect_refused(negative, "no time");
  Json empty = good_;
  for (auto& column : empty["samples"]) column = Json::array();
  expect_refused(empty, "no samples");
}

}  // namespace
}  // namespace sluice::runtime
