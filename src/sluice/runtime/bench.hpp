#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/runtime/predictor.hpp"

/// The measuring protocol of latency: float32 values in, float32 values out, one Predictor call at
/// a time from one thread, buffers and run made before. docs/reference/latency.md is its schema.
namespace sluice::runtime {

struct BenchOptions {
  std::int64_t batch_events = 1;    ///< events of a call, all in one run
  std::int64_t calls = 1000;        ///< timed
  std::int64_t warmup_calls = 100;  ///< before them, the first call included; not in the samples
  std::uint64_t seed = 1;           ///< of the input values, uniform over the input's format
};

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
Percentiles percentiles(std::span<const std::chrono::nanoseconds> samples);

struct BenchResult {
  BenchOptions options;
  DeviceInfo device;  ///< when `emulated`, every time below is that of an emulation
  std::string kernel;
  double clock_mhz = 0;
  Spans first_call;            ///< of the warm-up, or of the timed calls where there is none
  std::vector<Spans> samples;  ///< one per timed call
  std::chrono::nanoseconds elapsed{};  ///< from the first timed call's start to the last one's end
  std::vector<std::uint64_t> kernel_cycles;  ///< one per timed call; empty: the device cannot tell

  double events_per_s() const noexcept;
};

/// Throws UsageError E-RUNTIME-017 for options out of range, and what Predictor throws.
BenchResult bench(const Kernel& kernel, const BenchOptions& options,
                  ProgressSink& progress = no_progress());

enum class BenchSamples { left_out, included };
Json to_json(const BenchResult& result, BenchSamples samples = BenchSamples::left_out);

}  // namespace sluice::runtime
