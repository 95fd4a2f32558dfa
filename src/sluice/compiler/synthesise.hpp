#pragma once

#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/circuit/circuit.hpp"
#include "sluice/compiler/compile.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/synth/schedule.hpp"

namespace sluice::compiler {

struct Synthesised {
  circuit::Circuit circuit;
  circuit::Schedule schedule;
};

/// From the tensor form, packed, to a pipelined circuit: the one way in which compile() and
/// estimate() take the options. Throws as network::packed, synth::lower and synth::schedule do, and
/// UsageError where shared multipliers alone are more than the options allow.
Synthesised synthesise(const frontend::Imported& model, const CompileOptions& options);

/// A warning for every layer that is to share hardware among positions or ticks and, with these
/// options, does not. Throws as network::packed does.
std::vector<Diagnostic> unshared_hardware(const frontend::Imported& model,
                                          const CompileOptions& options);

}  // namespace sluice::compiler
