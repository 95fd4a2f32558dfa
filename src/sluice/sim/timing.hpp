#pragma once

#include <cstdint>

namespace sluice::sim {

/// How the simulated memory answers the kernel's AXI4 masters. The default keeps up: every ready is
/// high, data flows at one beat per clock, and a burst's first beat comes after a fixed latency.
struct MemoryTiming {
  std::uint64_t seed = 1;  ///< of every random choice below; the same seed repeats a run exactly
  int min_latency_cycles = 8;  ///< from address accepted to first data, from last data to response
  int max_latency_cycles = 8;  ///< latency is drawn uniformly per burst; answers stay in order
  double stall_probability = 0.0;   ///< per clock and channel that a ready or valid is held low
  int max_outstanding_bursts = 32;  ///< per direction; further addresses wait

  /// Memory that never stalls, with the smallest latency.
  static MemoryTiming keeps_up() { return {.min_latency_cycles = 1, .max_latency_cycles = 1}; }
  /// Random latency and stalls that differ by seed.
  static MemoryTiming random(std::uint64_t seed, double stall_probability = 0.3) {
    return {.seed = seed,
            .min_latency_cycles = 1,
            .max_latency_cycles = 60,
            .stall_probability = stall_probability};
  }
};

/// What goes wrong on purpose.
enum class FaultKind {
  none,
  read_error,    ///< read beat `position` answers SLVERR
  write_error,   ///< write burst `position` answers SLVERR; its bytes are not written
  read_silent,   ///< from read beat `position` on, no read data comes
  write_silent,  ///< from write burst `position` on, no write response comes
};

struct MemoryFault {
  FaultKind kind = FaultKind::none;
  std::uint64_t position = 0;  ///< counted from 0 since the fault was set
};

}  // namespace sluice::sim
