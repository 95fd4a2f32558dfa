#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sluice/frontend/integer_map.hpp"
#include "sluice/frontend/onnx_model.hpp"

namespace sluice::frontend {

/// What every quantiser of ONNX and QONNX computes:
/// y = clamp(round(x / scale + before), min, max), result = (y + after) * step.
/// The sign of x is the case of one bit: y = clamp(floor(x / scale + 1), 0, 1).
struct OnnxQuantizer {
  OnnxTensor scale;  ///< positive; one number, or what broadcasts to x
  OnnxTensor step;   ///< of the same shape
  double before = 0;
  double after = 0;
  fixed::IntegerRounding rounding = fixed::IntegerRounding::half_even;
  int dropped_bits = 0;  ///< IntegerMap::dropped_bits
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string text;  ///< for reports: "Quant 6 bits, scale 0.03125"
};

/// True for Quant, IntQuant, BipolarQuant, Trunc and QuantizeLinear.
bool is_onnx_quantizer(const OnnxNode& node) noexcept;

/// The quantiser of a node whose parameters, all inputs but the first, are constants. `inputs` has
/// null for inputs that are left out, and `rank` is that of the first. Throws ModelError without a
/// subject.
OnnxQuantizer read_onnx_quantizer(const OnnxNode& node, std::span<const OnnxTensor* const> inputs,
                                  std::size_t rank);

/// The quantiser's result for a stored tensor. Float32 numbers are divided by their scale in
/// float32, as every exporter did when it stored them. Throws ModelError without a subject.
OnnxTensor quantize_constant(const OnnxTensor& x, const OnnxQuantizer& quantizer);

/// The only number of a tensor whose numbers are all the same. Throws ModelError, without a
/// subject, that names `what`.
double only_number(const OnnxTensor& tensor, const char* what);

}  // namespace sluice::frontend
