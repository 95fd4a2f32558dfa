#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/fixed/quantize.hpp"
#include "sluice/frontend/auto_po2.hpp"
#include "sluice/frontend/hdf5_reader.hpp"
#include "sluice/frontend/unary_function.hpp"

namespace sluice::frontend {

/// What a QKeras quantiser computes: scale * q(f(x)), with q a fixed-point quantiser and the scale
/// (`alpha`) a float32 number, then bounds.
struct QkerasQuantizer {
  fixed::Quantizer quantizer;
  /// f, where there is one: the sign, a real tanh, ...
  std::optional<UnaryFunction> function;
  /// f(x) = (x + 1) / 2.
  bool halves = false;
  /// f(x) = x for x >= 0, else negative_slope * x, where it is not 0.
  double negative_slope = 0;
  /// The scale is scale_mantissas[i] * 2^scale_exponents[i]: one for all, or one per index of the
  /// last axis. No mantissas: powers of two.
  std::vector<int> scale_exponents{0};
  std::vector<std::int64_t> scale_mantissas;
  /// f gives powers of two, of which `quantizer` need not hold all.
  bool is_power_of_two = false;
  /// Set where the scale follows from the numbers that are quantised (`alpha='auto_po2'`), which
  /// must be weights.
  std::function<AutoPo2Weights(const RealTensor&)> auto_po2;
  /// Results below and above become these; not multiples of the quantiser's step in general.
  std::optional<double> lower_bound;
  std::optional<double> upper_bound;
  std::string text;                ///< for reports: quantized_bits(6,0)
  std::vector<std::string> notes;  ///< settings without effect at inference
};

/// Integers that stand for mantissa * 2^-frac_bits, in C order.
struct QuantizedTensor {
  std::vector<std::int64_t> mantissas;
  int frac_bits = 0;
};

/// Where a quantiser stands. QDense turns the alpha None of a kernel quantiser into 'auto_po2'
/// when it is built, so that None means another thing there than elsewhere.
/// The numbers of a batch normalisation need no format, for they are only used to compute others.
enum class QuantizerRole { kernel, bias, activation, statistics };

/// True for the name of a quantiser class that parse_quantizer knows.
bool is_known_quantizer(std::string_view class_name) noexcept;

/// Reads `quantized_bits(...)` text or a `{class_name, config}` object; nothing for null. Throws
/// ModelError, without a subject, saying what is not supported and what would work.
std::optional<QkerasQuantizer> parse_quantizer(const Json& value, QuantizerRole role);

/// The quantised numbers themselves, of a quantiser whose role is `statistics`. Throws ModelError,
/// without a subject.
std::vector<double> quantize_reals(const QkerasQuantizer& quantizer, const RealTensor& numbers);

/// Quantises finite weights exactly. Throws ModelError, without a subject.
QuantizedTensor quantize_weights(const QkerasQuantizer& quantizer, const RealTensor& weights);

}  // namespace sluice::frontend
