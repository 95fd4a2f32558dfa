#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/package/package.hpp"

namespace sluice::compiler {

struct VerifyOptions {
  /// Events for the engine, at most: fewer, but 64, where the interpreter needs more than
  /// `interpreted_operations` for them.
  std::int64_t samples = 100'000;
  /// Events for the Verilated kernel, at most: fewer, but 16, where they take more than
  /// `simulated_cycles`.
  std::int64_t rtl_samples = 20'000;
  std::int64_t interpreted_operations = 4'000'000'000;
  std::int64_t simulated_cycles = 2'000'000;
  std::uint64_t seed = 1;
  /// Device URIs beside the SIMD engine's targets: `rtl`, `xrt:0`.
  std::vector<std::string> devices{"rtl"};
};

/// One engine against the interpreter.
struct Comparison {
  std::string engine;      ///< `engine AVX3`, `rtl`, `xrt:0 (hw_emu)`
  std::int64_t asked = 0;  ///< events that the options ask for
  std::int64_t events = 0;
  std::string limited;           ///< why they are fewer than asked for; empty when they are not
  std::int64_t differing = 0;    ///< events with at least one other mantissa
  std::string first_difference;  ///< empty when there is none
  std::string skipped;           ///< why the engine did not run; empty when it did
};

struct Verification {
  std::uint64_t seed = 0;
  std::vector<Comparison> comparisons;
  bool passed() const noexcept;
};

/// `passed`, `seed` and a row per engine.
Json to_json(const Verification& verification);

/// Runs the same events, corners first, through the interpreter and every engine of the package,
/// and compares mantissas with ==. The Verilated kernel sees random stalls drawn from the seed.
Verification verify(const package::Package& package, const VerifyOptions& options = {},
                    ProgressSink& progress = no_progress());

}  // namespace sluice::compiler
