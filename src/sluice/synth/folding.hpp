#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/fixed/format.hpp"
#include "sluice/network/network.hpp"

namespace sluice::synth {

/// Weights of a block that one tick after the other uses: sums of products, one per unit.
struct TickWeights {
  std::int64_t units = 0;  ///< sums per tick
  std::int64_t inputs = 0;
  std::vector<std::int64_t> mantissas;  ///< [ticks][units][inputs]
  int frac_bits = 0;
  std::vector<std::int64_t> bias;  ///< [ticks][units]
  int bias_frac_bits = 0;

  std::int64_t ticks() const noexcept {
    return static_cast<std::int64_t>(mantissas.size()) / (units * inputs);
  }
  std::int64_t at(std::int64_t tick, std::int64_t unit, std::int64_t input) const {
    return mantissas[static_cast<std::size_t>((tick * units + unit) * inputs + input)];
  }
};

/// A dense layer's outputs spread over ticks.
struct Folding {
  struct Slot {
    std::int64_t tick = 0;
    std::int64_t unit = 0;
  };
  TickWeights weights;      ///< where a unit has no output at a tick, those of its first
  std::vector<Slot> slots;  ///< by output
};

/// The fewest units that need no more than `reuse` ticks, and outputs with similar weights, for
/// inputs of these formats, on each of them. Deterministic.
Folding fold(const network::Dense& dense, std::int64_t reuse,
             std::span<const fixed::Format> inputs);

}  // namespace sluice::synth
