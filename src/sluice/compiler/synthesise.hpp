#pragma once

#include "sluice/circuit/circuit.hpp"
#include "sluice/compiler/compile.hpp"
#include "sluice/network/network.hpp"
#include "sluice/synth/schedule.hpp"

namespace sluice::compiler {

struct Synthesised {
  circuit::Circuit circuit;
  circuit::Schedule schedule;
};

/// From the tensor form to a pipelined circuit: the one way in which compile() and estimate() take
/// the options. Throws as synth::lower and synth::schedule do.
Synthesised synthesise(const network::Network& network, const CompileOptions& options);

}  // namespace sluice::compiler
