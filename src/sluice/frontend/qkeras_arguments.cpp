#include "sluice/frontend/qkeras_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/qkeras_quantizer.hpp"
#include "sluice/frontend/quantizer_expression.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

namespace {

// The arguments in the order of the constructors of QKeras 0.9.
constexpr std::array<std::string_view, 11> kBitsParameters{
    "bits",          "integer",       "symmetric",
    "keep_negative", "alpha",         "use_stochastic_rounding",
    "scale_axis",    "qnoise_factor", "var_name",
    "use_ste",       "use_variables"};
constexpr std::array<std::string_view, 11> kReluParameters{"bits",
                                                           "integer",
                                                           "use_sigmoid",
                                                           "negative_slope",
                                                           "use_stochastic_rounding",
                                                           "relu_upper_bound",
                                                           "is_quantized_clip",
                                                           "qnoise_factor",
                                                           "var_name",
                                                           "use_ste",
                                                           "use_variables"};

constexpr std::array<std::string_view, 4> kTanhParameters{"bits", "use_stochastic_rounding",
                                                          "symmetric", "use_real_tanh"};
constexpr std::array<std::string_view, 4> kSigmoidParameters{
    "bits", "symmetric", "use_real_sigmoid", "use_stochastic_rounding"};
constexpr std::array<std::string_view, 3> kBinaryParameters{"use_01", "alpha",
                                                            "use_stochastic_rounding"};
constexpr std::array<std::string_view, 4> kTernaryParameters{
    "alpha", "threshold", "use_stochastic_rounding", "number_of_unrolls"};
constexpr std::array<std::string_view, 9> kPo2Parameters{"bits",
                                                         "max_value",
                                                         "use_stochastic_rounding",
                                                         "quadratic_approximation",
                                                         "log2_rounding",
                                                         "qnoise_factor",
                                                         "var_name",
                                                         "use_ste",
                                                         "use_variables"};

constexpr std::array<std::string_view, 12> kHswishParameters{
    "bits",       "integer",         "symmetric", "alpha",   "use_stochastic_rounding",
    "scale_axis", "qnoise_factor",   "var_name",  "use_ste", "use_variables",
    "relu_shift", "relu_upper_bound"};
constexpr std::array<std::string_view, 10> kReluPo2Parameters{"bits",
                                                              "max_value",
                                                              "negative_slope",
                                                              "use_stochastic_rounding",
                                                              "quadratic_approximation",
                                                              "log2_rounding",
                                                              "qnoise_factor",
                                                              "var_name",
                                                              "use_ste",
                                                              "use_variables"};
// At inference these two are binary and ternary.
constexpr std::array<std::string_view, 3> kStochasticBinaryParameters{"alpha", "temperature",
                                                                      "use_real_sigmoid"};
constexpr std::array<std::string_view, 5> kStochasticTernaryParameters{
    "alpha", "threshold", "temperature", "use_real_sigmoid", "number_of_unrolls"};

struct KnownClass {
  std::string_view name;
  QuantizerClass kind;
  std::span<const std::string_view> parameters;
};
constexpr std::array<KnownClass, 12> kKnownClasses{{
    {"quantized_bits", QuantizerClass::bits, kBitsParameters},
    {"quantized_linear", QuantizerClass::linear, kBitsParameters},
    {"quantized_relu", QuantizerClass::relu, kReluParameters},
    {"quantized_tanh", QuantizerClass::tanh, kTanhParameters},
    {"quantized_sigmoid", QuantizerClass::sigmoid, kSigmoidParameters},
    {"binary", QuantizerClass::binary, kBinaryParameters},
    {"ternary", QuantizerClass::ternary, kTernaryParameters},
    {"quantized_po2", QuantizerClass::po2, kPo2Parameters},
    {"quantized_relu_po2", QuantizerClass::relu_po2, kReluPo2Parameters},
    {"quantized_hswish", QuantizerClass::hswish, kHswishParameters},
    {"stochastic_binary", QuantizerClass::binary, kStochasticBinaryParameters},
    {"stochastic_ternary", QuantizerClass::ternary, kStochasticTernaryParameters},
}};

const KnownClass& known_class(std::string_view name) {
  const auto* const found = std::ranges::find(kKnownClasses, name, &KnownClass::name);
  if (found != kKnownClasses.end()) return *found;
  if (name == "bernoulli") {
    refuse(codes::kQuantizer, "quantizer `bernoulli` draws random numbers at inference",
           "use binary");
  }
  if (name == "quantized_ulaw") {
    refuse(codes::kQuantizer,
           "quantizer `quantized_ulaw` gives logarithms, which no fixed-point number holds",
           "use quantized_bits");
  }
  refuse(codes::kQuantizer, fmt::format("quantizer `{}` is not supported", shortened(name)),
         "quantized_bits, quantized_linear, quantized_relu, quantized_tanh, quantized_sigmoid, "
         "quantized_hswish, quantized_po2, quantized_relu_po2, binary and ternary are read");
}

std::string class_of(const Json& value) {
  if (value.is_string()) return parse_call_expression(value.get<std::string>()).function;
  std::string class_name = string_or(value, "class_name", "");
  if (class_name.empty()) {
    refuse(codes::kQuantizer, fmt::format("{} is not a quantizer", excerpt(value)),
           "quantized_bits(6,0,alpha=1) or quantized_relu(6,0), for example");
  }
  return class_name;
}

std::map<std::string, Json> values_of(const KnownClass& known, const CallExpression& call) {
  std::map<std::string, Json> values;
  if (call.positional.size() > known.parameters.size()) {
    refuse(codes::kQuantizer,
           fmt::format("{} has {} arguments", known.name, call.positional.size()));
  }
  for (std::size_t i = 0; i < call.positional.size(); ++i) {
    values[std::string(known.parameters[i])] = call.positional[i];
  }
  for (const auto& [name, argument] : call.keywords) {
    if (!values.emplace(name, argument).second) {
      refuse(codes::kQuantizer, fmt::format("{} has {} twice", known.name, shortened(name)));
    }
  }
  return values;
}

}  // namespace

bool is_known_quantizer(std::string_view class_name) noexcept {
  return std::ranges::find(kKnownClasses, class_name, &KnownClass::name) != kKnownClasses.end();
}

QuantizerArguments::QuantizerArguments(const Json& value) {
  const KnownClass& known = known_class(class_of(value));
  kind_ = known.kind;
  class_name_ = known.name;
  if (value.is_string()) {
    values_ = values_of(known, parse_call_expression(value.get<std::string>()));
  } else if (const Json* const config = find(value, "config"); config != nullptr) {
    if (!config->is_object()) {
      refuse(codes::kQuantizer, fmt::format("{} has no settings", class_name_));
    }
    for (const auto& [key, argument] : config->items()) values_[key] = argument;
  }
}

Json QuantizerArguments::any(const char* name, Json fallback) {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  Json value = std::move(found->second);
  values_.erase(found);
  return value;
}

void QuantizerArguments::expect_no_more() const {
  for (const auto& [name, value] : values_) {
    if (!value.is_null()) {
      refuse(codes::kQuantizer,
             fmt::format("{} has an unknown setting {}={}", class_name_, shortened(name),
                         excerpt(value)),
             "leave the setting out");
    }
  }
}

void QuantizerArguments::refuse_value(const char* name, const Json& value,
                                      const char* expected) const {
  refuse(codes::kQuantizer,
         fmt::format("{}: {}={} is not {}", class_name_, name, excerpt(value), expected));
}

}  // namespace sluice::frontend
