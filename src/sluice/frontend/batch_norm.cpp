#include "sluice/frontend/batch_norm.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::frontend {

namespace {

constexpr int kDoubleBits = 53;

// The smallest f >= 0 for which value * 2^f is an integer.
int frac_bits_of(double value) {
  if (value == 0.0) return 0;
  int exponent = 0;
  const auto mantissa =
      static_cast<std::int64_t>(std::ldexp(std::frexp(value, &exponent), kDoubleBits));
  const int zeros = std::countr_zero(static_cast<std::uint64_t>(mantissa));
  return std::max(0, kDoubleBits - exponent - zeros);
}

// A quotient or root of doubles without a rounding error, or nothing.
std::optional<double> exact_quotient(double a, double b) {
  const double quotient = a / b;
  if (!std::isfinite(quotient) || std::fma(quotient, b, -a) != 0.0) return std::nullopt;
  return quotient;
}
std::optional<double> exact_root(double value) {
  const double root = std::sqrt(value);
  if (std::fma(root, root, -value) != 0.0) return std::nullopt;
  return root;
}
std::optional<double> exact_sum(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  if ((a - (sum - b_part)) + (b - b_part) != 0.0) return std::nullopt;
  return sum;
}
std::optional<double> exact_product(double a, double b) {
  const double product = a * b;
  if (std::fma(a, b, -product) != 0.0) return std::nullopt;
  return product;
}

}  // namespace

std::optional<QuantizedTensor> exact_tensor(const std::vector<double>& values, int most_frac_bits) {
  constexpr double kLargest = 0x1p62;
  int frac_bits = 0;
  for (const double value : values) frac_bits = std::max(frac_bits, frac_bits_of(value));
  if (frac_bits > most_frac_bits) return std::nullopt;
  QuantizedTensor tensor;
  tensor.frac_bits = frac_bits;
  for (const double value : values) {
    const double scaled = std::ldexp(value, frac_bits);
    if (std::abs(scaled) >= kLargest) return std::nullopt;
    tensor.mantissas.push_back(static_cast<std::int64_t>(scaled));
  }
  return tensor;
}

double BatchNorm::scale(std::size_t channel) const {
  return gamma[channel] / std::sqrt(variance[channel] + epsilon);
}

double BatchNorm::offset(std::size_t channel) const {
  return beta[channel] - mean[channel] * scale(channel);
}

std::optional<std::pair<double, double>> BatchNorm::exact(std::size_t channel) const {
  const auto sum = exact_sum(variance[channel], epsilon);
  const auto root = sum ? exact_root(*sum) : std::nullopt;
  const auto factor = root ? exact_quotient(gamma[channel], *root) : std::nullopt;
  const auto shift = factor ? exact_product(mean[channel], *factor) : std::nullopt;
  const auto total = shift ? exact_sum(beta[channel], -*shift) : std::nullopt;
  if (!total) return std::nullopt;
  return std::pair(*factor, *total);
}

}  // namespace sluice::frontend
