#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sluice/frontend/keras_layers.hpp"
#include "sluice/network/network.hpp"

namespace sluice::frontend {

/// The network that grows, and how a layer is added to it: the suffix of its name (empty: the name
/// of the Keras layer), the operation and its operands.
struct JoinTarget {
  const network::Network& network;
  std::function<network::LayerId(const std::string& suffix, network::LayerOp op,
                                 std::vector<network::LayerId> operands)>
      append;
};

/// Makes one tensor of several. Throws ModelError without a subject when their shapes do not agree.
network::LayerId join_operands(const JoinOp& join, std::span<const network::LayerId> operands,
                               const JoinTarget& target);

}  // namespace sluice::frontend
