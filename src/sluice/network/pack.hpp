#pragma once

#include "sluice/network/network.hpp"

namespace sluice::network {

/// The same function with one input and one output tensor, as a kernel has them: where there are
/// several, they lie one after the other, in their order, each row-major. Outputs get one binary
/// point. A network with one of each is returned as it is.
///
/// Throws ModelError where inputs do not all have one quantiser.
Network packed(const Network& network);

}  // namespace sluice::network
