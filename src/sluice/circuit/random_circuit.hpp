#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "sluice/circuit/circuit.hpp"

/// Support for tests: circuits and events drawn from a seed, the same on every machine.
namespace sluice::circuit::testing {

using Generator = std::mt19937_64;

/// Uniform enough for tests, from `min` to `max`; unlike the standard's distributions the same
/// with every standard library.
std::int64_t draw(Generator& generator, std::int64_t min, std::int64_t max);

struct RandomCircuitOptions {
  int input_elements = 6;
  int operations = 40;     ///< drawn operations; some add a quantize to stay within the bounds
  int widest_bits = 40;    ///< of any value
  int table_entries = 32;  ///< at most, of any lookup
};

/// A circuit that satisfies verify(). With at least 11 operations every operation occurs. Each
/// value that no other reads is an output, so nothing is dead.
Circuit random_circuit(std::uint64_t seed, const RandomCircuitOptions& options = {});

/// A schedule that satisfies verify(), with values that wait for several stages.
Schedule random_schedule(const Circuit& circuit, std::uint64_t seed, int latency_cycles);

/// Events that are legal for `circuit`, event-major: every element at its least, its greatest, -1,
/// 0 and 1 (clamped to its range), then random ones.
std::vector<std::int64_t> corner_and_random_events(const Circuit& circuit, std::uint64_t seed,
                                                   int random_events);

}  // namespace sluice::circuit::testing
