#include "sluice/frontend/auto_po2.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

namespace {

constexpr double kEpsilon = 1e-7;  // keras.backend.epsilon()
constexpr int kRounds = 5;

// The elements of one output, scaled to integer bits 0, as the float32 numbers they are.
struct Channel {
  std::vector<float> values;
  std::vector<double> mantissas;
  int exponent = 0;
};

// round(log2(scale)) where no float32 error of the framework could change it.
int round_log2(double scale, std::size_t summed) {
  constexpr double kFloatUnit = 5.97e-8;
  const double logarithm = std::log2(scale + kEpsilon);
  const double rounded = std::nearbyint(logarithm);
  const double error =
      kFloatUnit * (4.0 * static_cast<double>(summed) + 4.0 * std::abs(logarithm) + 16.0);
  if (0.5 - std::abs(logarithm - rounded) <= error) {
    throw ModelError(codes::kQuantizer, "",
                     fmt::format("alpha='auto_po2': the scale {:.9g} lies between two powers of "
                                 "two, and float32 rounding decides",
                                 scale),
                     "give the scales as numbers: alpha=[...], each a power of two");
  }
  return static_cast<int>(rounded);
}

void round_to_integers(Channel& channel, float most) {
  const float scale = std::ldexp(1.0F, channel.exponent);
  channel.mantissas.clear();
  for (const float value : channel.values) {
    // In float32 as in the framework: the sum may round up to an integer.
    const float magnitude = std::floor(std::abs(value) / scale + 0.5F);
    const float mantissa = value == 0.0F ? 0.0F : std::min(magnitude, most);
    channel.mantissas.push_back(std::copysign(mantissa, value));
  }
}

double best_scale(const Channel& channel) {
  double products = 0;
  double squares = 0;
  for (std::size_t i = 0; i < channel.values.size(); ++i) {
    products += static_cast<double>(channel.values[i]) * channel.mantissas[i];
    squares += channel.mantissas[i] * channel.mantissas[i];
  }
  const auto count = static_cast<double>(channel.values.size());
  return (products / count) / (squares / count + kEpsilon);
}

float largest(const Channel& channel) {
  float most = 0;
  for (const float value : channel.values) most = std::max(most, std::abs(value));
  return most;
}

void improve_scale(Channel& channel) {
  channel.exponent = round_log2(best_scale(channel), channel.values.size());
}

void fit_bits(Channel& channel, int bits) {
  const float most = std::ldexp(1.0F, bits - 1) - 1.0F;
  channel.exponent = round_log2(static_cast<double>(largest(channel)) / most, 1);
  for (int round = 0; round < kRounds; ++round) {
    round_to_integers(channel, most);
    improve_scale(channel);
  }
}

void fit_signs(Channel& channel, bool use_01) {
  for (const float value : channel.values) {
    channel.mantissas.push_back(value >= 0 ? 1 : (use_01 ? 0 : -1));
  }
  improve_scale(channel);
}

void fit_ternary(Channel& channel, int rounds) {
  channel.exponent = round_log2(2.0 * static_cast<double>(largest(channel)) / 3.0, 1);
  for (int round = 0; round < rounds; ++round) {
    const float threshold = std::ldexp(1.0F, channel.exponent - 1);
    channel.mantissas.clear();
    for (const float value : channel.values) {
      channel.mantissas.push_back(std::abs(value) > threshold ? std::copysign(1.0, value) : 0.0);
    }
    improve_scale(channel);
  }
}

// Fits each output by itself.
template <class Fit>
AutoPo2Weights by_channel(const RealTensor& weights, int integer, Fit fit) {
  const std::size_t channels =
      weights.shape.empty() ? 1 : static_cast<std::size_t>(weights.shape.back());
  AutoPo2Weights result;
  result.mantissas.resize(weights.values.size());
  for (std::size_t c = 0; c < channels; ++c) {
    Channel channel;
    for (std::size_t i = c; i < weights.values.size(); i += channels) {
      channel.values.push_back(static_cast<float>(std::ldexp(weights.values[i], -integer)));
    }
    fit(channel);
    for (std::size_t i = 0; i < channel.mantissas.size(); ++i) {
      result.mantissas[i * channels + c] = static_cast<std::int64_t>(channel.mantissas[i]);
    }
    result.exponents.push_back(channel.exponent + integer);
  }
  return result;
}

}  // namespace

AutoPo2Weights quantize_auto_po2(const RealTensor& weights, int bits, int integer) {
  return by_channel(weights, integer, [&](Channel& channel) { fit_bits(channel, bits); });
}

AutoPo2Weights binary_auto_po2(const RealTensor& weights, bool use_01) {
  return by_channel(weights, 0, [&](Channel& channel) { fit_signs(channel, use_01); });
}

AutoPo2Weights ternary_auto_po2(const RealTensor& weights, int rounds) {
  return by_channel(weights, 0, [&](Channel& channel) { fit_ternary(channel, rounds); });
}

}  // namespace sluice::frontend
