#include "sluice/fixed/convert.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "sluice/base/error.hpp"

namespace sluice::fixed {

namespace {

ModelError bad_type(std::string_view text, std::string_view what) {
  return ModelError("E-FIXED-006", std::string(text), std::string(what),
                    "write it as ap_fixed<16,6> or ap_ufixed<8,0,RND_CONV,SAT>");
}

std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else if (c != ' ') {
      parts.back() += c;
    }
  }
  return parts;
}

int parse_int(const std::string& digits, std::string_view whole) {
  int value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, status] = std::from_chars(digits.data(), end, value);
  if (status != std::errc() || rest != end) throw bad_type(whole, "not a fixed-point type");
  return value;
}

std::string without_prefix(const std::string& text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

Format checked(Format format, std::string_view subject) {
  check_format(format, subject);
  return format;
}

}  // namespace

Format from_ap_fixed(int width, int integer_bits, bool is_signed) {
  return checked({width, width - integer_bits, is_signed},
                 fmt::format("ap_{}fixed<{},{}>", is_signed ? "" : "u", width, integer_bits));
}

Quantizer parse_ap_fixed(std::string_view text) {
  const std::size_t open = text.find('<');
  const std::size_t close = text.rfind('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    throw bad_type(text, "not a fixed-point type");
  }
  std::string base(text.substr(0, open));
  std::erase(base, ' ');
  base = without_prefix(base, "ap_");
  const bool is_int = base == "int" || base == "uint";
  if (!is_int && base != "fixed" && base != "ufixed") {
    throw bad_type(text, "not a fixed-point type");
  }
  const std::vector<std::string> parts = split_arguments(text.substr(open + 1, close - open - 1));
  if (parts.size() > 4 || (is_int && parts.size() > 1)) {
    throw bad_type(text, "too many arguments of a fixed-point type");
  }
  const int width = parse_int(parts[0], text);
  const int integer = parts.size() > 1 ? parse_int(parts[1], text) : width;
  Quantizer quantizer;
  quantizer.format = from_ap_fixed(width, integer, base.front() != 'u');
  if (parts.size() > 2) quantizer.rounding = parse_rounding(without_prefix(parts[2], "AP_"));
  if (parts.size() > 3) quantizer.overflow = parse_overflow(without_prefix(parts[3], "AP_"));
  return quantizer;
}

std::string ap_fixed_text(const Quantizer& quantizer) {
  const Format& format = quantizer.format;
  return fmt::format("ap_{}fixed<{},{},{},{}>", format.is_signed ? "" : "u", format.width,
                     format.integer_bits(), to_string(quantizer.rounding),
                     to_string(quantizer.overflow));
}

Quantizer from_qkeras_bits(int bits, int integer, bool keep_negative, bool symmetric) {
  const Format format = checked({bits, bits - integer - (keep_negative ? 1 : 0), keep_negative},
                                fmt::format("quantized_bits({},{})", bits, integer));
  return {format, Rounding::rnd_conv, symmetric ? Overflow::sat_sym : Overflow::sat};
}

Quantizer from_qkeras_relu(int bits, int integer) {
  const Format format =
      checked({bits, bits - integer, false}, fmt::format("quantized_relu({},{})", bits, integer));
  return {format, Rounding::rnd_conv, Overflow::sat};
}

Format from_hgq(bool keep_negative, int integer_bits, int frac_bits) {
  const int width = (keep_negative ? 1 : 0) + integer_bits + frac_bits;
  if (width <= 0) return {0, frac_bits, keep_negative};
  return checked({width, frac_bits, keep_negative},
                 fmt::format("({:d},{},{})", keep_negative, integer_bits, frac_bits));
}

Format from_qonnx(double scale, double bit_width, bool is_signed) {
  const std::string subject = fmt::format("scale {}, bit width {}", scale, bit_width);
  int exponent = 0;
  if (!(scale > 0) || std::frexp(scale, &exponent) != 0.5) {
    throw ModelError("E-FIXED-007", subject, "the scale is not a power of two",
                     "train with power-of-two scales");
  }
  if (bit_width != std::floor(bit_width) || bit_width < 1 || bit_width > 64) {
    throw ModelError("E-FIXED-007", subject, "the bit width is not an integer from 1 to 64");
  }
  return checked({static_cast<int>(bit_width), 1 - exponent, is_signed}, subject);
}

}  // namespace sluice::fixed
