#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sluice/frontend/qkeras_quantizer.hpp"

namespace sluice::frontend {

/// The numbers as integers over one binary point; nothing when that takes more than
/// `most_frac_bits` fractional bits, or 62 bits in all. `values` are finite.
std::optional<QuantizedTensor> exact_tensor(const std::vector<double>& values, int most_frac_bits);

/// The parameters of a batch normalisation, one number per channel.
struct BatchNorm {
  std::vector<double> gamma, beta, mean, variance;
  double epsilon = 0;

  std::size_t channels() const noexcept { return mean.size(); }
  /// y = x * scale + offset, in float64.
  double scale(std::size_t channel) const;
  double offset(std::size_t channel) const;
  /// {scale, offset} where float64 computes both without any rounding.
  std::optional<std::pair<double, double>> exact(std::size_t channel) const;
};

}  // namespace sluice::frontend
