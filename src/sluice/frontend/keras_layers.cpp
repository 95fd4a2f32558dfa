#include "sluice/frontend/keras_layers.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"

namespace sluice::frontend {

namespace {

using PlanLayer = void (*)(LayerBuilder&);

void plan_input(LayerBuilder& layer) {
  const Json& old_shape = layer.setting("batch_input_shape");
  const Json& shape = old_shape.is_null() ? layer.setting("batch_shape") : old_shape;
  layer.plan().input = layer.extents(shape, "batch_input_shape", true);
}

void plan_nothing(LayerBuilder& /*layer*/) {}

// HGQ2's Quantizer as a layer of its own.
void plan_quantizer(LayerBuilder& layer) { layer.add_value_quantizer("config", ""); }

const std::map<std::string_view, PlanLayer>& planners() {
  static const std::map<std::string_view, PlanLayer> kPlanners{
      {"InputLayer", plan_input},
      {"Dense", plan_dense},
      {"QDense", plan_dense},
      {"QDenseBatchnorm", plan_dense},
      {"QBatchNormDense", plan_dense},
      {"EinsumDense", plan_einsum_dense},
      {"Quantizer", plan_quantizer},
      {"BatchNormalization", plan_batch_normalization},
      {"QBatchNormalization", plan_batch_normalization},
      {"QEinsumDense", plan_einsum_dense},
      {"QSum", plan_sum},
      {"QMeanPow2", plan_sum},
      {"Conv1D", plan_convolution},
      {"Conv2D", plan_convolution},
      {"DepthwiseConv1D", plan_convolution},
      {"DepthwiseConv2D", plan_convolution},
      {"SeparableConv1D", plan_convolution},
      {"SeparableConv2D", plan_convolution},
      {"QConv1D", plan_convolution},
      {"QConv2D", plan_convolution},
      {"QConv2DBatchnorm", plan_convolution},
      {"QDepthwiseConv2D", plan_convolution},
      {"QDepthwiseConv2DBatchnorm", plan_convolution},
      {"QSeparableConv1D", plan_convolution},
      {"QSeparableConv2D", plan_convolution},
      {"Conv1DTranspose", plan_transposed_convolution},
      {"Conv2DTranspose", plan_transposed_convolution},
      {"QConv2DTranspose", plan_transposed_convolution},
      {"MaxPooling1D", plan_pooling},
      {"QMaxPooling1D", plan_pooling},
      {"MaxPooling2D", plan_pooling},
      {"QMaxPooling2D", plan_pooling},
      {"AveragePooling1D", plan_pooling},
      {"QAveragePooling1D", plan_pooling},
      {"AveragePooling2D", plan_pooling},
      {"QAveragePooling2D", plan_pooling},
      {"QGlobalAveragePooling2D", plan_pooling},
      {"GlobalMaxPooling1D", plan_pooling},
      {"QGlobalMaxPooling1D", plan_pooling},
      {"GlobalMaxPooling2D", plan_pooling},
      {"QGlobalMaxPooling2D", plan_pooling},
      {"GlobalAveragePooling1D", plan_pooling},
      {"QGlobalAveragePooling1D", plan_pooling},
      {"GlobalAveragePooling2D", plan_pooling},
      {"Flatten", plan_movement},
      {"Reshape", plan_movement},
      {"Permute", plan_movement},
      {"RepeatVector", plan_movement},
      {"ZeroPadding1D", plan_movement},
      {"ZeroPadding2D", plan_movement},
      {"Cropping1D", plan_movement},
      {"Cropping2D", plan_movement},
      {"UpSampling1D", plan_movement},
      {"UpSampling2D", plan_movement},
      {"Concatenate", plan_join},
      {"Add", plan_join},
      {"QAdd", plan_join},
      {"Subtract", plan_join},
      {"QSubtract", plan_join},
      {"Multiply", plan_join},
      {"QMultiply", plan_join},
      {"Average", plan_join},
      {"Maximum", plan_join},
      {"QMaximum", plan_join},
      {"Minimum", plan_join},
      {"QMinimum", plan_join},
      {"Dot", plan_join},
      {"QDot", plan_join},
      {"QAveragePow2", plan_join},
      {"QEinsum", plan_join},
      {"Activation", plan_activation_layer},
      {"QUnaryFunctionLUT", plan_activation_layer},
      {"QSoftmax", plan_softmax},
      {"QActivation", plan_activation_layer},
      {"FixedPointQuantizer", plan_fixed_point_quantizer},
      {"ReLU", plan_activation_layer},
      {"LeakyReLU", plan_activation_layer},
      {"PReLU", plan_activation_layer},
      {"ELU", plan_activation_layer},
      {"Softmax", plan_activation_layer},
      {"Dropout", plan_nothing},
      {"AlphaDropout", plan_nothing},
      {"GaussianDropout", plan_nothing},
      {"GaussianNoise", plan_nothing},
      {"SpatialDropout1D", plan_nothing},
      {"SpatialDropout2D", plan_nothing},
      {"SpatialDropout3D", plan_nothing},
      {"ActivityRegularization", plan_nothing},
  };
  return kPlanners;
}

[[noreturn]] void refuse_class(const std::string& class_name) {
  if (class_name.starts_with("Prune")) {
    refuse(codes::kLayer, "the layer is wrapped for pruning",
           "save strip_pruning(model) of tensorflow_model_optimization.sparsity.keras");
  }
  for (const char* const recurrent : {"RNN", "LSTM", "GRU", "Bidirectional", "SNN", "LIF"}) {
    if (class_name.find(recurrent) != std::string::npos) {
      refuse(codes::kLayer, fmt::format("layer class `{}` is recurrent", class_name),
             "a network here has no state from step to step: use QDense or convolutions over all "
             "steps");
    }
  }
  if (class_name == "QAdaptiveActivation") {
    refuse(codes::kLayer, "QAdaptiveActivation moves its range with the data",
           "replace it by QActivation with the integer bits that training found");
  }
  refuse(codes::kLayer, fmt::format("layer class `{}` is not supported", class_name),
         "Dense, convolutions, poolings, merges, reshapes and activations of Keras and QKeras "
         "(QDense, QConv2D, ...) are; docs/reference/import.md lists them");
}

// What acts on the last axis, or on elements, does so at every step anyway.
bool acts_on_last_axis(std::string_view class_name) {
  return class_name == "Dense" || class_name == "QDense" || class_name == "QDenseBatchnorm" ||
         class_name == "Activation" || class_name == "QActivation" || class_name == "ReLU" ||
         class_name == "LeakyReLU" || class_name == "ELU";
}

}  // namespace

LayerPlanner::LayerPlanner(const ModelWeights& weights, const PrecisionConfig& precision,
                           bool quantized_model, Diagnostics& diagnostics)
    : weights_(weights),
      precision_(precision),
      quantized_model_(quantized_model),
      diagnostics_(diagnostics) {}

LayerPlan LayerPlanner::plan(const KerasLayer& layer) const {
  LayerBuilder builder(layer, weights_, precision_, quantized_model_, diagnostics_);
  builder.attempt([&] {
    const auto planner = planners().find(layer.class_name);
    if (planner == planners().end()) refuse_class(layer.class_name);
    if (builder.flag_setting("enable_iq", false)) {
      builder.set_operand_quantizers();
      builder.add_value_quantizer("iq_conf", "iq/");
    }
    planner->second(builder);
    if (builder.flag_setting("enable_oq", false)) builder.add_value_quantizer("oq_conf", "oq/");
  });
  builder.plan().each_step = layer.each_step && !acts_on_last_axis(layer.class_name);
  return std::move(builder.plan());
}

std::vector<std::string> LayerPlanner::configurable_names(const KerasLayer& layer) {
  std::vector<std::string> names{layer.name};
  if (const Json* const activation = find(layer.config, "activation"); activation != nullptr) {
    names.push_back(activation_layer_name(layer.name, *activation));
  }
  return names;
}

bool LayerPlanner::is_quantized(const KerasLayer& layer) {
  if (layer.class_name == "FixedPointQuantizer" || layer.class_name == "Quantizer") return true;
  for (const char* const key : {"kernel_quantizer", "bias_quantizer", "depthwise_quantizer",
                                "kq_conf", "iq_conf", "oq_conf", "iq_confs", "exp_oq_conf"}) {
    if (const Json* const value = find(layer.config, key); value != nullptr && !value->is_null()) {
      return true;
    }
  }
  const Json* const activation = find(layer.config, "activation");
  return activation != nullptr && function_name(*activation).starts_with("quantized_");
}

}  // namespace sluice::frontend
