#pragma once

#include "sluice/network/network.hpp"

namespace sluice::compiler {

/// The same layers with every one of them an output, in their order: an engine over it shows what
/// lies between input and output.
network::Network with_every_layer_out(const network::Network& network);

}  // namespace sluice::compiler
