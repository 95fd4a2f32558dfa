#include "sluice/frontend/hgq2_quantizer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/fixed/convert.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

namespace {

const Json& settings(const Json& config) {
  const Json* const inner = find(config, "config");
  return inner == nullptr ? config : *inner;
}

// Trained numbers of bits; HGQ2 rounds them to nearest, ties to even.
int bits(double value) {
  constexpr double kMost = 64;
  if (!(std::abs(value) <= kMost)) {
    refuse(codes::kQuantizer, fmt::format("has {} bits, expected up to {}", value, kMost));
  }
  return static_cast<int>(std::nearbyint(value));
}

const RealTensor& variable(const LayerWeights& variables, const std::string& part, int i) {
  const auto found = variables.find(fmt::format("{}quantizer/vars/{}", part, i));
  if (found == variables.end() || found->second.values.empty()) {
    refuse(codes::kWeights,
           fmt::format("`{}quantizer/vars/{}` is missing from the weights", part, i));
  }
  return found->second;
}

// Keras stores trainable variables first, then the others, each in the order of their making.
struct Variables {
  const RealTensor& sign;
  const RealTensor& integer;
  const RealTensor& other;  // bits in all, or fractional bits
};
Variables find_variables(const LayerWeights& variables, const std::string& part, bool is_kif,
                         bool wraps) {
  const auto at = [&](int i) -> const RealTensor& { return variable(variables, part, i); };
  if (wraps) return {at(1), at(2), at(0)};
  return is_kif ? Variables{at(2), at(0), at(1)} : Variables{at(2), at(1), at(0)};
}

}  // namespace

bool is_hgq2_quantizer(const Json& config) {
  const std::string type = string_or(settings(config), "q_type", "");
  return !type.empty() && type != "dummy";
}

ElementQuantizers read_hgq2_quantizer(const Json& config, const LayerWeights& variables,
                                      const std::string& part) {
  const Json& values = settings(config);
  const std::string type = string_or(values, "q_type", "");
  if (type != "kif" && type != "kbi") {
    refuse(codes::kQuantizer, fmt::format("quantizer type `{}` is not supported", shortened(type)),
           "use q_type kif or kbi");
  }
  for (const char* const key : {"scaler", "affine"}) {
    if (const Json* const value = find(values, key); value != nullptr && !value->is_null()) {
      refuse(codes::kQuantizer, fmt::format("{}={} is not supported", key, excerpt(*value)),
             "leave it out");
    }
  }
  fixed::Quantizer common;
  std::string rounding = string_or(values, "round_mode", "");
  if (rounding.starts_with("S_")) rounding.erase(0, 2);  // stochastic in training only
  common.rounding = fixed::parse_rounding(rounding);
  common.overflow = fixed::parse_overflow(string_or(values, "overflow_mode", ""));
  const bool is_kif = type == "kif";
  const auto [sign, integer, other] =
      find_variables(variables, part, is_kif, common.overflow == fixed::Overflow::wrap);
  if (sign.shape != other.shape || integer.shape != other.shape) {
    refuse(codes::kWeights, "its numbers of bits differ in shape");
  }
  ElementQuantizers result;
  result.shape = other.shape;
  for (std::size_t i = 0; i < other.values.size(); ++i) {
    const int integer_bits = bits(integer.values[i]);
    const int frac_bits = is_kif ? bits(other.values[i]) : bits(other.values[i]) - integer_bits;
    common.format = fixed::from_hgq(sign.values[i] != 0, integer_bits, frac_bits);
    result.quantizers.push_back(common);
  }
  return result;
}

ElementQuantizers without_batch_axis(ElementQuantizers quantizers) {
  if (quantizers.shape.empty()) return quantizers;
  if (quantizers.shape.front() != 1) {
    refuse(codes::kWeights, fmt::format("its quantisers have shape ({}), expected 1 for the batch",
                                        fmt::join(quantizers.shape, ", ")));
  }
  quantizers.shape.erase(quantizers.shape.begin());
  return quantizers;
}

QuantizedTensor quantize_elements(const ElementQuantizers& quantizers, const RealTensor& weights) {
  const network::Quantize each = quantizers.broadcast(weights.shape);
  QuantizedTensor result;
  // Elements without bits are 0 and ask for no binary point.
  std::optional<int> frac_bits;
  for (const fixed::Quantizer& quantizer : each.quantizers) {
    if (quantizer.format.width == 0) continue;
    frac_bits =
        std::max(frac_bits.value_or(quantizer.format.frac_bits), quantizer.format.frac_bits);
  }
  result.frac_bits = frac_bits.value_or(0);
  for (std::size_t i = 0; i < weights.values.size(); ++i) {
    const fixed::Quantizer& quantizer = each.of(i);
    if (quantizer.format.width == 0) {
      result.mantissas.push_back(0);
      continue;
    }
    const std::int64_t mantissa = fixed::quantize_real(weights.values[i], quantizer);
    fixed::Quantizer saturating = quantizer;
    saturating.overflow = fixed::Overflow::sat;
    if (quantizer.overflow == fixed::Overflow::wrap &&
        fixed::quantize_real(weights.values[i], saturating) != mantissa) {
      refuse(codes::kQuantizer,
             fmt::format("weight {} leaves the range of its quantizer, which "
                         "wraps",
                         weights.values[i]),
             "call trace_minmax before saving the model");
    }
    result.mantissas.push_back(
        fixed::shift_left(mantissa, result.frac_bits - quantizer.format.frac_bits));
  }
  return result;
}

}  // namespace sluice::frontend
