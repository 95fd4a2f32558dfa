#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sluice/network/network.hpp"

namespace sluice::frontend::testing {

/// Evaluates one event element by element, from the definitions of the operations. The inputs are
/// real numbers, in the order of Network::inputs(); the results are the mantissas of all outputs,
/// one after the other.
inline std::vector<std::int64_t> exact_evaluate(const network::Network& net,
                                                std::span<const double> reals) {
  using namespace network;
  std::vector<std::vector<std::int64_t>> values;
  std::size_t used = 0;
  for (const Layer& layer : net.layers()) {
    const std::vector<std::int64_t>* const x =
        layer.operands.empty() ? nullptr : &values[index(layer.operands[0])];
    const int x_frac =
        layer.operands.empty() ? 0 : net.layer(layer.operands[0]).type.format.frac_bits;
    const int frac = layer.type.format.frac_bits;
    std::vector<std::int64_t> y(layer.type.ranges.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (const auto* const input = std::get_if<Input>(&layer.op)) {
        y[i] = fixed::quantize_real(reals[used++], input->quantizer);
      } else if (const auto* const dense = std::get_if<Dense>(&layer.op)) {
        const auto units = static_cast<std::size_t>(dense->units);
        const auto inputs = static_cast<std::size_t>(dense->inputs);
        std::int64_t sum = 0;
        for (std::size_t k = 0; k < inputs; ++k) {
          sum += (*x)[i / units * inputs + k] * dense->weights[k * units + i % units];
        }
        y[i] = fixed::shift_left(sum, frac - x_frac - dense->weight_frac_bits) +
               fixed::shift_left(dense->bias[i % units], frac - dense->bias_frac_bits);
      } else if (const auto* const affine = std::get_if<Affine>(&layer.op)) {
        const std::size_t c = i % affine->scale.size();
        y[i] =
            fixed::shift_left((*x)[i] * affine->scale[c], frac - x_frac - affine->scale_frac_bits) +
            fixed::shift_left(affine->offset[c], frac - affine->offset_frac_bits);
      } else if (const auto* const clamp = std::get_if<Clamp>(&layer.op)) {
        y[i] = fixed::shift_left((*x)[i], frac - x_frac);
        if (clamp->lower) {
          y[i] = std::max(y[i], fixed::shift_left(*clamp->lower, frac - clamp->frac_bits));
        }
        if (clamp->upper) {
          y[i] = std::min(y[i], fixed::shift_left(*clamp->upper, frac - clamp->frac_bits));
        }
      } else if (const auto* const quantize = std::get_if<Quantize>(&layer.op)) {
        const fixed::Quantizer& to = quantize->of(i);
        y[i] = fixed::shift_left(fixed::quantize((*x)[i], x_frac, to), frac - to.format.frac_bits);
      } else {
        y[i] = (*x)[i];
      }
    }
    values.push_back(std::move(y));
  }
  std::vector<std::int64_t> outputs;
  for (const LayerId id : net.outputs()) {
    outputs.insert(outputs.end(), values[index(id)].begin(), values[index(id)].end());
  }
  return outputs;
}

}  // namespace sluice::frontend::testing
