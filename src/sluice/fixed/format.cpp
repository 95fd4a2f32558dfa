#include "sluice/fixed/format.hpp"

#include <fmt/format.h>

#include <charconv>

#include "sluice/base/error.hpp"

namespace sluice::fixed {

namespace {
constexpr int kLargestFracBits = 1024;
}

void check_format(const Format& format, std::string_view subject) {
  const int widest = format.is_signed ? 64 : 63;
  if (format.width >= 0 && format.width <= widest && format.frac_bits <= kLargestFracBits &&
      format.frac_bits >= -kLargestFracBits) {
    return;
  }
  throw ModelError("E-FIXED-001", std::string(subject),
                   fmt::format("format {} is outside of what is exact: at most {} bits",
                               to_string(format), widest),
                   "quantise to fewer bits");
}

std::string to_string(const Format& format) {
  return fmt::format("{}{}.{}", format.is_signed ? 's' : 'u', format.width, format.frac_bits);
}

Format parse_format(std::string_view text) {
  Format format;
  const auto refuse = [&] {
    return ModelError("E-FIXED-002", std::string(text), "not a fixed-point format",
                      "write it as s16.10 or u8.0");
  };
  const std::size_t dot = text.find('.');
  if (text.size() < 4 || (text[0] != 's' && text[0] != 'u') || dot == std::string_view::npos) {
    throw refuse();
  }
  format.is_signed = text[0] == 's';
  const auto parse = [&](std::string_view digits, int& into) {
    const char* const end = digits.data() + digits.size();
    const auto [rest, status] = std::from_chars(digits.data(), end, into);
    if (status != std::errc() || rest != end) throw refuse();
  };
  parse(text.substr(1, dot - 1), format.width);
  parse(text.substr(dot + 1), format.frac_bits);
  check_format(format, text);
  return format;
}

int container_bits(const Format& format) noexcept {
  const int signed_width = format.width + (format.is_signed ? 0 : 1);
  for (const int bits : {8, 16, 32}) {
    if (signed_width <= bits) return bits;
  }
  return 64;
}

}  // namespace sluice::fixed
