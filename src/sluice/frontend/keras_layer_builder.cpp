#include "sluice/frontend/keras_layer_builder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/hgq2_quantizer.hpp"
#include "sluice/frontend/json_access.hpp"

namespace sluice::frontend {

namespace {

std::int64_t count_zeros(const QuantizedTensor& tensor) {
  return std::ranges::count(tensor.mantissas, 0);
}

}  // namespace

void check_elements(const network::Shape& extents) {
  double count = 1;
  for (const std::int64_t extent : extents) count *= static_cast<double>(extent);
  if (count > static_cast<double>(kMostElements)) {
    refuse(codes::kLimit, "the model is larger than what is read", "split the model");
  }
}

std::string function_name(const Json& activation) {
  if (activation.is_null()) return "linear";
  if (!activation.is_string()) {
    return string_or(activation, "class_name", string_or(activation, "name", ""));
  }
  const auto text = activation.get<std::string>();
  return text.substr(0, text.find('('));
}

std::string activation_layer_name(const std::string& layer, const Json& activation) {
  return fmt::format("{}_{}", layer, function_name(activation));
}

OpOfOperand factor_op(double factor, int most_frac_bits) {
  auto scale = exact_tensor({factor}, most_frac_bits);
  if (!scale) {
    refuse(codes::kActivation,
           fmt::format("the factor {} has more than {} fractional bits", factor, most_frac_bits),
           "use a factor that is a short binary fraction");
  }
  return [scale = *std::move(scale)](const OpContext& at) -> ResolvedOp {
    const network::Shape& shape = at.operand.shape;
    const auto channels = static_cast<std::size_t>(shape.empty() ? 1 : shape.back());
    return network::LayerOp(network::Affine{std::vector(channels, scale.mantissas[0]),
                                            scale.frac_bits, std::vector<std::int64_t>(channels),
                                            0});
  };
}

LayerBuilder::LayerBuilder(const KerasLayer& layer, const ModelWeights& weights,
                           const PrecisionConfig& precision, bool quantized_model,
                           Diagnostics& diagnostics)
    : layer_(layer),
      precision_(precision),
      quantized_model_(quantized_model),
      diagnostics_(diagnostics) {
  const auto found = weights.find(layer.name);
  weights_ = found == weights.end() ? nullptr : &found->second;
  plan_.summary.name = layer.name;
  plan_.summary.class_name = layer.class_name;
}

void LayerBuilder::report(const ModelError& error) {
  plan_.is_complete = false;
  std::string message = error.message();
  if (!error.subject().empty()) message = error.subject() + ": " + message;
  diagnostics_.error({error.code(), layer_.name, std::move(message), error.hint()});
}

void LayerBuilder::warn(const char* code, std::string message) {
  diagnostics_.warn({code, layer_.name, std::move(message), {}});
}

const Json& LayerBuilder::setting(const char* key) const {
  static const Json kNull;
  const Json* const value = find(layer_.config, key);
  return value == nullptr ? kNull : *value;
}

double LayerBuilder::number_setting(const char* key, double fallback) const {
  const Json& value = setting(key);
  if (value.is_null()) return fallback;
  const auto number = as_number(value);
  if (!number)
    refuse(codes::kModelConfig, fmt::format("{}={} is not a number", key, excerpt(value)));
  return *number;
}

bool LayerBuilder::flag_setting(const char* key, bool fallback) const {
  const Json& value = setting(key);
  if (value.is_null()) return fallback;
  const auto flag = as_bool(value);
  if (!flag) refuse(codes::kModelConfig, fmt::format("{}={} is not a flag", key, excerpt(value)));
  return *flag;
}

network::Shape LayerBuilder::extents(const Json& value, const char* key,
                                     bool first_is_batch) const {
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

void LayerBuilder::describe(const char* role, std::string text) {
  plan_.summary.quantizers.emplace_back(role, std::move(text));
}

void LayerBuilder::count(const QuantizedTensor& tensor) {
  plan_.summary.parameters += static_cast<std::int64_t>(tensor.mantissas.size());
  plan_.summary.zeros += count_zeros(tensor);
}

void LayerBuilder::add_clamp(std::optional<double> lower, std::optional<double> upper) {
  network::Clamp clamp;
  const auto bounds = exact_tensor({lower.value_or(0.0), upper.value_or(0.0)}, kMostExactFracBits);
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

std::optional<Precision> LayerBuilder::result_precision(const std::string& name,
                                                        std::string_view class_name) const {
  std::optional<Precision> result = precision_.of_layer(name, class_name, "result");
  if (!result && !quantized_model_) result = precision_.of_model("result");
  if (!result || result->is_auto) return std::nullopt;
  return result;
}

void LayerBuilder::add_result(const std::string& name, std::string_view class_name,
                              const char* role) {
  const std::optional<Precision> result = result_precision(name, class_name);
  if (!result) return;
  PlannedOp& quantize = add("quantize", network::LayerOp(network::Quantize{{result->quantizer}}));
  quantize.skip_if_exact = true;
  quantize.format = format_of_result(name, class_name, *result, {});
  describe(role, result->text);
}

std::optional<Precision> LayerBuilder::accumulator() const {
  return precision_.of_layer(layer_.name, layer_.class_name, "accum");
}

const RealTensor& LayerBuilder::weight(const char* name) const {
  if (weights_ != nullptr) {
    if (const auto found = weights_->find(name); found != weights_->end()) return found->second;
  }
  refuse(codes::kWeights, fmt::format("the file holds no `{}` for the layer", name),
         "save the model with its weights, or give the matching weights file");
}

// Names the tensor and the element, as a NaN is otherwise impossible to find.
const RealTensor& LayerBuilder::finite_weight(const char* name) const {
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

const RealTensor& LayerBuilder::vector_weight(const char* name, std::int64_t size) const {
  const RealTensor& tensor = finite_weight(name);
  if (tensor.shape != std::vector<std::int64_t>{size}) refuse_shape(name, tensor, {size});
  return tensor;
}

void LayerBuilder::refuse_shape(const char* name, const RealTensor& tensor,
                                const std::vector<std::int64_t>& expected) {
  refuse(codes::kWeights,
         fmt::format("`{}` has shape ({}), expected ({})", name, fmt::join(tensor.shape, ", "),
                     fmt::join(expected, ", ")),
         "the weights may belong to another model");
}

std::optional<QkerasQuantizer> LayerBuilder::quantizer(const char* key, QuantizerRole role) {
  auto result = parse_quantizer(setting(key), role);
  if (result) {
    for (const std::string& note : result->notes) warn(codes::kNoEffect, note);
  }
  return result;
}

QuantizedTensor LayerBuilder::in_format(const RealTensor& tensor, const Precision& precision,
                                        const char* role, const char* variable) {
  describe(role, precision.text);
  plan_.formats.push_back(
      format_of_numbers(layer_.name, layer_.class_name, variable, precision, tensor.values));
  QkerasQuantizer plain;
  plain.quantizer = precision.quantizer;
  return quantize_weights(plain, tensor);
}

// Weights without a quantizer of their own take their format from the configuration.
QuantizedTensor LayerBuilder::configured(const RealTensor& tensor, const char* role,
                                         const char* variable) {
  const auto precision = precision_.find(layer_.name, layer_.class_name, variable);
  if (precision && !precision->is_auto) return in_format(tensor, *precision, role, variable);
  plan_.is_complete = false;
  plan_.without_format.emplace_back(role);
  return {std::vector<std::int64_t>(tensor.values.size()), 0};
}

void LayerBuilder::add_value_quantizer(const char* key, const char* part) {
  const Json& config = setting(key);
  if (!is_hgq2_quantizer(config)) return;
  if (weights_ == nullptr) refuse(codes::kWeights, "its variables are missing from the weights");
  ElementQuantizers quantizers = without_batch_axis(read_hgq2_quantizer(config, *weights_, part));
  describe("activation", fmt::format("HGQ2, {} quantisers", quantizers.quantizers.size()));
  add_helper("quantize", std::move(quantizers));
}

void LayerBuilder::set_operand_quantizers() {
  const Json& configs = setting("iq_confs");
  if (!configs.is_array()) return;
  if (weights_ == nullptr) refuse(codes::kWeights, "its variables are missing from the weights");
  for (std::size_t i = 0; i < configs.size(); ++i) {
    if (!is_hgq2_quantizer(configs[i])) refuse(codes::kQuantizer, "quantises some operands only");
    const std::string part =
        i == 0 ? "iq/quantizers/quantizer/" : fmt::format("iq/quantizers/quantizer_{}/", i);
    plan_.operand_quantizers.push_back(
        without_batch_axis(read_hgq2_quantizer(configs[i], *weights_, part)));
  }
  describe("operands", fmt::format("HGQ2, {} operands", configs.size()));
}

std::optional<QuantizedTensor> LayerBuilder::by_hgq2(const RealTensor& tensor, const char* key,
                                                     const char* part, const char* role) {
  const Json& config = setting(key);
  if (weights_ == nullptr || !is_hgq2_quantizer(config)) return std::nullopt;
  const ElementQuantizers quantizers = read_hgq2_quantizer(config, *weights_, part);
  describe(role, fmt::format("HGQ2, {} quantisers", quantizers.quantizers.size()));
  return quantize_elements(quantizers, tensor);
}

QuantizedTensor LayerBuilder::kernel(const RealTensor& tensor, const char* quantizer_key,
                                     const char* role) {
  if (auto rounded = by_hgq2(tensor, "kq_conf", "kq/", role)) return *std::move(rounded);
  const auto own = quantizer(quantizer_key, QuantizerRole::kernel);
  if (!own) {
    if (auto stored = already_quantized(tensor)) {
      describe(role, "float32, exact");
      return *std::move(stored);
    }
    return configured(tensor, role, "weight");
  }
  describe(role, own->text);
  return quantize_weights(*own, tensor);
}

// A model whose quantisers are layers of their own (an HGQ proxy) stores quantised kernels as
// float32: few bits over one binary point. Float32 numbers of training need far more.
std::optional<QuantizedTensor> LayerBuilder::already_quantized(const RealTensor& tensor) const {
  constexpr std::int64_t kMostMagnitude = std::int64_t{1} << 20;
  if (!quantized_model_ || is_configured("weight")) return std::nullopt;
  auto exact = exact_tensor(tensor.values, kMostExactFracBits);
  if (!exact || std::ranges::any_of(exact->mantissas, [](std::int64_t mantissa) {
        return std::abs(mantissa) >= kMostMagnitude;
      })) {
    return std::nullopt;
  }
  return exact;
}

QuantizedTensor LayerBuilder::bias(const RealTensor& tensor) {
  if (auto rounded = by_hgq2(tensor, "bq_conf", "bq/", "bias")) return *std::move(rounded);
  if (const auto own = quantizer("bias_quantizer", QuantizerRole::bias)) {
    describe("bias", own->text);
    return quantize_weights(*own, tensor);
  }
  const auto asked = precision_.of_layer(layer_.name, layer_.class_name, "bias");
  if (asked && !asked->is_auto) return in_format(tensor, *asked, "bias", "bias");
  if (!layer_.class_name.starts_with("Q") && precision_.of_model("bias")) {
    return configured(tensor, "bias", "bias");
  }
  if (auto exact = exact_tensor(tensor.values, kMostExactFracBits)) {
    describe("bias", "float32, exact");
    return *std::move(exact);
  }
  return configured(tensor, "bias", "bias");
}

// QKeras quantises the numbers of a QBatchNormalization, HGQ2 what follows from them.
std::vector<double> LayerBuilder::statistics(const char* name, const char* quantizer_key,
                                             std::int64_t channels) const {
  const RealTensor& stored = vector_weight(name, channels);
  if (layer_.class_name != "QBatchNormalization") return stored.values;
  const auto own = parse_quantizer(setting(quantizer_key), QuantizerRole::statistics);
  return own ? quantize_reals(*own, stored) : stored.values;
}

BatchNorm LayerBuilder::batch_norm(std::int64_t channels) const {
  BatchNorm norm;
  const auto size = static_cast<std::size_t>(channels);
  norm.mean = statistics("moving_mean", "mean_quantizer", channels);
  norm.variance = statistics("moving_variance", "variance_quantizer", channels);
  norm.gamma = flag_setting("scale", true) ? statistics("gamma", "gamma_quantizer", channels)
                                           : std::vector<double>(size, 1.0);
  const bool is_hgq2 = !setting("kq_conf").is_null();
  const bool has_beta = layer_.class_name != "QBatchNormDense";
  // Without a centre HGQ2 0.2 adds 1.
  const double no_beta = is_hgq2 && layer_.class_name == "QBatchNormalization" ? 1.0 : 0.0;
  norm.beta = has_beta && flag_setting("center", true)
                  ? statistics("beta", "beta_quantizer", channels)
                  : std::vector<double>(size, no_beta);
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

std::int64_t LayerBuilder::integer_setting(const char* key, std::int64_t fallback) const {
  const Json& value = setting(key);
  if (value.is_null()) return fallback;
  const auto number = as_integer(value);
  if (!number) {
    refuse(codes::kModelConfig, fmt::format("{}={} is not an integer", key, excerpt(value)));
  }
  return *number;
}

std::string LayerBuilder::text_setting(const char* key, std::string_view fallback) const {
  return string_or(layer_.config, key, fallback);
}

std::vector<std::int64_t> LayerBuilder::axes_setting(const char* key, std::size_t count,
                                                     std::int64_t fallback,
                                                     std::int64_t min) const {
  constexpr std::int64_t kMost = 1 << 20;
  const Json& value = setting(key);
  if (value.is_null()) return std::vector<std::int64_t>(count, fallback);
  std::vector<std::int64_t> result;
  for (std::size_t axis = 0; axis < count; ++axis) {
    if (value.is_array() && value.size() != count) break;
    const auto number = as_integer(value.is_array() ? value[axis] : value);
    if (!number || *number < min || *number > kMost) break;
    result.push_back(*number);
  }
  if (result.size() != count) {
    refuse(codes::kModelConfig, fmt::format("{}={} does not fit", key, excerpt(value)));
  }
  return result;
}

bool LayerBuilder::is_channels_first() const {
  return text_setting("data_format", "channels_last") == "channels_first";
}

PlannedOp& LayerBuilder::add(std::string_view suffix, AnyOp op) {
  const bool is_first =
      !plan_.join && std::ranges::find(plan_.ops, layer_.name, &PlannedOp::name) == plan_.ops.end();
  plan_.ops.push_back(
      {is_first ? layer_.name : fmt::format("{}_{}", layer_.name, suffix), std::move(op)});
  return plan_.ops.back();
}

PlannedOp& LayerBuilder::add_helper(std::string_view suffix, AnyOp op) {
  plan_.ops.push_back({fmt::format("{}_{}", layer_.name, suffix), std::move(op)});
  return plan_.ops.back();
}

PlannedOp& LayerBuilder::add_movement(std::string_view suffix, OpOfOperand op) {
  PlannedOp& planned = add_helper(suffix, std::move(op));
  planned.moves_only = true;
  return planned;
}

bool LayerBuilder::is_configured(const char* variable) const {
  return precision_.of_layer(layer_.name, layer_.class_name, variable).has_value();
}

}  // namespace sluice::frontend
