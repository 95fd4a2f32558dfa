#include "sluice/runtime/latency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "sluice/base/error.hpp"

namespace sluice::runtime {

namespace {

constexpr double kNanosecondsPerMicrosecond = 1000.0;

std::size_t nearest_rank(std::size_t per_mille, std::size_t samples) {
  return (per_mille * samples + 999) / 1000 - 1;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void require_samples(bool any) {
  if (!any) throw UsageError("E-RUNTIME-017", "samples", "is 0", "it must be 1 or more");
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  throw ModelError("E-RUNTIME-018", path.string(), what,
                   "give a file of `sluice bench --samples-out`; docs/reference/latency.md has "
                   "the schema");
}

std::vector<std::chrono::nanoseconds> read_column(const Json& samples, std::string_view name,
                                                  const std::filesystem::path& path) {
  std::vector<std::chrono::nanoseconds> times;
  for (const Json& time : samples.at(std::string(name))) {
    const double nanoseconds = time.get<double>() * kNanosecondsPerMicrosecond;
    if (!(nanoseconds >= 0 && nanoseconds < 1e18)) {
      refuse(path, fmt::format("{} holds {}, which is no time", name, time.dump()));
    }
    times.emplace_back(std::llround(nanoseconds));
  }
  return times;
}

struct Statistics {
  double median, p99, mean;
};

/// Of a resample; `values` is reordered.
Statistics statistics(std::span<double> values) {
  const double average = mean(values);
  const auto at = [&](std::size_t per_mille, std::size_t from) {
    const std::size_t rank = nearest_rank(per_mille, values.size());
    std::nth_element(values.begin() + static_cast<std::ptrdiff_t>(from),
                     values.begin() + static_cast<std::ptrdiff_t>(rank), values.end());
    return values[rank];
  };
  const double median = at(500, 0);
  return {median, at(990, nearest_rank(500, values.size())), average};
}

std::vector<Statistics> bootstrap(std::span<const double> samples, int resamples,
                                  std::mt19937_64& random) {
  std::uniform_int_distribution<std::size_t> position(0, samples.size() - 1);
  std::vector<double> drawn(samples.size());
  std::vector<Statistics> result;
  result.reserve(static_cast<std::size_t>(resamples));
  for (int resample = 0; resample < resamples; ++resample) {
    std::ranges::generate(drawn, [&] { return samples[position(random)]; });
    result.push_back(statistics(drawn));
  }
  return result;
}

double ratio(double second, double first) {
  return first > 0 ? second / first : second > 0 ? INFINITY : 1.0;
}

Ratio ratio_of(double Statistics::*statistic, const Statistics& first, const Statistics& second,
               std::span<const Statistics> first_resamples,
               std::span<const Statistics> second_resamples) {
  std::vector<double> ratios(first_resamples.size());
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    ratios[i] = ratio(second_resamples[i].*statistic, first_resamples[i].*statistic);
  }
  std::ranges::sort(ratios);
  return {ratio(second.*statistic, first.*statistic), ratios[nearest_rank(25, ratios.size())],
          ratios[nearest_rank(975, ratios.size())]};
}

Json to_json(const Ratio& ratio) {
  return {{"ratio", ratio.value}, {"low", ratio.low}, {"high", ratio.high}};
}

}  // namespace

std::vector<double> column_us(std::span<const Spans> samples, const SpanColumn& column) {
  std::vector<double> times(samples.size());
  std::ranges::transform(samples, times.begin(), [&](const Spans& spans) {
    return static_cast<double>(column.of(spans).count()) / kNanosecondsPerMicrosecond;
  });
  return times;
}

Percentiles percentiles(std::vector<double> samples_us) {
  require_samples(!samples_us.empty());
  std::ranges::sort(samples_us);
  const auto at = [&](std::size_t per_mille) {
    return samples_us[nearest_rank(per_mille, samples_us.size())];
  };
  return {.p50_us = at(500),
          .p90_us = at(900),
          .p99_us = at(990),
          .p999_us = at(999),
          .max_us = samples_us.back(),
          .mean_us = mean(samples_us)};
}

Json to_json(const Percentiles& p) {
  return {{"p50", p.p50_us},    {"p90", p.p90_us}, {"p99", p.p99_us},
          {"p99.9", p.p999_us}, {"max", p.max_us}, {"mean", p.mean_us}};
}

LogHistogram log_histogram(std::span<const double> samples_us) {
  LogHistogram histogram;
  const auto bin_of = [](double time_us) {
    return static_cast<int>(std::floor(std::log10(time_us) * LogHistogram::kBinsPerDecade));
  };
  std::vector<int> bins;
  for (const double time : samples_us) {
    if (time > 0) bins.push_back(bin_of(time));
  }
  if (bins.empty()) return histogram;
  const auto [first, last] = std::ranges::minmax(bins);
  for (int edge = first; edge <= last + 1; ++edge) {
    histogram.edges_us.push_back(
        std::pow(10.0, static_cast<double>(edge) / LogHistogram::kBinsPerDecade));
  }
  histogram.counts.assign(histogram.edges_us.size() - 1, 0);
  for (const int bin : bins) ++histogram.counts[static_cast<std::size_t>(bin - first)];
  histogram.counts.front() += static_cast<std::int64_t>(samples_us.size() - bins.size());
  return histogram;
}

Json to_json(const LogHistogram& histogram) {
  return {{"edges_us", histogram.edges_us}, {"counts", histogram.counts}};
}

LatencyRun read_latency_run(const std::filesystem::path& path) {
  const Json json = read_json(path);
  LatencyRun run;
  try {
    const Json& samples = json.at("samples");
    run.program = json.at("program").get<std::string>();
    run.emulated = json.at("emulated").get<bool>();
    run.emulation = json.at("device").at("emulation").get<std::string>();
    run.kernel = json.at("kernel").get<std::string>();
    run.batch_events = json.at("batch_events").get<std::int64_t>();
    const auto injection = read_column(samples, "injection_us", path);
    const auto inference = read_column(samples, "inference_us", path);
    const auto extraction = read_column(samples, "extraction_us", path);
    if (injection.empty()) refuse(path, "it holds no samples");
    if (injection.size() != inference.size() || injection.size() != extraction.size()) {
      refuse(path, fmt::format("its columns have {}, {} and {} samples", injection.size(),
                               inference.size(), extraction.size()));
    }
    for (std::size_t i = 0; i < injection.size(); ++i) {
      run.samples.push_back({injection[i], inference[i], extraction[i]});
    }
  } catch (const Json::exception& error) {
    refuse(path, error.what());
  }
  return run;
}

std::vector<ColumnComparison> compare(const LatencyRun& first, const LatencyRun& second,
                                      const CompareOptions& options) {
  require_samples(!first.samples.empty() && !second.samples.empty());
  constexpr int kFewestResamples = 100;
  if (options.resamples < kFewestResamples) {
    throw UsageError("E-RUNTIME-017", "resamples", fmt::format("is {}", options.resamples),
                     fmt::format("it must be {} or more", kFewestResamples));
  }
  std::mt19937_64 random(options.seed);
  std::vector<ColumnComparison> rows;
  for (const SpanColumn& column : kSpanColumns) {
    std::vector<double> a = column_us(first.samples, column);
    std::vector<double> b = column_us(second.samples, column);
    const auto a_resamples = bootstrap(a, options.resamples, random);
    const auto b_resamples = bootstrap(b, options.resamples, random);
    ColumnComparison row{.column = column.name, .first = percentiles(a), .second = percentiles(b)};
    const Statistics a_statistics = statistics(a);
    const Statistics b_statistics = statistics(b);
    const auto of = [&](double Statistics::*statistic) {
      return ratio_of(statistic, a_statistics, b_statistics, a_resamples, b_resamples);
    };
    row.median = of(&Statistics::median);
    row.p99 = of(&Statistics::p99);
    row.mean = of(&Statistics::mean);
    rows.push_back(row);
  }
  return rows;
}

Json to_json(const std::vector<ColumnComparison>& comparison) {
  Json json;
  for (const ColumnComparison& row : comparison) {
    json[std::string(row.column)] = {{"first", to_json(row.first)},
                                     {"second", to_json(row.second)},
                                     {"p50", to_json(row.median)},
                                     {"p99", to_json(row.p99)},
                                     {"mean", to_json(row.mean)}};
  }
  return json;
}

}  // namespace sluice::runtime
