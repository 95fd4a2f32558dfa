#pragma once

#include <vector>

#include "sluice/synth/lower.hpp"

namespace sluice::synth {

/// What is known of a network that is part of another: more than it shows itself.
struct PartKnowledge {
  /// By layer: proven ranges on the layer's grid, one per element; none: those of its type.
  std::vector<std::vector<fixed::Interval>> ranges;
  /// By input element: range that the circuit's input has.
  std::vector<fixed::Interval> inputs;
};

/// lower(), always as one function.
circuit::Circuit lower_part(const network::Network& network, const LowerOptions& options,
                            const PartKnowledge& knowledge = {});

}  // namespace sluice::synth
