#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/runtime/kernel.hpp"
#include "sluice/runtime/latency.hpp"

/// The measuring protocol of latency; docs/reference/latency.md describes it and its file.
namespace sluice::runtime {

/// What the caller's arrays hold on both sides of a call.
enum class BenchValues : std::uint8_t {
  reals,     ///< float32, converted in injection and extraction
  mantissas  ///< integers of the container types, copied
};

struct BenchOptions {
  std::int64_t batch_events = 1;    ///< events of a call, all in one run
  std::int64_t calls = 1000;        ///< timed, of each thread
  std::int64_t warmup_calls = 100;  ///< of each thread before them; not in the samples
  int threads = 1;                  ///< each with its own buffers and runs of the one kernel
  int depth = 1;  ///< calls in flight per thread; more than one go through a Stream
  BenchValues values = BenchValues::reals;
  std::uint64_t seed = 1;  ///< of the input values, uniform over the input's format
};

struct BenchResult {
  BenchOptions options;
  DeviceInfo device;  ///< when `emulated`, every time below is that of an emulation
  package::Manifest manifest;
  Spans first_call;                    ///< the very first one of the first thread
  std::vector<Spans> samples;          ///< one per timed call, thread after thread
  std::chrono::nanoseconds elapsed{};  ///< from the first timed call's start to the last one's end
  /// Of further calls after the timed ones, since asking may take bus transfers of its own; empty
  /// where the device cannot tell, and with more calls in flight.
  std::vector<std::uint64_t> kernel_cycles;

  double events_per_s() const noexcept;
};

/// Throws UsageError E-RUNTIME-017 for options out of range, and what Predictor and Stream throw.
BenchResult bench(const Kernel& kernel, const BenchOptions& options,
                  ProgressSink& progress = no_progress());

enum class BenchSamples { left_out, included };
Json to_json(const BenchResult& result, BenchSamples samples = BenchSamples::left_out);

}  // namespace sluice::runtime
