#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sluice/frontend/import.hpp"
#include "sluice/frontend/onnx_model.hpp"
#include "sluice/frontend/onnx_windows.hpp"
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
            std::int64_t opset, Diagnostics& diagnostics)
      : builder_(builder),
        precision_(precision),
        quantized_model_(quantized_model),
        opset_(opset),
        diagnostics_(diagnostics) {}

  /// The results of a node that depends on the input: one, but of Split. `inputs` has null for what
  /// is left out; `bias` is used by MatMul alone.
  std::vector<ScaledTensor> build(const OnnxNode& node, std::span<const OnnxValue* const> inputs,
                                  const Bias& bias, LayerSummary& summary);

  static bool is_supported(const OnnxNode& node);
  /// Throws ModelError where a function of `x` waits for its quantiser.
  static void require_values(const ScaledTensor& x);

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
  ScaledTensor slice(const Call& call);
  std::vector<ScaledTensor> split(const Call& call);
  ScaledTensor gather(const Call& call);
  ScaledTensor resize(const Call& call);
  ScaledTensor expand(const Call& call);
  ScaledTensor relu(const Call& call);
  ScaledTensor leaky_relu(const Call& call);
  ScaledTensor absolute(const Call& call);
  ScaledTensor hard_sigmoid(const Call& call);
  ScaledTensor unary(const Call& call);
  ScaledTensor round(const Call& call);
  ScaledTensor multi_threshold(const Call& call);
  ScaledTensor clip(const Call& call);
  ScaledTensor arithmetic(const Call& call);
  ScaledTensor negate(const Call& call);
  ScaledTensor batch_normalization(const Call& call);
  ScaledTensor quantizer(const Call& call);
  ScaledTensor dequantize(const Call& call);
  ScaledTensor matmul(const Call& call);
  ScaledTensor gemm(const Call& call);
  ScaledTensor convolution(const Call& call);
  ScaledTensor transposed_convolution(const Call& call);
  ScaledTensor max_pool(const Call& call);
  ScaledTensor average_pool(const Call& call);
  ScaledTensor global_pool(const Call& call);
  ScaledTensor reduce(const Call& call);
  ScaledTensor pad(const Call& call);
  ScaledTensor concatenate(const Call& call);
  ScaledTensor softmax(const Call& call);

  ScaledTensor pairwise(const Call& call, std::size_t i, ScaledTensor x);
  ScaledTensor merge(const Call& call, ScaledTensor a, ScaledTensor b);
  static std::optional<ScaledTensor> swish(const ScaledTensor& x, const ScaledTensor& gate);
  void broadcast(ScaledTensor& x, const network::Shape& to, const std::string& name);
  ScaledTensor reduced(const Call& call, const std::vector<std::size_t>& axes, std::string_view how,
                       bool keeps_axes);
  ScaledTensor convolve(const Call& call, ScaledTensor x, const ConvolutionShape& shape,
                        const OnnxTensor& kernel);
  ScaledTensor with_constant(const Call& call, ScaledTensor x, const OnnxTensor& constant,
                             bool constant_first);
  void dense(const Call& call, ScaledTensor& x, OnnxTensor weights, const OnnxTensor* bias,
             std::string_view bias_label);
  /// The layer in ONNX's order, without the batch.
  void use_rows(ScaledTensor& x, const std::string& name);
  void average(const Call& call, ScaledTensor& x, std::int64_t count);
  std::optional<fixed::Quantizer> weight_precision(const Call& call, const OnnxTensor& weights);
  void round_parameters(const Call& call, const char* variable, std::vector<Rational>& numbers);

  ScaledBuilder& builder_;
  const PrecisionConfig& precision_;
  bool quantized_model_;
  std::int64_t opset_;
  Diagnostics& diagnostics_;
  std::vector<FormatUse> formats_;
};

}  // namespace sluice::frontend
