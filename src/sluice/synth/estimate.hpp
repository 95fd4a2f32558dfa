#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/synth/cost.hpp"
#include "sluice/synth/delay.hpp"

namespace sluice::synth {

/// One layer, or the whole circuit.
struct LayerEstimate {
  std::string layer;  ///< origin; "total" for the circuit
  Area area;
  std::int64_t adders = 0;
  std::int32_t first_stage = 0;  ///< of the pipeline, in which the layer computes
  std::int32_t last_stage = 0;

  friend bool operator==(const LayerEstimate&, const LayerEstimate&) = default;
};

/// A model, not a result of place and route; docs/design/estimate.md has its sources and errors.
struct Estimate {
  std::vector<LayerEstimate> layers;  ///< in the order of the circuit's origins; layers without
                                      ///< hardware are left out
  LayerEstimate total;
  std::int32_t latency_cycles = 0;
  std::int32_t initiation_interval_cycles = 1;
  double critical_path_ns = 0.0;  ///< of the slowest stage, registers included
  double fmax_low_mhz = 0.0;      ///< the range in which routed designs are to be expected
  double fmax_high_mhz = 0.0;

  double latency_ns(double clock_mhz) const noexcept { return latency_cycles * 1000.0 / clock_mhz; }
};

/// Area, speed and latency of a scheduled circuit. The registers of a value count for the layer
/// that computes it; inputs are registered by whoever drives them.
Estimate estimate(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                  const DelayModel& model = {});

}  // namespace sluice::synth
