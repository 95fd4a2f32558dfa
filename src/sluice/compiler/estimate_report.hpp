#pragma once

#include "sluice/base/json.hpp"
#include "sluice/compiler/compile.hpp"
#include "sluice/network/network.hpp"
#include "sluice/synth/estimate.hpp"

namespace sluice::compiler {

/// The `estimate` object of report.json: per layer and total, in the words of the command line.
Json to_json(const synth::Estimate& estimate, double clock_mhz);

/// The same of a network that is not compiled yet: what compile() with these options reports.
/// Throws as synth::lower and synth::schedule do.
Json estimate(const network::Network& network, const CompileOptions& options);

}  // namespace sluice::compiler
