#include "sluice/frontend/keras_layers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/batch_norm.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/qkeras_quantizer.hpp"
#include "sluice/frontend/quantizer_expression.hpp"

namespace sluice::frontend {

namespace {

// A float32 bias is taken as it is up to here; below, it needs a format.
constexpr int kMostExactFracBits = 32;

std::int64_t count_zeros(const QuantizedTensor& tensor) {
  return std::ranges::count(tensor.mantissas, 0);
}

// The function of an activation, whether text, a call as text, or an object.
std::string function_name(const Json& activation) {
  if (activation.is_null()) return "linear";
  if (!activation.is_string()) return string_or(activation, "class_name", "");
  const auto text = activation.get<std::string>();
  return text.substr(0, text.find('('));
}

// hls4ml treats the activation inside of a layer as one more layer.
std::string activation_layer_name(const std::string& layer, const Json& activation) {
  return fmt::format("{}_{}", layer, function_name(activation));
}

// Plans one layer. A problem is thrown as a ModelError without a subject, or reported at once where
// the rest of the layer can still be looked at.
class OneLayer {
 public:
  OneLayer(const KerasLayer& layer, const ModelWeights& weights, const PrecisionConfig& precision,
           bool quantized_model, Diagnostics& diagnostics)
      : layer_(layer),
        precision_(precision),
        quantized_model_(quantized_model),
        diagnostics_(diagnostics) {
    const auto found = weights.find(layer.name);
    weights_ = found == weights.end() ? nullptr : &found->second;
    plan_.summary.name = layer.name;
    plan_.summary.class_name = layer.class_name;
  }

  LayerPlan run() {
    using Member = void (OneLayer::*)();
    static const std::map<std::string_view, Member> kMembers{
        {"InputLayer", &OneLayer::input},
        {"Dense", &OneLayer::dense},
        {"QDense", &OneLayer::dense},
        {"QDenseBatchnorm", &OneLayer::dense},
        {"Activation", &OneLayer::activation_layer},
        {"QActivation", &OneLayer::activation_layer},
        {"FixedPointQuantizer", &OneLayer::fixed_point_quantizer},
        {"ReLU", &OneLayer::relu_layer},
        {"Softmax", &OneLayer::softmax_layer},
        {"BatchNormalization", &OneLayer::batch_normalization},
        {"Flatten", &OneLayer::flatten},
        {"Reshape", &OneLayer::reshape},
        {"Dropout", &OneLayer::nothing},
        {"AlphaDropout", &OneLayer::nothing},
        {"GaussianDropout", &OneLayer::nothing},
        {"GaussianNoise", &OneLayer::nothing},
        {"SpatialDropout1D", &OneLayer::nothing},
        {"SpatialDropout2D", &OneLayer::nothing},
        {"SpatialDropout3D", &OneLayer::nothing},
        {"ActivityRegularization", &OneLayer::nothing},
    };
    attempt([&] {
      const auto member = kMembers.find(layer_.class_name);
      if (member == kMembers.end()) refuse_class();
      std::invoke(member->second, this);
    });
    return std::move(plan_);
  }

 private:
  template <class Action>
  void attempt(Action action) {
    try {
      action();
    } catch (const ModelError& error) {
      plan_.is_complete = false;
      std::string message = error.message();
      if (!error.subject().empty()) message = error.subject() + ": " + message;
      diagnostics_.error({error.code(), layer_.name, std::move(message), error.hint()});
    }
  }

  [[noreturn]] static void refuse(const char* code, std::string message, std::string hint = {}) {
    throw ModelError(code, "", std::move(message), std::move(hint));
  }

  void warn(const char* code, std::string message) {
    diagnostics_.warn({code, layer_.name, std::move(message), {}});
  }

  [[noreturn]] void refuse_class() const {
    if (layer_.class_name.starts_with("Prune")) {
      refuse(codes::kLayer, "the layer is wrapped for pruning",
             "save strip_pruning(model) of tensorflow_model_optimization.sparsity.keras");
    }
    if (layer_.class_name == "Sequential" || layer_.class_name == "Functional" ||
        layer_.class_name == "Model") {
      refuse(codes::kLayer, "a model inside of a model is not supported",
             "put its layers into the outer model");
    }
    refuse(codes::kLayer, fmt::format("layer class `{}` is not supported", layer_.class_name),
           "Dense, QDense, QDenseBatchnorm, Activation, QActivation, ReLU, BatchNormalization, "
           "Flatten, Reshape and Dropout are");
  }

  // -- settings of the layer ---------------------------------------------------------------------

  const Json& setting(const char* key) const {
    static const Json kNull;
    const Json* const value = find(layer_.config, key);
    return value == nullptr ? kNull : *value;
  }

  double number_setting(const char* key, double fallback) const {
    const Json& value = setting(key);
    if (value.is_null()) return fallback;
    const auto number = as_number(value);
    if (!number)
      refuse(codes::kModelConfig, fmt::format("{}={} is not a number", key, excerpt(value)));
    return *number;
  }

  bool flag_setting(const char* key, bool fallback) const {
    const Json& value = setting(key);
    if (value.is_null()) return fallback;
    const auto flag = as_bool(value);
    if (!flag) refuse(codes::kModelConfig, fmt::format("{}={} is not a flag", key, excerpt(value)));
    return *flag;
  }

  network::Shape extents(const Json& value, const char* key, bool first_is_batch) const {
    network::Shape shape;
    if (!value.is_array()) {
      refuse(codes::kModelConfig, fmt::format("{}={} is not a shape", key, excerpt(value)));
    }
    for (std::size_t i = first_is_batch ? 1 : 0; i < value.size(); ++i) {
      const auto extent = as_integer(value[i]);
      if (!extent) {
        refuse(codes::kModelConfig, fmt::format("{}={} leaves an extent open", key, excerpt(value)),
               "fix every extent but the batch");
      }
      shape.push_back(*extent);
    }
    return shape;
  }

  // -- adding operations -------------------------------------------------------------------------

  std::string next_name(std::string_view suffix) const {
    return plan_.ops.empty() ? layer_.name : fmt::format("{}_{}", layer_.name, suffix);
  }

  template <class Op>
  PlannedOp& add(std::string_view suffix, Op op) {
    PlannedOp planned;
    planned.name = next_name(suffix);
    planned.op = std::move(op);
    plan_.ops.push_back(std::move(planned));
    return plan_.ops.back();
  }

  void describe(const char* role, std::string text) {
    plan_.summary.quantizers.emplace_back(role, std::move(text));
  }

  void count(const QuantizedTensor& tensor) {
    plan_.summary.parameters += static_cast<std::int64_t>(tensor.mantissas.size());
    plan_.summary.zeros += count_zeros(tensor);
  }

  void add_clamp(std::optional<double> lower, std::optional<double> upper) {
    network::Clamp clamp;
    const auto bounds =
        exact_tensor({lower.value_or(0.0), upper.value_or(0.0)}, kMostExactFracBits);
    if (!bounds) {
      refuse(codes::kActivation,
             fmt::format("the bound {} has more than {} fractional bits", upper.value_or(0.0),
                         kMostExactFracBits),
             "use a bound that is a short binary fraction, such as 6 or 0.75");
    }
    if (lower) clamp.lower = bounds->mantissas[0];
    if (upper) clamp.upper = bounds->mantissas[1];
    clamp.frac_bits = bounds->frac_bits;
    add("relu", network::LayerOp(clamp));
  }

  void add_result(const std::string& name, std::string_view class_name, const char* role) {
    std::optional<Precision> result = precision_.of_layer(name, class_name, "result");
    if (!result && !quantized_model_) result = precision_.of_model("result");
    if (!result || result->is_auto) return;
    add("quantize", network::LayerOp(network::Quantize{{result->quantizer}})).skip_if_exact = true;
    describe(role, result->text);
  }

  void add_quantizer(const QkerasQuantizer& quantizer) {
    for (const std::string& note : quantizer.notes) warn(codes::kNoEffect, note);
    describe("activation", quantizer.text);
    add("quantize", network::LayerOp(network::Quantize{{quantizer.quantizer}}));
    const auto& exponents = quantizer.scale_exponents;
    if (std::ranges::any_of(exponents, [](int exponent) { return exponent != 0; })) {
      add("scale", ScaleOp{exponents});
    }
    if (quantizer.upper_bound) add_clamp(std::nullopt, quantizer.upper_bound);
  }

  // -- weights -----------------------------------------------------------------------------------

  const RealTensor& weight(const char* name) const {
    if (weights_ != nullptr) {
      if (const auto found = weights_->find(name); found != weights_->end()) return found->second;
    }
    refuse(codes::kWeights, fmt::format("the file holds no `{}` for the layer", name),
           "save the model with its weights, or give the matching weights file");
  }

  // Names the tensor and the element, as a NaN is otherwise impossible to find.
  const RealTensor& finite_weight(const char* name) const {
    const RealTensor& tensor = weight(name);
    const auto bad =
        std::ranges::find_if_not(tensor.values, [](double v) { return std::isfinite(v); });
    if (bad == tensor.values.end()) return tensor;
    auto rest = static_cast<std::int64_t>(bad - tensor.values.begin());
    std::vector<std::int64_t> position(tensor.shape.size());
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
      position[axis] = rest % tensor.shape[axis];
      rest /= tensor.shape[axis];
    }
    refuse(codes::kNotFinite,
           fmt::format("`{}` holds {} at [{}]", name, *bad, fmt::join(position, ", ")),
           "train again with finite weights");
  }

  const RealTensor& vector_weight(const char* name, std::int64_t size) const {
    const RealTensor& tensor = finite_weight(name);
    if (tensor.shape != std::vector<std::int64_t>{size}) refuse_shape(name, tensor, {size});
    return tensor;
  }

  [[noreturn]] static void refuse_shape(const char* name, const RealTensor& tensor,
                                        const std::vector<std::int64_t>& expected) {
    refuse(codes::kWeights,
           fmt::format("`{}` has shape ({}), expected ({})", name, fmt::join(tensor.shape, ", "),
                       fmt::join(expected, ", ")),
           "the weights may belong to another model");
  }

  std::optional<QkerasQuantizer> quantizer(const char* key, QuantizerRole role) {
    auto result = parse_quantizer(setting(key), role);
    if (result) {
      for (const std::string& note : result->notes) warn(codes::kNoEffect, note);
    }
    return result;
  }

  QuantizedTensor in_format(const RealTensor& tensor, const Precision& precision,
                            const char* role) {
    describe(role, precision.text);
    QkerasQuantizer plain;
    plain.quantizer = precision.quantizer;
    return quantize_weights(plain, tensor);
  }

  // Weights without a quantizer of their own take their format from the configuration.
  QuantizedTensor configured(const RealTensor& tensor, const char* role, const char* variable) {
    const auto precision = precision_.find(layer_.name, layer_.class_name, variable);
    if (precision && !precision->is_auto) return in_format(tensor, *precision, role);
    plan_.is_complete = false;
    plan_.without_format.emplace_back(role);
    return {std::vector<std::int64_t>(tensor.values.size()), 0};
  }

  QuantizedTensor kernel(const RealTensor& tensor) {
    const auto own = quantizer("kernel_quantizer", QuantizerRole::kernel);
    if (!own) {
      if (auto stored = already_quantized(tensor)) return *std::move(stored);
      return configured(tensor, "kernel", "weight");
    }
    describe("kernel", own->text);
    return quantize_weights(*own, tensor);
  }

  // A model whose quantisers are layers of their own (an HGQ proxy) stores quantised kernels as
  // float32: few bits over one binary point. Float32 numbers of training need far more.
  std::optional<QuantizedTensor> already_quantized(const RealTensor& tensor) {
    constexpr std::int64_t kMostMagnitude = std::int64_t{1} << 20;
    if (!quantized_model_ ||
        precision_.of_layer(layer_.name, layer_.class_name, "weight").has_value()) {
      return std::nullopt;
    }
    auto exact = exact_tensor(tensor.values, kMostExactFracBits);
    if (!exact || std::ranges::any_of(exact->mantissas, [](std::int64_t mantissa) {
          return std::abs(mantissa) >= kMostMagnitude;
        })) {
      return std::nullopt;
    }
    describe("kernel", "float32, exact");
    return exact;
  }

  QuantizedTensor bias(const RealTensor& tensor) {
    if (const auto own = quantizer("bias_quantizer", QuantizerRole::bias)) {
      describe("bias", own->text);
      return quantize_weights(*own, tensor);
    }
    const auto asked = precision_.of_layer(layer_.name, layer_.class_name, "bias");
    if (asked && !asked->is_auto) return in_format(tensor, *asked, "bias");
    if (layer_.class_name == "Dense" && precision_.of_model("bias")) {
      return configured(tensor, "bias", "bias");
    }
    if (auto exact = exact_tensor(tensor.values, kMostExactFracBits)) {
      describe("bias", "float32, exact");
      return *std::move(exact);
    }
    return configured(tensor, "bias", "bias");
  }

  // -- layers ------------------------------------------------------------------------------------

  void nothing() {}

  void input() {
    const Json& old_shape = setting("batch_input_shape");
    const Json& shape = old_shape.is_null() ? setting("batch_shape") : old_shape;
    plan_.input = extents(shape, "batch_input_shape", true);
  }

  void dense() {
    const RealTensor& kernel_values = finite_weight("kernel");
    if (kernel_values.shape.size() != 2 || kernel_values.values.empty() ||
        kernel_values.shape[1] != as_integer(setting("units"))) {
      refuse(codes::kWeights,
             fmt::format("`kernel` has shape ({}), expected (inputs, {})",
                         fmt::join(kernel_values.shape, ", "), excerpt(setting("units"))),
             "the weights may belong to another model");
    }
    const std::int64_t units = kernel_values.shape[1];
    const bool use_bias = flag_setting("use_bias", true);
    RealTensor bias_values{{units}, std::vector<double>(static_cast<std::size_t>(units))};
    if (use_bias) bias_values = vector_weight("bias", units);
    RealTensor folded_kernel;
    const bool folds = layer_.class_name == "QDenseBatchnorm";
    if (folds) {
      folded_kernel = kernel_values;
      fold(batch_norm(units), folded_kernel, bias_values);
    }
    add_dense(folds ? folded_kernel : kernel_values, bias_values, use_bias || folds);
    layer_activation();
  }

  void add_dense(const RealTensor& kernel_values, const RealTensor& bias_values, bool has_bias) {
    network::Dense dense;
    dense.inputs = kernel_values.shape[0];
    dense.units = kernel_values.shape[1];
    attempt([&] {
      QuantizedTensor weights = kernel(kernel_values);
      count(weights);
      dense.weights = std::move(weights.mantissas);
      dense.weight_frac_bits = weights.frac_bits;
    });
    attempt([&] {
      QuantizedTensor offsets;
      if (has_bias) {
        offsets = bias(bias_values);
        count(offsets);
      } else {
        offsets.mantissas.resize(static_cast<std::size_t>(dense.units));
      }
      dense.bias = std::move(offsets.mantissas);
      dense.bias_frac_bits = offsets.frac_bits;
    });
    add("dense", network::LayerOp(std::move(dense))).accumulator =
        precision_.of_layer(layer_.name, layer_.class_name, "accum");
    add_result(layer_.name, layer_.class_name, "result");
  }

  // QDenseBatchnorm quantises the folded kernel and bias, computed here in float64.
  static void fold(const BatchNorm& norm, RealTensor& kernel_values, RealTensor& bias_values) {
    const std::size_t units = norm.channels();
    for (std::size_t i = 0; i < kernel_values.values.size(); ++i) {
      kernel_values.values[i] *= norm.scale(i % units);
    }
    for (std::size_t c = 0; c < units; ++c) {
      bias_values.values[c] = norm.scale(c) * (bias_values.values[c] - norm.mean[c]) + norm.beta[c];
    }
    require_finite("the folded kernel", kernel_values.values);
    require_finite("the folded bias", bias_values.values);
  }

  static void require_finite(const char* what, const std::vector<double>& values) {
    if (std::ranges::all_of(values, [](double value) { return std::isfinite(value); })) return;
    refuse(codes::kNotFinite, fmt::format("{} is beyond the range of float64", what),
           "the variance may be too small");
  }

  BatchNorm batch_norm(std::int64_t channels) const {
    BatchNorm norm;
    const auto size = static_cast<std::size_t>(channels);
    norm.mean = vector_weight("moving_mean", channels).values;
    norm.variance = vector_weight("moving_variance", channels).values;
    norm.gamma = flag_setting("scale", true) ? vector_weight("gamma", channels).values
                                             : std::vector<double>(size, 1.0);
    norm.beta = flag_setting("center", true) ? vector_weight("beta", channels).values
                                             : std::vector<double>(size, 0.0);
    norm.epsilon = number_setting("epsilon", 1e-3);
    for (std::size_t c = 0; c < size; ++c) {
      if (!(norm.variance[c] + norm.epsilon > 0)) {
        refuse(codes::kWeights,
               fmt::format("`moving_variance` holds {} at [{}]", norm.variance[c], c),
               "a variance is not negative");
      }
    }
    return norm;
  }

  void batch_normalization() {
    const RealTensor& mean = weight("moving_mean");
    if (mean.shape.size() != 1 || mean.values.empty()) {
      refuse_shape("moving_mean", mean, {-1});
    }
    const BatchNorm norm = batch_norm(mean.shape[0]);
    network::Affine affine;
    QuantizedTensor scale;
    QuantizedTensor offset;
    if (!exact_affine(norm, scale, offset)) configured_affine(norm, scale, offset);
    count(scale);
    count(offset);
    add("affine", network::LayerOp(network::Affine{std::move(scale.mantissas), scale.frac_bits,
                                                   std::move(offset.mantissas), offset.frac_bits}))
        .last_axis = normalised_axis();
    add_result(layer_.name, layer_.class_name, "result");
  }

  std::int64_t normalised_axis() const {
    const Json& axis = setting("axis");
    const Json& only = axis.is_array() && axis.size() == 1 ? axis.front() : axis;
    if (only.is_null()) return -1;
    const auto value = as_integer(only);
    if (!value) refuse(codes::kModelConfig, fmt::format("axis={} is not an axis", excerpt(axis)));
    return *value;
  }

  bool exact_affine(const BatchNorm& norm, QuantizedTensor& scale, QuantizedTensor& offset) {
    if (precision_.of_layer(layer_.name, layer_.class_name, "scale")) return false;
    std::vector<double> scales;
    std::vector<double> offsets;
    for (std::size_t c = 0; c < norm.channels(); ++c) {
      const auto exact = norm.exact(c);
      if (!exact) return false;
      scales.push_back(exact->first);
      offsets.push_back(exact->second);
    }
    auto exact_scale = exact_tensor(scales, kMostExactFracBits);
    auto exact_offset = exact_tensor(offsets, kMostExactFracBits);
    if (!exact_scale || !exact_offset) return false;
    scale = *std::move(exact_scale);
    offset = *std::move(exact_offset);
    return true;
  }

  void configured_affine(const BatchNorm& norm, QuantizedTensor& scale, QuantizedTensor& offset) {
    RealTensor scales{{static_cast<std::int64_t>(norm.channels())}, {}};
    RealTensor offsets = scales;
    for (std::size_t c = 0; c < norm.channels(); ++c) {
      scales.values.push_back(norm.scale(c));
      offsets.values.push_back(norm.offset(c));
    }
    require_finite("the scale", scales.values);
    require_finite("the offset", offsets.values);
    scale = configured(scales, "scale", "scale");
    offset = configured(offsets, "offset", "bias");
  }

  void fixed_point_quantizer() {
    if (weights_ == nullptr) refuse(codes::kWeights, "its arrays are missing from the weights");
    ElementQuantizers quantizers = read_fixed_point_quantizer(layer_.config, *weights_);
    describe("activation",
             fmt::format("{},{} of {} elements", string_or(layer_.config, "RND", "TRN"),
                         string_or(layer_.config, "SAT", "WRAP"), quantizers.quantizers.size()));
    add("quantize", std::move(quantizers));
  }

  void flatten() {
    if (setting("data_format") == "channels_first") {
      refuse(codes::kLayer, "Flatten with data_format='channels_first' is not supported",
             "use channels_last");
    }
    add("flatten", FlattenOp{});
  }

  void reshape() {
    add("reshape", ReshapeOp{extents(setting("target_shape"), "target_shape", false)});
  }

  void relu_layer() {
    if (number_setting("negative_slope", 0.0) != 0.0 || number_setting("threshold", 0.0) != 0.0) {
      refuse(codes::kActivation, "ReLU with a negative slope or a threshold is not supported",
             "use negative_slope=0 and threshold=0");
    }
    std::optional<double> upper;
    if (!setting("max_value").is_null()) upper = number_setting("max_value", 0.0);
    add_clamp(0.0, upper);
    add_result(layer_.name, layer_.class_name, "result");
  }

  void softmax_layer() { plan_.is_softmax = true; }

  void activation_layer() { activation(setting("activation"), layer_.name, "result"); }

  void layer_activation() {
    const Json& value = setting("activation");
    activation(value, activation_layer_name(layer_.name, value), "activation result");
  }

  void activation(const Json& value, const std::string& configured_name, const char* result_role) {
    const std::string name = function_name(value);
    if (name == "softmax") {
      plan_.is_softmax = true;
      return;
    }
    if (is_known_quantizer(name)) {
      add_quantizer(*parse_quantizer(value, QuantizerRole::activation));
    } else if (name == "relu" || name == "relu6") {
      add_clamp(0.0, name == "relu6" ? std::optional(6.0) : std::nullopt);
    } else if (name != "linear") {
      refuse_activation(name);
    }
    add_result(configured_name, "Activation", result_role);
  }

  [[noreturn]] static void refuse_activation(const std::string& name) {
    if (name.starts_with("quantized_") || name.starts_with("stochastic_") || name == "binary" ||
        name == "ternary" || name == "bernoulli") {
      refuse(codes::kQuantizer, fmt::format("quantizer `{}` is not supported", shortened(name)),
             "quantized_bits, quantized_linear and quantized_relu are read");
    }
    refuse(codes::kActivation, fmt::format("activation `{}` is not supported", shortened(name)),
           "linear, relu, relu6, quantized_bits, quantized_relu, and softmax at the very end, are");
  }

  const KerasLayer& layer_;
  const PrecisionConfig& precision_;
  bool quantized_model_;
  Diagnostics& diagnostics_;
  const LayerWeights* weights_ = nullptr;
  LayerPlan plan_;
};

}  // namespace

LayerPlanner::LayerPlanner(const ModelWeights& weights, const PrecisionConfig& precision,
                           bool quantized_model, Diagnostics& diagnostics)
    : weights_(weights),
      precision_(precision),
      quantized_model_(quantized_model),
      diagnostics_(diagnostics) {}

LayerPlan LayerPlanner::plan(const KerasLayer& layer) const {
  return OneLayer(layer, weights_, precision_, quantized_model_, diagnostics_).run();
}

std::vector<std::string> LayerPlanner::configurable_names(const KerasLayer& layer) {
  std::vector<std::string> names{layer.name};
  if (const Json* const activation = find(layer.config, "activation"); activation != nullptr) {
    names.push_back(activation_layer_name(layer.name, *activation));
  }
  return names;
}

bool LayerPlanner::is_quantized(const KerasLayer& layer) {
  if (layer.class_name == "FixedPointQuantizer") return true;
  for (const char* const key : {"kernel_quantizer", "bias_quantizer"}) {
    if (const Json* const value = find(layer.config, key); value != nullptr && !value->is_null()) {
      return true;
    }
  }
  const Json* const activation = find(layer.config, "activation");
  return activation != nullptr && function_name(*activation).starts_with("quantized_");
}

}  // namespace sluice::frontend
