#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/runtime/spans.hpp"

/// Statistics of latency samples, whoever measured them. docs/reference/latency.md is the schema.
namespace sluice::runtime {

/// A column of a sample table: one of the three spans, or their sum.
struct SpanColumn {
  std::string_view name;  ///< key of the schema, with its unit
  std::chrono::nanoseconds (*of)(const Spans&);
};

/// injection_us, inference_us, extraction_us, total_us.
inline constexpr std::array<SpanColumn, 4> kSpanColumns{
    {{"injection_us", [](const Spans& s) { return s.injection; }},
     {"inference_us", [](const Spans& s) { return s.inference; }},
     {"extraction_us", [](const Spans& s) { return s.extraction; }},
     {"total_us", [](const Spans& s) { return s.total(); }}}};

/// Times of one column in microseconds, one per sample.
std::vector<double> column_us(std::span<const Spans> samples, const SpanColumn& column);

/// In microseconds. A percentile is the smallest sample that at least so many samples do not
/// exceed (nearest rank), so it is always a measured time.
struct Percentiles {
  double p50_us = 0;
  double p90_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  double mean_us = 0;
};

/// Throws UsageError E-RUNTIME-017 for no samples.
Percentiles percentiles(std::vector<double> samples_us);
Json to_json(const Percentiles& percentiles);

/// Counts in bins of equal width in log(time): `kBinsPerDecade` to a factor of 10, on a grid that
/// is the same for all data. Bin i holds samples from edges_us[i] up to, not including, the next.
struct LogHistogram {
  static constexpr int kBinsPerDecade = 20;
  std::vector<double> edges_us;  ///< one more than counts
  std::vector<std::int64_t> counts;
};

/// From the bin of the least positive sample to that of the greatest; a sample of 0 counts in the
/// first bin.
LogHistogram log_histogram(std::span<const double> samples_us);
Json to_json(const LogHistogram& histogram);

/// The samples of one file, and what is needed to label them.
struct LatencyRun {
  std::string program;    ///< who measured
  std::string emulation;  ///< as DeviceInfo::emulation
  bool emulated = true;   ///< times say nothing of a card
  std::string kernel;
  std::int64_t batch_events = 1;
  std::vector<Spans> samples;
};

/// Reads a file of the schema. Throws ToolError when it cannot be read, ModelError E-RUNTIME-018
/// when it is not of the schema: columns of different lengths, no samples, a negative time.
LatencyRun read_latency_run(const std::filesystem::path& path);

/// A statistic of one run over that of another.
struct Ratio {
  double value = 1;
  double low = 1;  ///< of the 95 % confidence interval
  double high = 1;
};

/// One row per column of kSpanColumns.
struct ColumnComparison {
  std::string_view column;
  Percentiles first, second;
  Ratio median, p99, mean;  ///< second over first
};

struct CompareOptions {
  int resamples = 1000;    ///< of each run, drawn with replacement
  std::uint64_t seed = 1;  ///< the same seed gives the same intervals
};

/// Ratios of `second` to `first`, with percentile bootstrap intervals (Efron). They hold for
/// independent samples: a disturbance that lasts for many calls makes them too narrow. Throws
/// UsageError E-RUNTIME-017 for runs without samples or fewer than 100 resamples.
std::vector<ColumnComparison> compare(const LatencyRun& first, const LatencyRun& second,
                                      const CompareOptions& options = {});
Json to_json(const std::vector<ColumnComparison>& comparison);

}  // namespace sluice::runtime
