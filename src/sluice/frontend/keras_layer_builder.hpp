#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/frontend/batch_norm.hpp"
#include "sluice/frontend/keras_layers.hpp"
#include "sluice/frontend/limits.hpp"
#include "sluice/frontend/qkeras_quantizer.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/network/movement.hpp"

/// What the planners of single Keras layers share. Internal to the front end.
namespace sluice::frontend {

/// Float32 parameters are taken as they are up to here; below, they need a format.
inline constexpr int kMostExactFracBits = 32;
/// A slope is the one factor of its operand: with these, too, products stay below 64 bits.
inline constexpr int kMostSlopeFracBits = 48;

/// Throws ModelError before memory is taken for more than kMostElements: the product of extents.
void check_elements(const network::Shape& extents);

/// The function of an activation, whether text, a call as text, or an object.
std::string function_name(const Json& activation);
/// hls4ml treats the activation inside of a layer as one more layer.
std::string activation_layer_name(const std::string& layer, const Json& activation);

/// y = x times the number, exactly. Throws ModelError where that takes too many bits.
OpOfOperand factor_op(double factor, int most_frac_bits = kMostExactFracBits);

/// Plans one layer. Functions throw ModelError without a subject; attempt() reports it and lets the
/// rest of the layer be looked at.
class LayerBuilder {
 public:
  LayerBuilder(const KerasLayer& layer, const ModelWeights& weights,
               const PrecisionConfig& precision, bool quantized_model, Diagnostics& diagnostics);

  const KerasLayer& layer() const noexcept { return layer_; }
  const PrecisionConfig& precision() const noexcept { return precision_; }
  LayerPlan& plan() noexcept { return plan_; }

  template <class Action>
  void attempt(Action action) {
    try {
      action();
    } catch (const ModelError& error) {
      report(error);
    }
  }
  void warn(const char* code, std::string message);

  // Settings of the layer; null, or the fallback, where the file has none.
  const Json& setting(const char* key) const;
  double number_setting(const char* key, double fallback) const;
  std::int64_t integer_setting(const char* key, std::int64_t fallback) const;
  bool flag_setting(const char* key, bool fallback) const;
  std::string text_setting(const char* key, std::string_view fallback) const;
  /// One integer for all of `count` axes, or a list of as many. Each is from `min` to 2^20.
  std::vector<std::int64_t> axes_setting(const char* key, std::size_t count, std::int64_t fallback,
                                         std::int64_t min) const;
  /// A list of extents, every one known.
  network::Shape extents(const Json& value, const char* key, bool first_is_batch) const;
  bool is_channels_first() const;

  // Adding operations. The first main operation has the name of the layer.
  PlannedOp& add(std::string_view suffix, AnyOp op);
  /// Beside the main operation: always with a suffix.
  PlannedOp& add_helper(std::string_view suffix, AnyOp op);
  /// A helper that only moves elements or adds zeros.
  PlannedOp& add_movement(std::string_view suffix, OpOfOperand op);
  void add_clamp(std::optional<double> lower, std::optional<double> upper);
  /// The `result` format that the configuration gives, if any.
  void add_result(const std::string& name, std::string_view class_name, const char* role);
  std::optional<Precision> result_precision(const std::string& name,
                                            std::string_view class_name) const;
  /// What the configuration says about the layer's `accum`.
  std::optional<Precision> accumulator() const;

  // Weights.
  const RealTensor& weight(const char* name) const;
  const RealTensor& finite_weight(const char* name) const;
  const RealTensor& vector_weight(const char* name, std::int64_t size) const;
  [[noreturn]] static void refuse_shape(const char* name, const RealTensor& tensor,
                                        const std::vector<std::int64_t>& expected);
  /// Quantised by the setting `quantizer_key`, or as the configuration says.
  QuantizedTensor kernel(const RealTensor& tensor, const char* quantizer_key = "kernel_quantizer",
                         const char* role = "kernel");
  QuantizedTensor bias(const RealTensor& tensor);
  /// A quantiser of HGQ2 for the layer's values (`iq_conf`, "iq/"), where the layer has one.
  void add_value_quantizer(const char* key, const char* part);
  /// Those of HGQ2's layers of several operands (`iq_confs`).
  void set_operand_quantizers();
  /// By the configuration's format for `variable`; reports when there is none.
  QuantizedTensor configured(const RealTensor& tensor, const char* role, const char* variable);
  bool is_configured(const char* variable) const;
  BatchNorm batch_norm(std::int64_t channels) const;
  /// The layer's tensors; null when the file has none for it.
  const LayerWeights* weights() const noexcept { return weights_; }

  // For the summary.
  void count(const QuantizedTensor& tensor);
  void describe(const char* role, std::string text);

 private:
  void report(const ModelError& error);
  std::optional<QkerasQuantizer> quantizer(const char* key, QuantizerRole role);
  std::vector<double> statistics(const char* name, const char* quantizer_key,
                                 std::int64_t channels) const;
  std::optional<QuantizedTensor> by_hgq2(const RealTensor& tensor, const char* key,
                                         const char* part, const char* role);
  std::optional<QuantizedTensor> already_quantized(const RealTensor& tensor) const;
  QuantizedTensor in_format(const RealTensor& tensor, const Precision& precision, const char* role,
                            const char* variable);

  const KerasLayer& layer_;
  const PrecisionConfig& precision_;
  bool quantized_model_;
  Diagnostics& diagnostics_;
  const LayerWeights* weights_ = nullptr;
  LayerPlan plan_;
};

// One function per kind of layer; each appends to the builder's plan.
void plan_dense(LayerBuilder& layer);
void plan_einsum_dense(LayerBuilder& layer);
void plan_batch_normalization(LayerBuilder& layer);
void plan_convolution(LayerBuilder& layer);
void plan_transposed_convolution(LayerBuilder& layer);
void plan_pooling(LayerBuilder& layer);
void plan_movement(LayerBuilder& layer);
void plan_join(LayerBuilder& layer);
void plan_softmax(LayerBuilder& layer);
void plan_sum(LayerBuilder& layer);
void plan_fixed_point_quantizer(LayerBuilder& layer);
void plan_activation_layer(LayerBuilder& layer);
/// The setting `activation` of a layer that computes something else first.
void plan_inner_activation(LayerBuilder& layer);

/// Folds a batch normalisation into kernel and bias, in float64, as the QKeras layers do that
/// quantise the folded numbers. The kernel's last axis is that of the channels.
void fold_batch_norm(const BatchNorm& norm, RealTensor& kernel, RealTensor& bias);

}  // namespace sluice::frontend
