#pragma once

#include <cstdint>

#include "sluice/circuit/circuit.hpp"
#include "sluice/network/network.hpp"
#include "sluice/synth/cmvm.hpp"

namespace sluice::synth {

struct LowerOptions {
  CmvmOptions cmvm;
  /// Multipliers of the device, DSP48E2, that constant weights may take instead of adders.
  std::int64_t multipliers = 0;
  /// A larger circuit is refused: fully parallel, its adders alone would fill the largest card.
  std::int64_t most_operations = 1 << 17;
};

/// The network as a fully parallel circuit of scalars: matrices become adder graphs, and every
/// value keeps its layer as origin. Ports are named after their layers; an output port has the
/// format of its layer's type. The result satisfies circuit::verify().
///
/// Deterministic. Throws ModelError with the layer's name when an exact intermediate result needs
/// more than 64 bits, and E-SYNTH-003 with that of the layer that exceeds `most_operations`.
circuit::Circuit lower(const network::Network& network, const LowerOptions& options = {});

}  // namespace sluice::synth
