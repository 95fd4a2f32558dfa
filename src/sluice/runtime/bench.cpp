#include "sluice/runtime/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "sluice/base/error.hpp"

namespace sluice::runtime {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr int kSchemaVersion = 1;
constexpr double kNanosecondsPerMicrosecond = 1000.0;

double microseconds(nanoseconds time) {
  return static_cast<double>(time.count()) / kNanosecondsPerMicrosecond;
}

void require(bool condition, std::string_view option, std::int64_t value, std::string_view due) {
  if (condition) return;
  throw UsageError("E-RUNTIME-017", std::string(option), fmt::format("is {}", value),
                   fmt::format("it must be {}", due));
}

std::vector<float> random_values(const package::TensorPort& port, std::size_t elements,
                                 std::uint64_t seed) {
  const fixed::Format& format = port.quantizer.format;
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> mantissa(format.min_mantissa(),
                                                       format.max_mantissa());
  std::vector<float> values(elements);
  std::ranges::generate(values, [&] {
    return static_cast<float>(fixed::to_double(mantissa(random), format.frac_bits));
  });
  return values;
}

/// Calls a predictor on one window of a pool of events after the other.
class Caller {
 public:
  Caller(const Kernel& kernel, const BenchOptions& options)
      : predictor_(kernel, options.batch_events),
        event_elements_(static_cast<std::size_t>(kernel.manifest().input.elements())),
        batch_(static_cast<std::size_t>(options.batch_events)),
        inputs_(random_values(kernel.manifest().input, kWindows * batch_ * event_elements_,
                              options.seed)),
        outputs_(batch_ * static_cast<std::size_t>(kernel.manifest().output.elements())) {}

  Spans call() {
    const std::size_t elements = batch_ * event_elements_;
    const std::span<const float> window =
        std::span<const float>(inputs_).subspan(window_ * elements, elements);
    window_ = (window_ + 1) % kWindows;
    Spans spans;
    predictor_.predict(window, std::span(outputs_), &spans);
    return spans;
  }
  std::optional<std::uint64_t> kernel_cycles() const noexcept { return predictor_.kernel_cycles(); }

 private:
  static constexpr std::size_t kWindows = 16;

  Predictor predictor_;
  std::size_t event_elements_;
  std::size_t batch_;
  std::vector<float> inputs_;
  std::vector<float> outputs_;
  std::size_t window_ = 0;
};

Json to_json(const Percentiles& p) {
  return {{"p50", p.p50_us},    {"p90", p.p90_us}, {"p99", p.p99_us},
          {"p99.9", p.p999_us}, {"max", p.max_us}, {"mean", p.mean_us}};
}

Json to_json(const Spans& spans) {
  return {{"injection_us", microseconds(spans.injection)},
          {"inference_us", microseconds(spans.inference)},
          {"extraction_us", microseconds(spans.extraction)},
          {"total_us", microseconds(spans.total())}};
}

template <class Part>
std::vector<nanoseconds> column(const BenchResult& result, Part part) {
  std::vector<nanoseconds> times(result.samples.size());
  std::ranges::transform(result.samples, times.begin(), part);
  return times;
}

/// What the kernel counted itself: exact even where the times are those of an emulation.
Json cycles_json(const BenchResult& result) {
  const auto [least, most] = std::ranges::minmax(result.kernel_cycles);
  std::vector<std::uint64_t> sorted = result.kernel_cycles;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  return {{"min", least},
          {"median", *middle},
          {"max", most},
          {"median_us_at_kernel_clock", static_cast<double>(*middle) / result.clock_mhz}};
}

}  // namespace

Percentiles percentiles(std::span<const nanoseconds> samples) {
  require(!samples.empty(), "samples", 0, "1 or more");
  std::vector<nanoseconds> sorted(samples.begin(), samples.end());
  std::ranges::sort(sorted);
  const auto per_mille = [&](std::size_t rank) {
    return microseconds(sorted[(rank * sorted.size() + 999) / 1000 - 1]);
  };
  const nanoseconds sum = std::accumulate(sorted.begin(), sorted.end(), nanoseconds{0});
  return {.p50_us = per_mille(500),
          .p90_us = per_mille(900),
          .p99_us = per_mille(990),
          .p999_us = per_mille(999),
          .max_us = microseconds(sorted.back()),
          .mean_us = microseconds(sum) / static_cast<double>(sorted.size())};
}

double BenchResult::events_per_s() const noexcept {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return static_cast<double>(options.batch_events) * static_cast<double>(samples.size()) / seconds;
}

BenchResult bench(const Kernel& kernel, const BenchOptions& options, ProgressSink& progress) {
  require(options.batch_events >= 1, "batch", options.batch_events, "1 or more");
  require(options.calls >= 1, "calls", options.calls, "1 or more");
  require(options.warmup_calls >= 0, "warm-up", options.warmup_calls, "0 or more");
  Caller caller(kernel, options);
  BenchResult result{.options = options,
                     .device = kernel.device(),
                     .kernel = kernel.manifest().name,
                     .clock_mhz = kernel.manifest().clock_mhz};
  result.samples.reserve(static_cast<std::size_t>(options.calls));
  result.kernel_cycles.reserve(static_cast<std::size_t>(options.calls));
  for (std::int64_t call = 0; call < options.warmup_calls; ++call) {
    const Spans spans = caller.call();
    if (call == 0) result.first_call = spans;
  }
  const std::int64_t stride = std::max<std::int64_t>(1, options.calls / 100);
  const Clock::time_point begin = Clock::now();
  for (std::int64_t call = 0; call < options.calls; ++call) {
    result.samples.push_back(caller.call());
    if (const auto cycles = caller.kernel_cycles()) result.kernel_cycles.push_back(*cycles);
    if (call % stride == 0) {
      progress.update("measure", static_cast<std::uint64_t>(call),
                      static_cast<std::uint64_t>(options.calls));
    }
  }
  result.elapsed = Clock::now() - begin;
  if (options.warmup_calls == 0) result.first_call = result.samples.front();
  return result;
}

Json to_json(const BenchResult& result, BenchSamples samples) {
  const std::vector<nanoseconds> injection = column(result, &Spans::injection);
  const std::vector<nanoseconds> inference = column(result, &Spans::inference);
  const std::vector<nanoseconds> extraction = column(result, &Spans::extraction);
  const std::vector<nanoseconds> total = column(result, &Spans::total);
  Json json{{"schema_version", kSchemaVersion},
            {"program", "sluice"},
            {"device",
             {{"uri", result.device.uri},
              {"name", result.device.name},
              {"emulation", result.device.emulation}}},
            {"emulated", result.device.emulated},
            {"kernel", result.kernel},
            {"clock_mhz", result.clock_mhz},
            {"batch_events", result.options.batch_events},
            {"calls", result.options.calls},
            {"warmup_calls", result.options.warmup_calls},
            {"first_call", to_json(result.first_call)},
            {"injection_us", to_json(percentiles(injection))},
            {"inference_us", to_json(percentiles(inference))},
            {"extraction_us", to_json(percentiles(extraction))},
            {"total_us", to_json(percentiles(total))},
            {"events_per_s", result.events_per_s()}};
  if (!result.kernel_cycles.empty()) json["kernel_cycles"] = cycles_json(result);
  if (samples == BenchSamples::included) {
    const auto list = [](const std::vector<nanoseconds>& times) {
      std::vector<double> numbers(times.size());
      std::ranges::transform(times, numbers.begin(), microseconds);
      return numbers;
    };
    json["samples"] = {{"injection_us", list(injection)},
                       {"inference_us", list(inference)},
                       {"extraction_us", list(extraction)}};
  }
  return json;
}

}  // namespace sluice::runtime
