#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sluice/fixed/convert.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/qkeras_quantizer.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

namespace {

QuantizedTensor with_scales(std::vector<std::int64_t> mantissas, int frac_bits,
                            const std::vector<int>& exponents,
                            const std::vector<std::int64_t>& scales) {
  constexpr std::int64_t kMost = std::int64_t{1} << 38;  // times 24 bits
  const int smallest = *std::ranges::min_element(exponents);
  for (std::size_t i = 0; i < mantissas.size(); ++i) {
    if (!scales.empty()) {
      if (std::abs(mantissas[i]) >= kMost)
        refuse(codes::kQuantizer, "has too many bits for its alpha");
      mantissas[i] *= scales[i % scales.size()];
    }
    mantissas[i] = fixed::shift_left(mantissas[i], exponents[i % exponents.size()] - smallest);
  }
  return {std::move(mantissas), frac_bits - smallest};
}

}  // namespace

std::vector<double> quantize_reals(const QkerasQuantizer& quantizer, const RealTensor& numbers) {
  std::vector<double> result;
  if (quantizer.is_power_of_two) {
    for (const double value : numbers.values) {
      const UnaryFunction::Enclosure y = quantizer.function->enclose(value);
      if (y.low != y.high) {
        refuse(codes::kQuantizer,
               fmt::format("{} is too close to a border of {} to decide", value, quantizer.text));
      }
      result.push_back(y.low);
    }
    return result;
  }
  const QuantizedTensor rounded = quantize_weights(quantizer, numbers);
  for (const std::int64_t mantissa : rounded.mantissas) {
    result.push_back(fixed::to_double(mantissa, rounded.frac_bits));
  }
  return result;
}

QuantizedTensor quantize_weights(const QkerasQuantizer& quantizer, const RealTensor& weights) {
  const std::size_t channels =
      weights.shape.empty() ? 1 : static_cast<std::size_t>(weights.shape.back());
  if (quantizer.scale_exponents.size() != 1 && quantizer.scale_exponents.size() != channels) {
    refuse(codes::kQuantizer,
           fmt::format("alpha has {} scales for {} outputs", quantizer.scale_exponents.size(),
                       channels),
           "give one scale, or one per output");
  }
  if (quantizer.auto_po2) {
    AutoPo2Weights found = quantizer.auto_po2(weights);
    return with_scales(std::move(found.mantissas), 0, found.exponents, {});
  }
  std::vector<std::int64_t> mantissas;
  mantissas.reserve(weights.values.size());
  for (const double value : weights.values) {
    if (quantizer.function) {
      const UnaryFunction::Enclosure y = quantizer.function->enclose(value);
      const std::int64_t mantissa = fixed::quantize_real(y.low, quantizer.quantizer);
      if (fixed::quantize_real(y.high, quantizer.quantizer) != mantissa) {
        refuse(codes::kQuantizer,
               fmt::format("the weight {} is too close to a border of {} to decide", value,
                           quantizer.text));
      }
      mantissas.push_back(mantissa);
    } else {
      mantissas.push_back(fixed::quantize_real(value, quantizer.quantizer));
    }
  }
  QuantizedTensor result = with_scales(std::move(mantissas), quantizer.quantizer.format.frac_bits,
                                       quantizer.scale_exponents, quantizer.scale_mantissas);
  if (quantizer.upper_bound || quantizer.lower_bound || quantizer.halves ||
      quantizer.negative_slope != 0) {
    refuse(codes::kQuantizer, fmt::format("{} is not supported for weights", quantizer.text),
           "use quantized_bits");
  }
  return result;
}

}  // namespace sluice::frontend
