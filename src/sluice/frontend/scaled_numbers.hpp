#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/fixed/quantize.hpp"
#include "sluice/frontend/rational.hpp"

/// Lists of rational numbers, one or one per channel. Internal to the building of scaled tensors.
namespace sluice::frontend {

bool all_are(const std::vector<Rational>& values, const Rational& value);

/// The number of a channel, where there are several, else the only one.
const Rational& of(const std::vector<Rational>& values, std::size_t channel);

/// Repeats a single number.
void stretch(std::vector<Rational>& values, std::size_t count);

/// Integers of all numbers over one binary point.
struct Mantissas {
  std::vector<std::int64_t> values;
  int frac_bits = 0;
};
/// Nothing when that takes more than 62 bits, or a number is no binary fraction.
std::optional<Mantissas> mantissas(const std::vector<Rational>& values);

Rational power_of_two(int exponent);

/// What a format makes of a number.
Rational rounded(double number, const fixed::Quantizer& to);

/// The axis along which the numbers of two tensors vary. Throws ModelError, without a subject, when
/// that is not one axis.
std::optional<std::size_t> joined_axis(const std::optional<std::size_t>& a,
                                       const std::optional<std::size_t>& b);

}  // namespace sluice::frontend
