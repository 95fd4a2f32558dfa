#pragma once

#include "sluice/circuit/circuit.hpp"
#include "sluice/network/network.hpp"
#include "sluice/synth/cmvm.hpp"

namespace sluice::synth {

struct LowerOptions {
  CmvmOptions cmvm;
};

/// The network as a fully parallel circuit of scalars: matrices become adder graphs, and every
/// value keeps its layer as origin. Ports are named after their layers; an output port has the
/// format of its layer's type. The result satisfies circuit::verify().
///
/// Deterministic. Throws ModelError with the layer's name when an exact intermediate result needs
/// more than 64 bits.
circuit::Circuit lower(const network::Network& network, const LowerOptions& options = {});

}  // namespace sluice::synth
