#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "sluice/frontend/keras_layers.hpp"
#include "sluice/network/network.hpp"

namespace sluice::frontend {

/// A layer of the network and, where one is pending, the function that is applied to it.
struct PlannedValue {
  network::LayerId id{};
  const UnaryFunction* function = nullptr;
};

/// The layer of a value that no function waits for; throws ModelError, without a subject, where
/// one does.
network::LayerId settled(const PlannedValue& value);

/// Turns planned operations into layers of a network. Problems throw ModelError without a subject.
class PlanRunner {
 public:
  /// Adds a layer under this name, or one like it that is still free.
  using Append = std::function<network::LayerId(const std::string& name, network::LayerOp op,
                                                std::vector<network::LayerId> operands)>;

  /// All arguments outlive the runner and its values; formats and tables of the operations are
  /// added to theirs.
  PlanRunner(const network::Network& network, std::vector<FormatUse>& formats,
             std::vector<TabulatedFunction>& tables)
      : network_(network), formats_(formats), tables_(tables) {}

  /// The operations of one layer, one after the other.
  PlannedValue run(const std::vector<PlannedOp>& ops, PlannedValue value, const Append& append);
  /// One operation; `layer_operand` is what the first of its layer is applied to.
  PlannedValue run(const PlannedOp& planned, const std::vector<PlannedValue>& operands,
                   network::LayerId layer_operand, const Append& append);

 private:
  PlannedValue tabulated(const PlannedOp& planned, const PlannedValue& operand,
                         const network::Quantize& quantize, const Append& append);
  bool changes_nothing(const PlannedOp& planned, const network::LayerOp& op,
                       network::LayerId operand) const;

  const network::Network& network_;
  std::vector<FormatUse>& formats_;
  std::vector<TabulatedFunction>& tables_;
  std::deque<UnaryFunction> functions_;  // that values point to
};

}  // namespace sluice::frontend
