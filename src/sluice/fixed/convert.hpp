#pragma once

#include <string>
#include <string_view>

#include "sluice/fixed/format.hpp"
#include "sluice/fixed/quantize.hpp"

/// The one table of conversions from other tools' notations.
namespace sluice::fixed {

/// Xilinx ap_fixed<W, I> and ap_ufixed<W, I>: I counts the sign bit, frac_bits = W - I (UG1399).
Format from_ap_fixed(int width, int integer_bits, bool is_signed);

/// A whole `ap_fixed<W,I[,ROUNDING[,OVERFLOW]]>` or `ap_ufixed<...>`, as written in hls4ml's
/// configurations; `fixed<>`, `ufixed<>`, `ap_int<W>` and `ap_uint<W>` too. The defaults are
/// TRN and WRAP. Throws ModelError.
Quantizer parse_ap_fixed(std::string_view text);

/// Inverse of parse_ap_fixed: `ap_ufixed<8,0,RND,SAT>`.
std::string ap_fixed_text(const Quantizer& quantizer);

/// QKeras `quantized_bits(bits, integer, keep_negative)`: `integer` does not count the sign, so
/// frac_bits = bits - integer - keep_negative. Rounds ties to even and saturates.
Quantizer from_qkeras_bits(int bits, int integer, bool keep_negative, bool symmetric);

/// QKeras `quantized_relu(bits, integer)` without a negative slope: unsigned,
/// frac_bits = bits - integer. Rounds ties to even and saturates.
Quantizer from_qkeras_relu(int bits, int integer);

/// HGQ `(k, i, f)`: keep_negative, integer bits without the sign, fractional bits;
/// width = k + i + f, and the empty format where that is not positive.
Format from_hgq(bool keep_negative, int integer_bits, int frac_bits);

/// QONNX Quant with zero point 0: value = integer * scale. Throws ModelError unless `scale` is a
/// power of two and `bit_width` an integer.
Format from_qonnx(double scale, double bit_width, bool is_signed);

}  // namespace sluice::fixed
