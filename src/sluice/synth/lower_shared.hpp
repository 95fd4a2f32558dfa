#pragma once

#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/synth/lower.hpp"

namespace sluice::synth {

/// Whether the options, or the sizes of the network's convolutions, ask for processes.
bool shares_hardware(const network::Network& network, const LowerOptions& options);

/// The network as processes that a last function joins.
circuit::Circuit lower_shared(const network::Network& network, const LowerOptions& options);

/// What does not share hardware in it, although the options ask for it.
std::vector<Diagnostic> sharing_warnings(const network::Network& network,
                                         const LowerOptions& options);

}  // namespace sluice::synth
