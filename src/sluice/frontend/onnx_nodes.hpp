#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sluice/frontend/import.hpp"
#include "sluice/frontend/onnx_model.hpp"
#include "sluice/frontend/precision_config.hpp"
#include "sluice/frontend/scaled_builder.hpp"

namespace sluice::frontend {

/// What a name of the graph stands for: a constant, a tensor that depends on the input, or nothing
/// where an earlier problem leaves it unknown.
using OnnxValue = std::variant<std::monostate, OnnxTensor, ScaledTensor>;

/// Turns nodes into layers. Problems throw ModelError without a subject.
class OnnxNodes {
 public:
  /// A bias that a following Add gives to a node, with its label.
  struct Bias {
    const OnnxTensor* values = nullptr;
    std::string label;
  };

  OnnxNodes(ScaledBuilder& builder, const PrecisionConfig& precision, bool quantized_model,
            std::int64_t opset)
      : builder_(builder),
        precision_(precision),
        quantized_model_(quantized_model),
        opset_(opset) {}

  /// The result of a node that depends on the input. `inputs` has null for what is left out;
  /// `bias` is used by MatMul alone.
  ScaledTensor build(const OnnxNode& node, std::span<const OnnxValue* const> inputs,
                     const Bias& bias, LayerSummary& summary);

  static bool is_supported(const OnnxNode& node);

  /// Of the weights, biases and scales of all nodes so far.
  const std::vector<FormatUse>& formats() const noexcept { return formats_; }

 private:
  struct Call {
    const OnnxNode& node;
    std::span<const OnnxValue* const> inputs;
    const Bias& bias;
    LayerSummary& summary;
  };
  using Member = ScaledTensor (OnnxNodes::*)(const Call&);
  static const std::map<std::string_view, Member>& members();

  ScaledTensor same(const Call& call);
  ScaledTensor reshape(const Call& call);
  ScaledTensor transpose(const Call& call);
  ScaledTensor relu(const Call& call);
  ScaledTensor clip(const Call& call);
  ScaledTensor arithmetic(const Call& call);
  ScaledTensor negate(const Call& call);
  ScaledTensor batch_normalization(const Call& call);
  ScaledTensor quantizer(const Call& call);
  ScaledTensor dequantize(const Call& call);
  ScaledTensor matmul(const Call& call);
  ScaledTensor gemm(const Call& call);
  ScaledTensor convolution(const Call& call);
  ScaledTensor max_pool(const Call& call);
  ScaledTensor average_pool(const Call& call);
  ScaledTensor global_average(const Call& call);
  ScaledTensor pad(const Call& call);
  ScaledTensor concatenate(const Call& call);

  ScaledTensor merge(const Call& call, ScaledTensor a, ScaledTensor b);
  ScaledTensor with_constant(const Call& call, ScaledTensor x, const OnnxTensor& constant,
                             bool constant_first);
  void dense(const Call& call, ScaledTensor& x, OnnxTensor weights, const OnnxTensor* bias,
             std::string_view bias_label);
  void average(ScaledTensor& x, std::int64_t count, const std::string& name);
  std::optional<fixed::Quantizer> weight_precision(const Call& call, const OnnxTensor& weights);
  void round_parameters(const Call& call, const char* variable, std::vector<Rational>& numbers);

  ScaledBuilder& builder_;
  const PrecisionConfig& precision_;
  bool quantized_model_;
  std::int64_t opset_;
  std::vector<FormatUse> formats_;
};

}  // namespace sluice::frontend
