#include "sluice/rtl/number.hpp"

#include <algorithm>

#include "sluice/base/check.hpp"

namespace sluice::rtl {

namespace {

Expr extract_constant(std::int64_t mantissa, int from, int width) {
  if (from <= -64) return literal(0, width);
  if (from < 0) return literal(static_cast<std::uint64_t>(mantissa) << -from, width);
  return literal(static_cast<std::uint64_t>(mantissa >> std::min(from, 63)), width);
}

Expr extract_net(const Module& module, NetId net, bool is_signed, int from, int width) {
  const int net_width = module.net(net).width;
  const int end = from + width;
  const int zeros_below = std::clamp(-from, 0, width);
  const int extension = std::clamp(end - net_width, 0, width);
  const int selected = width - zeros_below - extension;
  std::vector<Expr> parts;
  if (extension > 0) {
    parts.push_back(is_signed ? repeat(module.select(net, net_width - 1, 1), extension)
                              : literal(0, extension));
  }
  if (selected > 0) parts.push_back(module.select(net, std::max(from, 0), selected));
  if (zeros_below > 0) parts.push_back(literal(0, zeros_below));
  return concat(std::move(parts));
}

}  // namespace

Number shifted(const Number& number, int bits) {
  Number result = number;
  result.point -= bits;
  result.width = std::max(number.width + bits, 1);
  return result;
}

Expr extract(const Module& module, const Number& number, int low, int width) {
  SLUICE_CHECK(width >= 0, "{} bits of a number", width);
  if (width == 0) return {};
  const int from = low + number.point;
  if (const auto* mantissa = std::get_if<std::int64_t>(&number.source)) {
    return extract_constant(*mantissa, from, width);
  }
  return extract_net(module, std::get<NetId>(number.source), number.is_signed, from, width);
}

Expr sign(const Module& module, const Number& number) {
  return number.is_signed ? extract(module, number, number.width - 1, 1) : literal(0, 1);
}

}  // namespace sluice::rtl
