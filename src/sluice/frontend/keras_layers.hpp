#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/frontend/element_quantizers.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/keras_file.hpp"
#include "sluice/frontend/keras_model.hpp"
#include "sluice/frontend/precision_config.hpp"
#include "sluice/frontend/unary_function.hpp"
#include "sluice/network/network.hpp"

namespace sluice::frontend {

/// A UnaryFunction waits for the quantiser behind it: together they are an exact table.
using ResolvedOp = std::variant<network::LayerOp, UnaryFunction>;
struct OpContext {
  const network::TensorType& operand;        ///< of the operation
  const network::TensorType& layer_operand;  ///< of the layer's first operation
};
/// An operation that depends on what it is applied to. Throws ModelError without a subject.
using OpOfOperand = std::function<ResolvedOp(const OpContext&)>;
using AnyOp = std::variant<network::LayerOp, UnaryFunction, ElementQuantizers, OpOfOperand>;

/// One layer of the network to come, before its operand is known.
struct PlannedOp {
  std::string name;
  AnyOp op;
  /// Moves elements or adds zeros, so that a quantiser could as well come before.
  bool moves_only = false;
  /// A Quantize that may be left out where it would change nothing.
  bool skip_if_exact = false;
  /// hls4ml's accumulator type: accepted where it provably loses nothing.
  std::optional<Precision> accumulator;
  /// The axis of the operand, batch counted as 0, that must be its last one; -1 always is.
  std::int64_t last_axis = -1;
  /// Set: the first of two operands is that of the layer's operation with this number, the second
  /// is the result of the operation before.
  std::optional<std::size_t> with_operand_of;
  bool operand_is_second = false;  ///< the other way round
  /// Set for a Quantize that the configuration asks for.
  std::optional<FormatUse> format;
};

/// How a layer makes one tensor of several, before its operations.
struct JoinOp {
  enum class Kind { concatenate, merge, einsum };
  Kind kind = Kind::merge;
  network::Merge::Kind merge = network::Merge::Kind::add;
  std::int64_t axis = -1;  ///< concatenate; the batch counted as 0
  std::string equation;    ///< einsum: of two operands, the batch in front
  Json dot_axes;           ///< einsum without an equation: the axes of Dot
};

/// What a Keras layer becomes, whatever its operand: the operations one after the other.
struct LayerPlan {
  std::vector<PlannedOp> ops;                         ///< none: the operand itself
  std::optional<network::Shape> input;                ///< set for an InputLayer
  std::optional<JoinOp> join;                         ///< set for a layer of several operands
  std::vector<ElementQuantizers> operand_quantizers;  ///< one per operand, or none
  std::size_t least_operands = 1;
  std::size_t most_operands = 1;
  bool each_step = false;   ///< acts on each index of the operand's first axis by itself
  bool is_softmax = false;  ///< ends in softmax, which may only be the last thing
  /// The name under which the configuration speaks of the layer's softmax; empty: it has none.
  std::string softmax_name;
  bool is_complete = true;  ///< false where a problem was found
  /// Tensors ("kernel", "bias", ...) that are float32 and for which nobody gives a format.
  std::vector<std::string> without_format;
  /// A warning that the operand decides.
  std::function<std::string(const network::TensorType& operand)> remark;
  /// Of its weights, biases and scales.
  std::vector<FormatUse> formats;
  LayerSummary summary;
};

/// Turns layers into plans, each on its own, and reports every problem.
class LayerPlanner {
 public:
  /// All arguments outlive the planner. `quantized_model` is true where the model has quantisers of
  /// its own: then the configuration's `Model` formats do not apply to results.
  LayerPlanner(const ModelWeights& weights, const PrecisionConfig& precision, bool quantized_model,
               Diagnostics& diagnostics);

  LayerPlan plan(const KerasLayer& layer) const;

  /// Names under which the configuration may speak of `layer`: its own, and hls4ml's name for its
  /// activation.
  static std::vector<std::string> configurable_names(const KerasLayer& layer);
  /// True when the layer has a quantiser of its own.
  static bool is_quantized(const KerasLayer& layer);

 private:
  const ModelWeights& weights_;
  const PrecisionConfig& precision_;
  bool quantized_model_;
  Diagnostics& diagnostics_;
};

}  // namespace sluice::frontend
