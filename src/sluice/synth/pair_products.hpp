#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/fixed/format.hpp"

namespace sluice::synth {

/// How a block makes the products of one input by weights that change from tick to tick:
/// x * constant + sum of (x at some of the ticks, else 0) * weight, or x * (entry of a table).
struct PairProducts {
  struct Gated {
    std::uint64_t ticks = 0;  ///< bit t: x counts at tick t
    std::int64_t weight = 0;
  };
  std::int64_t constant = 0;
  std::vector<Gated> gated;
  bool takes_multiplier = false;  ///< instead of the others
};

/// The cheapest way for an input of format `x` and the weights of one tick after the other; of
/// more than 64 ticks, gates are no choice.
PairProducts plan_products(std::span<const std::int64_t> weights, const fixed::Format& x);

/// Estimated LUTs of that, a multiplier counted as what it is worth.
std::int64_t price_of_products(std::span<const std::int64_t> weights, const fixed::Format& x);

}  // namespace sluice::synth
