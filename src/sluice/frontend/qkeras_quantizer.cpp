#include "sluice/frontend/qkeras_quantizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "sluice/base/error.hpp"
#include "sluice/fixed/convert.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/qkeras_arguments.hpp"

namespace sluice::frontend {

namespace {

constexpr int kMostBits = 48;
constexpr int kLargestExponent = 256;

[[noreturn]] void refuse(std::string message, std::string hint = {}) {
  throw ModelError(codes::kQuantizer, "", std::move(message), std::move(hint));
}

int power_of_two_exponent(double scale, std::string_view what) {
  int exponent = 0;
  if (!(scale > 0) || std::frexp(scale, &exponent) != 0.5 ||
      std::abs(exponent) > kLargestExponent) {
    refuse(fmt::format("{}={} is not a power of two, so that no fixed-point number holds its "
                       "products exactly",
                       what, scale),
           "train with alpha=1, a power of two, or 'auto_po2'");
  }
  return exponent - 1;
}

void collect_numbers(const Json& value, std::vector<double>& into) {
  constexpr std::size_t kMostScales = 1 << 16;
  if (value.is_array()) {
    for (const Json& element : value) collect_numbers(element, into);
  } else if (const auto number = as_number(value); number && into.size() < kMostScales) {
    into.push_back(*number);
  } else {
    refuse(fmt::format("alpha holds {}, which is not a number", excerpt(value)));
  }
}

// Keras writes arrays as plain lists, or as objects that hold the list.
const Json& array_value(const Json& alpha) {
  const std::string class_name = string_or(alpha, "class_name", "");
  if (class_name == "__numpy__" || class_name == "__tensor__") {
    if (const Json* const config = find(alpha, "config"); config != nullptr) {
      if (const Json* const value = find(*config, "value"); value != nullptr) return *value;
    }
  }
  return alpha;
}

// QKeras multiplies by the float32 number, which is an odd integer times a power of two.
void add_scale(double scale, QkerasQuantizer& into) {
  constexpr int kFloatBits = 24;
  int exponent = 0;
  const double fraction = std::frexp(static_cast<double>(static_cast<float>(scale)), &exponent);
  if (!(scale > 0) || !(fraction > 0) || std::abs(exponent) > kLargestExponent) {
    refuse(fmt::format("alpha={} is no scale", scale), "train with positive scales");
  }
  auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, kFloatBits));
  exponent -= kFloatBits;
  for (; mantissa % 2 == 0; mantissa /= 2) ++exponent;
  into.scale_mantissas.push_back(mantissa);
  into.scale_exponents.push_back(exponent);
}

// Whether alpha asks for a search: a kernel's None becomes 'auto_po2' in QKeras.
bool is_auto_po2(const Json& alpha, QuantizerRole role) {
  if (alpha != "auto_po2" && !(alpha.is_null() && role == QuantizerRole::kernel)) return false;
  if (role == QuantizerRole::activation) {
    refuse("alpha='auto_po2' of an activation takes its scale from each batch of data",
           "give a fixed scale, alpha=1 for example");
  }
  return true;
}

void read_fixed_alpha(const Json& alpha, QkerasQuantizer& into) {
  if (alpha.is_null()) return;
  if (alpha.is_string()) {
    refuse(fmt::format("alpha='{}' takes its scales from float32 sums over the weights, which "
                       "another order of the sums changes",
                       shortened(alpha.get<std::string>())),
           "train with alpha='auto_po2' or a number");
  }
  std::vector<double> scales;
  collect_numbers(array_value(alpha), scales);
  if (scales.empty()) refuse("alpha is empty");
  into.scale_exponents.clear();
  for (const double scale : scales) add_scale(scale, into);
  if (std::ranges::all_of(into.scale_mantissas, [](std::int64_t m) { return m == 1; })) {
    into.scale_mantissas.clear();
  }
}

int checked_int(std::int64_t value, std::int64_t min, std::int64_t max, std::string_view class_name,
                const char* name) {
  if (value < min || value > max) {
    refuse(fmt::format("{}: {}={} is not from {} to {}", class_name, name, value, min, max));
  }
  return static_cast<int>(value);
}

void read_common(QuantizerArguments& arguments, QkerasQuantizer& into) {
  if (const double noise = arguments.number("qnoise_factor", 1.0); noise != 1.0) {
    refuse(fmt::format("{}: qnoise_factor={} mixes quantised and unquantised values",
                       arguments.class_name(), noise),
           "finish training with qnoise_factor=1");
  }
  if (arguments.flag("use_stochastic_rounding", false)) {
    into.notes.push_back(
        "use_stochastic_rounding acts in training only; inference rounds to "
        "nearest, ties to even");
  }
  for (const char* const ignored :
       {"scale_axis", "var_name", "use_ste", "use_variables", "temperature", "use_real_sigmoid"}) {
    arguments.any(ignored, nullptr);
  }
  arguments.expect_no_more();
}

// The scale axis must be the last, or the search for scales runs along another one.
void check_scale_axis(QuantizerArguments& arguments, bool is_auto) {
  const Json axis = arguments.any("scale_axis", nullptr);
  if (is_auto && !axis.is_null() && axis != -1 && axis != 1) {
    refuse(fmt::format("alpha='auto_po2' with scale_axis={} is not supported", excerpt(axis)),
           "leave scale_axis out: one scale per output");
  }
}

/// -1, 0 and 1.
constexpr fixed::Quantizer kWholeNumbers{
    {2, 0, true}, fixed::Rounding::rnd_conv, fixed::Overflow::sat};

QkerasQuantizer read_bits(QuantizerArguments arguments, QuantizerClass kind, QuantizerRole role) {
  const bool is_linear = kind == QuantizerClass::linear;
  QkerasQuantizer result;
  const std::string_view name = arguments.class_name();
  const int bits = checked_int(arguments.integer("bits", 8), 1, kMostBits, name, "bits");
  const int integer = checked_int(arguments.integer("integer", 0), -kLargestExponent,
                                  kLargestExponent, name, "integer");
  const bool symmetric = arguments.flag("symmetric", is_linear);
  const bool keep_negative = arguments.flag("keep_negative", true);
  const Json alpha = arguments.any("alpha", is_linear ? Json(1) : Json(nullptr));
  const bool is_auto = is_auto_po2(alpha, role);
  if (!is_auto) read_fixed_alpha(alpha, result);
  check_scale_axis(arguments, is_auto);
  read_common(arguments, result);
  const bool is_sign = bits == 1 && keep_negative;
  if (is_linear && (is_auto || is_sign)) {
    refuse("quantized_linear with one bit or alpha='auto_po2' is not supported",
           "use quantized_bits, or alpha=1 and at least 2 bits");
  }
  if (is_auto && (bits < 2 || !keep_negative)) {
    refuse("alpha='auto_po2' needs at least 2 bits and keep_negative=True",
           "give a fixed scale, alpha=1 for example");
  }
  if (is_auto) {
    result.auto_po2 = [bits, integer](const RealTensor& weights) {
      return quantize_auto_po2(weights, bits, integer);
    };
  }
  if (is_sign) {
    result.function = sign_function();
    result.quantizer = kWholeNumbers;
  } else {
    result.quantizer = fixed::from_qkeras_bits(bits, integer, keep_negative, symmetric);
  }
  result.text = fmt::format("{}({},{}{}{}{})", name, bits, integer, symmetric ? ",symmetric" : "",
                            keep_negative ? "" : ",keep_negative=False",
                            alpha.is_null() ? "" : ",alpha=" + excerpt(alpha));
  return result;
}

QkerasQuantizer read_relu(QuantizerArguments arguments) {
  QkerasQuantizer result;
  const std::string_view name = arguments.class_name();
  const int bits = checked_int(arguments.integer("bits", 8), 1, kMostBits, name, "bits");
  const int integer = checked_int(arguments.integer("integer", 0), -kLargestExponent,
                                  kLargestExponent, name, "integer");
  if (arguments.flag("use_sigmoid", false)) {
    refuse("quantized_relu with use_sigmoid is not supported", "use use_sigmoid=0");
  }
  result.negative_slope = arguments.number("negative_slope", 0.0);
  const double bound =
      arguments.number("relu_upper_bound", std::numeric_limits<double>::infinity());
  const bool is_quantized_clip = arguments.flag("is_quantized_clip", true);
  read_common(arguments, result);
  const bool is_leaky = result.negative_slope != 0.0;
  if (is_leaky) {
    const int slope_exponent = power_of_two_exponent(result.negative_slope, "negative_slope");
    if (slope_exponent > 0 || slope_exponent < 1 - bits) {
      refuse(fmt::format("{}: negative_slope={} is not supported", name, result.negative_slope),
             "use a slope from one step of the quantizer to 1");
    }
    result.quantizer = fixed::from_qkeras_bits(bits, integer, true, false);
    result.lower_bound = -std::ldexp(result.negative_slope, integer);
  } else {
    result.quantizer = fixed::from_qkeras_relu(bits, integer);
  }
  const double largest =
      std::ldexp(1.0, integer) - std::ldexp(1.0, integer - bits + (is_leaky ? 1 : 0));
  // QKeras takes a bound of 0 for none.
  if (bound != 0.0 && bound < largest) {
    if (is_quantized_clip) {
      result.notes.push_back(
          fmt::format("relu_upper_bound={} has no effect while is_quantized_clip is true (the "
                      "default, and QKeras 0.9 does not save the setting)",
                      bound));
    } else {
      result.upper_bound = bound;
    }
  }
  result.text =
      fmt::format("quantized_relu({},{}{}{})", bits, integer,
                  is_leaky ? fmt::format(",negative_slope={}", result.negative_slope) : "",
                  result.upper_bound ? fmt::format(",relu_upper_bound={}", bound) : "");
  return result;
}

QkerasQuantizer read_tanh(QuantizerArguments arguments) {
  QkerasQuantizer result;
  const int bits =
      checked_int(arguments.integer("bits", 8), 2, kMostBits, arguments.class_name(), "bits");
  const bool symmetric = arguments.flag("symmetric", false);
  const bool is_real = arguments.flag("use_real_tanh", false);
  read_common(arguments, result);
  // Without use_real_tanh it is 2 * hard_sigmoid(x) - 1: x, clipped to [-1, 1].
  if (is_real) result.function = unary_function("tanh");
  result.quantizer = fixed::from_qkeras_bits(bits, 0, true, symmetric);
  result.text = fmt::format("quantized_tanh({}{}{})", bits, symmetric ? ",symmetric" : "",
                            is_real ? ",use_real_tanh" : "");
  return result;
}

QkerasQuantizer read_sigmoid(QuantizerArguments arguments) {
  QkerasQuantizer result;
  const int bits =
      checked_int(arguments.integer("bits", 8), 1, kMostBits, arguments.class_name(), "bits");
  const bool symmetric = arguments.flag("symmetric", false);
  const bool is_real = arguments.flag("use_real_sigmoid", false);
  read_common(arguments, result);
  if (is_real) {
    result.function = unary_function("sigmoid");
  } else {
    result.halves = true;
  }
  result.quantizer = fixed::from_qkeras_relu(bits, 0);
  if (symmetric) result.lower_bound = std::ldexp(1.0, -bits);
  result.text = fmt::format("quantized_sigmoid({}{}{})", bits, symmetric ? ",symmetric" : "",
                            is_real ? ",use_real_sigmoid" : "");
  return result;
}

// The stochastic quantisers search in a way of their own.
bool is_searched(const QuantizerArguments& arguments, const Json& alpha, QuantizerRole role) {
  if (!is_auto_po2(alpha, role)) return false;
  if (arguments.class_name().starts_with("stochastic_") || role != QuantizerRole::kernel) {
    refuse(fmt::format("{} with alpha='auto_po2' (what a kernel quantizer without alpha gets) is "
                       "not supported here",
                       arguments.class_name()),
           "give a fixed scale, alpha=1 for example");
  }
  return true;
}

QkerasQuantizer read_binary(QuantizerArguments arguments, QuantizerRole role) {
  QkerasQuantizer result;
  const Json alpha = arguments.any("alpha", nullptr);
  const bool use_01 = arguments.flag("use_01", false);
  if (is_searched(arguments, alpha, role)) {
    result.auto_po2 = [use_01](const RealTensor& weights) {
      return binary_auto_po2(weights, use_01);
    };
  } else {
    read_fixed_alpha(alpha, result);
  }
  read_common(arguments, result);
  result.function = use_01 ? step_function() : sign_function();
  result.quantizer = kWholeNumbers;
  result.text = fmt::format("binary{}{}", use_01 ? "(use_01)" : "",
                            result.auto_po2 ? " alpha='auto_po2'" : "");
  return result;
}

QkerasQuantizer read_ternary(QuantizerArguments arguments, QuantizerRole role) {
  QkerasQuantizer result;
  const Json alpha = arguments.any("alpha", nullptr);
  const Json threshold = arguments.any("threshold", nullptr);
  constexpr int kUsualRounds = 5;
  constexpr int kMostRounds = 100;
  const int rounds = checked_int(arguments.integer("number_of_unrolls", kUsualRounds), 1,
                                 kMostRounds, arguments.class_name(), "number_of_unrolls");
  constexpr double kDefaultThreshold = 0.33;
  const auto fixed_threshold = threshold.is_null() ? kDefaultThreshold : as_number(threshold);
  if (!fixed_threshold) refuse(fmt::format("threshold={} is not a number", excerpt(threshold)));
  const bool is_auto = is_searched(arguments, alpha, role);
  if (is_auto && !threshold.is_null()) {
    refuse("ternary has a threshold, and alpha='auto_po2' which searches for one",
           "leave out the threshold, or give a fixed scale, alpha=1 for example");
  }
  if (is_auto) {
    result.auto_po2 = [rounds](const RealTensor& weights) {
      return ternary_auto_po2(weights, rounds);
    };
  } else {
    read_fixed_alpha(alpha, result);
  }
  read_common(arguments, result);
  result.function = dead_zone_function(*fixed_threshold);
  result.quantizer = kWholeNumbers;
  result.text =
      is_auto ? "ternary alpha='auto_po2'" : fmt::format("ternary(threshold={})", *fixed_threshold);
  return result;
}

QkerasQuantizer read_po2(QuantizerArguments arguments, bool rectifies, QuantizerRole role) {
  QkerasQuantizer result;
  const std::string_view name = arguments.class_name();
  constexpr int kMostExponentBits = 8;
  const int bits =
      checked_int(arguments.integer("bits", 8), rectifies ? 1 : 2, kMostExponentBits, name, "bits");
  PowersOfTwo powers;
  powers.max_value = arguments.number("max_value", 0.0);
  powers.rectifies = rectifies;
  if (rectifies) powers.negative_slope = arguments.number("negative_slope", 0.0);
  powers.even = arguments.flag("quadratic_approximation", false);
  if (arguments.any("log2_rounding", "rnd") != "rnd") {
    refuse(fmt::format("{} with log2_rounding='floor' rounds float32 logarithms of powers of two, "
                       "which lie on the border",
                       name),
           "use log2_rounding='rnd'");
  }
  read_common(arguments, result);
  const bool has_exponent_sign = !(powers.max_value > 0 && powers.max_value <= 1);
  const int range = 1 << std::max(bits - (rectifies ? 0 : 1) - (has_exponent_sign ? 1 : 0), 0);
  powers.least = -range;
  powers.most = powers.even ? (range - 1) / 2 * 2 : range - 1;
  const int step = powers.even ? 2 : 1;
  constexpr int kMostRange = 24;
  result.is_power_of_two = true;
  result.function = power_of_two_function(powers);
  result.text =
      fmt::format("{}({}{}{})", name, bits,
                  powers.max_value > 0 ? fmt::format(",max_value={}", powers.max_value) : "",
                  powers.even ? ",quadratic_approximation" : "");
  if (role == QuantizerRole::statistics) return result;
  if (step * range > kMostRange) {
    refuse(fmt::format("{}({}) spans 2^{} to 2^{}", name, bits, step * powers.least,
                       step * powers.most),
           "use fewer bits, or max_value=1");
  }
  const int least = powers.even ? step * powers.least : powers.least;
  result.quantizer = {{step * powers.most - least + 2, -least, true},
                      fixed::Rounding::rnd_conv,
                      fixed::Overflow::sat};
  return result;
}

QkerasQuantizer read_hswish(QuantizerArguments arguments, QuantizerRole role) {
  const double shift = arguments.number("relu_shift", 3);
  const double bound = arguments.number("relu_upper_bound", 6);
  if (!(shift > 0 && bound > 0)) {
    refuse(fmt::format("quantized_hswish: relu_shift={} or relu_upper_bound={} is not positive",
                       shift, bound));
  }
  QkerasQuantizer result = read_bits(std::move(arguments), QuantizerClass::bits, role);
  if (result.function || role != QuantizerRole::activation) {
    refuse("quantized_hswish is for activations of at least 2 bits", "use quantized_bits");
  }
  result.function = hard_swish_function(shift, bound);
  return result;
}

}  // namespace

std::optional<QkerasQuantizer> parse_quantizer(const Json& value, QuantizerRole role) {
  if (value.is_null()) return std::nullopt;
  QuantizerArguments arguments(value);
  const QuantizerClass kind = arguments.kind();
  switch (kind) {
    case QuantizerClass::bits:
    case QuantizerClass::linear:
      return read_bits(std::move(arguments), kind, role);
    case QuantizerClass::relu:
      return read_relu(std::move(arguments));
    case QuantizerClass::tanh:
      return read_tanh(std::move(arguments));
    case QuantizerClass::sigmoid:
      return read_sigmoid(std::move(arguments));
    case QuantizerClass::binary:
      return read_binary(std::move(arguments), role);
    case QuantizerClass::ternary:
      return read_ternary(std::move(arguments), role);
    case QuantizerClass::po2:
      return read_po2(std::move(arguments), false, role);
    case QuantizerClass::relu_po2:
      return read_po2(std::move(arguments), true, role);
    case QuantizerClass::hswish:
      return read_hswish(std::move(arguments), role);
  }
  return std::nullopt;
}

}  // namespace sluice::frontend
