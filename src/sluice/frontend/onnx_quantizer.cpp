#include "sluice/frontend/onnx_quantizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/onnx_constants.hpp"

namespace sluice::frontend {

namespace {

constexpr int kMostBits = 32;

[[noreturn]] void refuse(std::string message, std::string hint = {}) {
  throw ModelError(codes::kQuantizer, "", std::move(message), std::move(hint));
}

const OnnxTensor& parameter(std::span<const OnnxTensor* const> inputs, std::size_t i,
                            const char* what) {
  if (i >= inputs.size() || inputs[i] == nullptr) {
    refuse(fmt::format("its {} is missing", what));
  }
  return *inputs[i];
}

int bit_width(const OnnxTensor& tensor) {
  const double bits = only_number(tensor, "bit width");
  if (bits != std::trunc(bits) || bits < 1 || bits > kMostBits) {
    refuse(fmt::format("its bit width {} is not an integer from 1 to {}", bits, kMostBits));
  }
  return static_cast<int>(bits);
}

double whole_number(const OnnxTensor& tensor, const char* what) {
  constexpr double kLargest = 0x1p31;
  const double value = only_number(tensor, what);
  if (value != std::trunc(value) || std::abs(value) > kLargest) {
    refuse(fmt::format("its {} {} is not an integer", what, value),
           "export with integer zero points");
  }
  return value;
}

OnnxTensor checked_scale(const OnnxTensor& scale) {
  for (const double value : scale.values) {
    if (!(value > 0) || !std::isfinite(value)) {
      refuse(fmt::format("its scale holds {}, expected a positive number", value));
    }
  }
  if (scale.values.empty()) refuse("its scale is empty");
  return scale;
}

OnnxTensor times(OnnxTensor tensor, double factor) {
  for (double& value : tensor.values) value *= factor;
  return tensor;
}

fixed::IntegerRounding rounding_mode(const OnnxNode& node, const char* fallback) {
  std::string mode = node.attribute<std::string>("rounding_mode", fallback);
  for (char& letter : mode) {
    letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  static constexpr std::pair<std::string_view, fixed::IntegerRounding> kModes[] = {
      {"ROUND", fixed::IntegerRounding::half_even},
      {"HALF_EVEN", fixed::IntegerRounding::half_even},
      {"FLOOR", fixed::IntegerRounding::floor},
      {"CEIL", fixed::IntegerRounding::ceil},
      {"DOWN", fixed::IntegerRounding::towards_zero},
      {"ROUND_TO_ZERO", fixed::IntegerRounding::towards_zero},
      {"UP", fixed::IntegerRounding::away_from_zero},
      {"HALF_UP", fixed::IntegerRounding::half_away},
      {"HALF_DOWN", fixed::IntegerRounding::half_towards},
  };
  for (const auto& [name, rounding] : kModes) {
    if (mode == name) return rounding;
  }
  refuse(fmt::format("rounding_mode `{}` is not known", mode), "use ROUND, FLOOR or CEIL");
}

void set_range(OnnxQuantizer& quantizer, int bits, bool is_signed, bool narrow) {
  const std::int64_t count = std::int64_t{1} << bits;
  quantizer.min = is_signed ? -count / 2 + (narrow ? 1 : 0) : 0;
  quantizer.max = is_signed ? count / 2 - 1 : count - 1 - (narrow ? 1 : 0);
}

// +1 where x >= 0, else -1, with y = 0 for the second.
void make_bipolar(OnnxQuantizer& quantizer) {
  quantizer.rounding = fixed::IntegerRounding::floor;
  quantizer.before += 1;
  quantizer.after = (quantizer.after - 1) / 2;
  quantizer.step = times(quantizer.step, 2);
  quantizer.min = 0;
  quantizer.max = 1;
}

OnnxQuantizer read_quant(const OnnxNode& node, std::span<const OnnxTensor* const> inputs) {
  OnnxQuantizer result;
  result.scale = checked_scale(parameter(inputs, 1, "scale"));
  result.step = result.scale;
  result.before = whole_number(parameter(inputs, 2, "zero point"), "zero point");
  result.after = -result.before;
  const int bits = bit_width(parameter(inputs, 3, "bit width"));
  const bool is_signed = node.attribute<std::int64_t>("signed", 1) != 0;
  if (bits == 1 && is_signed) {
    make_bipolar(result);
    return result;
  }
  set_range(result, bits, is_signed, node.attribute<std::int64_t>("narrow", 0) != 0);
  result.rounding = rounding_mode(node, "ROUND");
  return result;
}

OnnxQuantizer read_bipolar(std::span<const OnnxTensor* const> inputs) {
  OnnxQuantizer result;
  result.scale = checked_scale(parameter(inputs, 1, "scale"));
  result.step = result.scale;
  make_bipolar(result);
  return result;
}

// Inputs: x, scale, zero point, input bits, then output bits, or output scale, zero point and bits.
OnnxQuantizer read_trunc(const OnnxNode& node, std::span<const OnnxTensor* const> inputs) {
  constexpr std::int64_t kUnlimited = std::int64_t{1} << 40;
  OnnxQuantizer result;
  result.scale = checked_scale(parameter(inputs, 1, "scale"));
  result.step = result.scale;
  result.before = whole_number(parameter(inputs, 2, "zero point"), "zero point");
  result.rounding = rounding_mode(node, "FLOOR");
  result.min = -kUnlimited;
  result.max = kUnlimited;
  if (inputs.size() < 6) {
    result.after = -result.before;
    result.dropped_bits = bit_width(parameter(inputs, 3, "input bit width")) -
                          bit_width(parameter(inputs, 4, "output bit width"));
  } else {
    const double scale = only_number(result.scale, "scale");
    result.step = checked_scale(parameter(inputs, 4, "output scale"));
    const double ratio = std::round(std::log2(only_number(result.step, "output scale") / scale));
    result.dropped_bits = static_cast<int>(std::clamp(ratio, -64.0, 64.0));
    result.after = -std::ldexp(result.before, -result.dropped_bits);
    set_range(result, bit_width(parameter(inputs, 6, "output bit width")),
              node.attribute<std::int64_t>("signed", 1) != 0,
              node.attribute<std::int64_t>("narrow", 0) != 0);
  }
  if (result.dropped_bits < 0 || result.dropped_bits > kMostBits) {
    refuse(fmt::format("drops {} bits", result.dropped_bits));
  }
  return result;
}

// Rounds before it adds the zero point, and keeps it in the result.
OnnxQuantizer read_quantize_linear(const OnnxNode& node, std::span<const OnnxTensor* const> inputs,
                                   std::size_t rank) {
  OnnxQuantizer result;
  result.scale = checked_scale(parameter(inputs, 1, "scale"));
  result.step = result.scale;
  std::ranges::fill(result.step.values, 1.0);
  int bits = 8;
  bool is_signed = false;
  if (inputs.size() > 2 && inputs[2] != nullptr) {
    result.after = whole_number(*inputs[2], "zero point");
    bits = inputs[2]->bits;
    is_signed = inputs[2]->type == OnnxTensor::Type::signed_int;
    if (bits > kMostBits || !inputs[2]->is_integer()) refuse("its zero point is no small integer");
  }
  set_range(result, bits, is_signed, false);
  result.min -= static_cast<std::int64_t>(result.after);
  result.max -= static_cast<std::int64_t>(result.after);
  if (result.scale.values.size() > 1) {
    result.scale.shape = along_axis(result.scale, node.attribute<std::int64_t>("axis", 1), rank);
    result.step.shape = result.scale.shape;
  }
  return result;
}

}  // namespace

bool is_onnx_quantizer(const OnnxNode& node) noexcept {
  for (const char* const name : {"Quant", "IntQuant", "BipolarQuant", "Trunc"}) {
    if (!node.domain.empty() && node.op_type == name) return true;
  }
  return node.domain.empty() && node.op_type == "QuantizeLinear";
}

OnnxQuantizer read_onnx_quantizer(const OnnxNode& node, std::span<const OnnxTensor* const> inputs,
                                  std::size_t rank) {
  OnnxQuantizer result = node.op_type == "BipolarQuant" ? read_bipolar(inputs)
                         : node.op_type == "Trunc"      ? read_trunc(node, inputs)
                         : node.op_type == "QuantizeLinear"
                             ? read_quantize_linear(node, inputs, rank)
                             : read_quant(node, inputs);
  const bool uniform = std::ranges::all_of(
      result.scale.values, [&](double value) { return value == result.scale.values.front(); });
  result.text = fmt::format("{} {}..{}, scale {}", node.op_type, result.min, result.max,
                            uniform ? fmt::format("{}", result.scale.values.front())
                                    : fmt::format("of {} channels", result.scale.values.size()));
  return result;
}

OnnxTensor quantize_constant(const OnnxTensor& x, const OnnxQuantizer& quantizer) {
  const bool in_float32 = x.type == OnnxTensor::Type::float32;
  const auto level_of = [&](double value, double scale) {
    double quotient = value / scale;
    if (in_float32) {
      quotient = static_cast<double>(static_cast<float>(value) / static_cast<float>(scale));
    }
    quotient += quantizer.before;
    if (std::isnan(quotient)) refuse("a value over its scale is not a number");
    // Far outside of every range of levels, and finite.
    Rational level = exact(std::clamp(quotient, -0x1p62, 0x1p62));
    if (quantizer.dropped_bits != 0) {
      level = Rational(round_to_integer(level, fixed::IntegerRounding::half_even)) /
              Rational(mpz_class(1) << static_cast<unsigned>(quantizer.dropped_bits));
    }
    return std::clamp(round_to_integer(level, quantizer.rounding).get_d(),
                      static_cast<double>(quantizer.min), static_cast<double>(quantizer.max)) +
           quantizer.after;
  };
  const OnnxTensor levels = combine(x, quantizer.scale, level_of);
  return combine(levels, quantizer.step, [](double a, double b) { return a * b; });
}

double only_number(const OnnxTensor& tensor, const char* what) {
  if (tensor.values.empty() || std::ranges::any_of(tensor.values, [&](double value) {
        return value != tensor.values.front();
      })) {
    refuse(fmt::format("its {} is not one number", what));
  }
  return tensor.values.front();
}

}  // namespace sluice::frontend
