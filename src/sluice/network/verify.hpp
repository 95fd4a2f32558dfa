#pragma once

#include "sluice/network/network.hpp"

namespace sluice::network {

/// Checks every invariant anew: causal operands, unique names, shapes, at least one input and one
/// output, and that inferring each type again gives the stored one. Throws InternalError.
void verify(const Network& network);

}  // namespace sluice::network
