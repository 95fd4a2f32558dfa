#include "sluice/frontend/scaled_numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

bool all_are(const std::vector<Rational>& values, const Rational& value) {
  return std::ranges::all_of(values, [&](const Rational& other) { return other == value; });
}

const Rational& of(const std::vector<Rational>& values, std::size_t channel) {
  return values.size() == 1 ? values.front() : values[channel];
}

void stretch(std::vector<Rational>& values, std::size_t count) {
  if (values.size() == 1) values.resize(count, values.front());
}

std::optional<Mantissas> mantissas(const std::vector<Rational>& values) {
  constexpr int kMostBits = 62;
  std::vector<Dyadic> parts;
  std::optional<int> frac_bits;
  for (const Rational& value : values) {
    const auto part = dyadic(value);
    if (!part) return std::nullopt;
    parts.push_back(*part);
    if (part->mantissa != 0)
      frac_bits = std::max(frac_bits.value_or(part->frac_bits), part->frac_bits);
  }
  Mantissas result;
  result.frac_bits = frac_bits.value_or(0);
  for (const Dyadic& part : parts) {
    const int shift = result.frac_bits - part.frac_bits;
    if (part.mantissa == 0) {
      result.values.push_back(0);
    } else if (shift > kMostBits ||
               std::abs(part.mantissa) > (std::int64_t{1} << kMostBits >> shift)) {
      return std::nullopt;
    } else {
      result.values.push_back(part.mantissa * (std::int64_t{1} << shift));
    }
  }
  return result;
}

Rational power_of_two(int exponent) {
  const mpz_class power = mpz_class(1) << static_cast<unsigned>(std::abs(exponent));
  return exponent >= 0 ? Rational(power) : Rational(mpz_class(1), power);
}

Rational rounded(double number, const fixed::Quantizer& to) {
  return exact(fixed::to_double(fixed::quantize_real(number, to), to.format.frac_bits));
}

std::optional<std::size_t> joined_axis(const std::optional<std::size_t>& a,
                                       const std::optional<std::size_t>& b) {
  if (a && b && *a != *b) {
    refuse(codes::kQuantizer, fmt::format("scales along axes {} and {} at once", *a, *b),
           "use scales per tensor, or per channel along one axis");
  }
  return a ? a : b;
}

}  // namespace sluice::frontend
