#include "sluice/runtime/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <numeric>
#include <random>
#include <span>
#include <thread>

#include "sluice/base/error.hpp"
#include "sluice/runtime/predictor.hpp"
#include "sluice/runtime/stream.hpp"

namespace sluice::runtime {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSchemaVersion = 1;
constexpr std::size_t kWindows = 16;  // different events of successive calls
constexpr std::size_t kCountedCalls = 32;

void require(bool condition, std::string_view option, std::int64_t value, std::string_view due) {
  if (condition) return;
  throw UsageError("E-RUNTIME-017", std::string(option), fmt::format("is {}", value),
                   fmt::format("it must be {}", due));
}

void check(const BenchOptions& options) {
  constexpr int kMostThreads = 256;
  require(options.batch_events >= 1, "batch", options.batch_events, "1 or more");
  require(options.calls >= 1, "calls", options.calls, "1 or more");
  require(options.warmup_calls >= 0, "warm-up", options.warmup_calls, "0 or more");
  require(options.threads >= 1 && options.threads <= kMostThreads, "threads", options.threads,
          fmt::format("1 to {}", kMostThreads));
  require(options.depth >= 1, "depth", options.depth, "1 or more");
}

/// Caller's arrays for windows of a batch each: float32, or integers of `bits` bits.
class Arrays {
 public:
  Arrays(std::size_t windows, std::size_t window_elements, BenchValues values, int bits)
      : element_bytes_(values == BenchValues::reals ? sizeof(float)
                                                    : static_cast<std::size_t>(bits / 8)),
        window_bytes_(window_elements * element_bytes_),
        bits_(values == BenchValues::reals ? 0 : bits),
        storage_((windows * window_bytes_ + sizeof(std::int64_t) - 1) / sizeof(std::int64_t)) {}

  engine::Events window(std::size_t index) {
    const auto bytes =
        std::as_writable_bytes(std::span(storage_)).subspan(index * window_bytes_, window_bytes_);
    if (bits_ != 0) return engine::as_mantissas(bytes, bits_);
    return std::span(reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float));
  }

 private:
  std::size_t element_bytes_;
  std::size_t window_bytes_;
  int bits_;  // 0: float32
  std::vector<std::int64_t> storage_;
};

engine::ConstEvents read_only(const engine::Events& events) {
  return std::visit(
      []<class T>(std::span<T> span) -> engine::ConstEvents { return std::span<const T>(span); },
      events);
}

void fill(const engine::Events& events, const fixed::Format& format, std::mt19937_64& random) {
  std::uniform_int_distribution<std::int64_t> mantissa(format.min_mantissa(),
                                                       format.max_mantissa());
  std::visit(
      [&]<class T>(std::span<T> elements) {
        std::ranges::generate(elements, [&] {
          const std::int64_t drawn = mantissa(random);
          if constexpr (std::is_integral_v<T>) return static_cast<T>(drawn);
          return static_cast<T>(fixed::to_double(drawn, format.frac_bits));
        });
      },
      events);
}

/// What one thread measures with. Everything is allocated before the first timed call.
class Worker {
 public:
  Worker(const Kernel& kernel, const BenchOptions& options, int thread)
      : options_(options),
        inputs_(arrays(kernel.manifest().input, kWindows)),
        outputs_(arrays(kernel.manifest().output, static_cast<std::size_t>(options.depth))),
        samples_(static_cast<std::size_t>(options.calls)) {
    std::mt19937_64 random(options.seed + static_cast<std::uint64_t>(thread));
    for (std::size_t window = 0; window < kWindows; ++window) {
      fill(inputs_.window(window), kernel.manifest().input.quantizer.format, random);
    }
    if (options.depth > 1) {
      stream_.emplace(kernel,
                      StreamOptions{.batch_events = options.batch_events, .depth = options.depth});
    } else {
      predictor_.emplace(kernel, options.batch_events);
    }
  }

  void warm_up() {
    std::vector<Spans> unused(
        static_cast<std::size_t>(std::max<std::int64_t>(1, options_.warmup_calls)));
    make_calls(std::span(unused).first(static_cast<std::size_t>(options_.warmup_calls)),
               no_progress());
    first_call_ = unused.front();
  }

  void measure(ProgressSink& progress) {
    make_calls(samples_, progress);
    if (options_.warmup_calls == 0) first_call_ = samples_.front();
  }

  void count_cycles() {
    if (!predictor_) return;
    for (std::size_t call = 0; call < kCountedCalls; ++call) {
      Spans unused;
      make_call(call, unused);
      const auto cycles = predictor_->kernel_cycles();
      if (!cycles) return;
      cycles_.push_back(*cycles);
    }
  }

  const Spans& first_call() const noexcept { return first_call_; }
  const std::vector<Spans>& samples() const noexcept { return samples_; }
  const std::vector<std::uint64_t>& kernel_cycles() const noexcept { return cycles_; }

 private:
  Arrays arrays(const package::TensorPort& port, std::size_t windows) const {
    return {windows, static_cast<std::size_t>(options_.batch_events * port.elements()),
            options_.values, port.container_bits()};
  }

  void make_calls(std::span<Spans> samples, ProgressSink& progress) {
    const std::size_t stride = std::max<std::size_t>(1, samples.size() / 100);
    for (std::size_t call = 0; call < samples.size(); ++call) {
      make_call(call, samples[call]);
      if (call % stride == 0) progress.update("measure", call, samples.size());
    }
    if (stream_) stream_->wait_all();
  }

  void make_call(std::size_t call, Spans& spans) {
    const engine::ConstEvents inputs = read_only(inputs_.window(call % kWindows));
    const engine::Events outputs = outputs_.window(call % static_cast<std::size_t>(options_.depth));
    if (stream_) {
      stream_->submit(inputs, outputs, &spans);
      return;
    }
    predictor_->predict(inputs, outputs, &spans);
  }

  BenchOptions options_;
  Arrays inputs_;
  Arrays outputs_;
  std::optional<Predictor> predictor_;  // depth 1
  std::optional<Stream> stream_;
  Spans first_call_;
  std::vector<Spans> samples_;
  std::vector<std::uint64_t> cycles_;
};

/// `action` on every worker, each in a thread of its own; the first one in the caller's. Throws
/// what the first failing worker threw.
template <class Action>
void for_each_worker(std::vector<Worker>& workers, Action action) {
  std::vector<std::exception_ptr> failures(workers.size());
  const auto guarded = [&](std::size_t index) {
    try {
      action(workers[index], index);
    } catch (...) {
      failures[index] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t index = 1; index < workers.size(); ++index) {
      threads.emplace_back(guarded, index);
    }
    guarded(0);
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

Json to_json(const Spans& spans) {
  Json json;
  for (const SpanColumn& column : kSpanColumns) {
    json[std::string(column.name)] = column_us({&spans, 1}, column).front();
  }
  return json;
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
          {"median_us_at_kernel_clock", static_cast<double>(*middle) / result.manifest.clock_mhz}};
}

/// What the compiled kernel does on any device, from its schedule and its buses.
Json schedule_json(const package::Manifest& manifest) {
  const double cycles_per_event = manifest.cycles_per_event();
  return {{"core_latency_cycles", manifest.latency_cycles},
          {"core_latency_us", manifest.latency_cycles / manifest.clock_mhz},
          {"cycles_per_event", cycles_per_event},
          {"events_per_s", 1e6 * manifest.clock_mhz / cycles_per_event}};
}

std::string values_name(const BenchResult& result) {
  if (result.options.values == BenchValues::reals) return "float32";
  return fmt::format("int{}", result.manifest.input.container_bits());
}

}  // namespace

double BenchResult::events_per_s() const noexcept {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return static_cast<double>(options.batch_events) * static_cast<double>(samples.size()) / seconds;
}

BenchResult bench(const Kernel& kernel, const BenchOptions& options, ProgressSink& progress) {
  check(options);
  std::vector<Worker> workers;
  workers.reserve(static_cast<std::size_t>(options.threads));
  for (int thread = 0; thread < options.threads; ++thread) {
    workers.emplace_back(kernel, options, thread);
  }
  for_each_worker(workers, [](Worker& worker, std::size_t) { worker.warm_up(); });
  BenchResult result{.options = options, .device = kernel.device(), .manifest = kernel.manifest()};
  const Clock::time_point begin = Clock::now();
  for_each_worker(workers, [&](Worker& worker, std::size_t index) {
    worker.measure(index == 0 ? progress : no_progress());
  });
  result.elapsed = Clock::now() - begin;
  workers.front().count_cycles();
  result.first_call = workers.front().first_call();
  result.kernel_cycles = workers.front().kernel_cycles();
  for (const Worker& worker : workers) {
    result.samples.insert(result.samples.end(), worker.samples().begin(), worker.samples().end());
  }
  return result;
}

Json to_json(const BenchResult& result, BenchSamples samples) {
  const package::Manifest& manifest = result.manifest;
  Json json{{"schema_version", kSchemaVersion},
            {"program", "sluice"},
            {"device",
             {{"uri", result.device.uri},
              {"name", result.device.name},
              {"emulation", result.device.emulation}}},
            {"emulated", result.device.emulated},
            {"kernel", manifest.name},
            {"clock_mhz", manifest.clock_mhz},
            {"values", values_name(result)},
            {"batch_events", result.options.batch_events},
            {"calls", result.samples.size()},
            {"warmup_calls", result.options.warmup_calls * result.options.threads},
            {"threads", result.options.threads},
            {"depth", result.options.depth},
            {"first_call", to_json(result.first_call)}};
  Json histograms;
  Json columns;
  for (const SpanColumn& column : kSpanColumns) {
    const std::vector<double> times = column_us(result.samples, column);
    const std::string name(column.name);
    json[name] = to_json(percentiles(times));
    histograms[name] = to_json(log_histogram(times));
    if (column.name != "total_us") columns[name] = times;
  }
  json["events_per_s"] = result.events_per_s();
  json["schedule"] = schedule_json(manifest);
  if (!result.kernel_cycles.empty()) json["kernel_cycles"] = cycles_json(result);
  json["histograms"] = std::move(histograms);
  if (samples == BenchSamples::included) json["samples"] = std::move(columns);
  return json;
}

}  // namespace sluice::runtime
