#pragma once

#include <bit>
#include <cstdint>
#include <utility>

namespace sluice::synth {

/// A number as a sum of +2^p for the bits p of `plus` and -2^p for those of `minus`.
struct SignedDigits {
  std::uint64_t plus = 0;
  std::uint64_t minus = 0;

  bool is_zero() const noexcept { return (plus | minus) == 0; }
  int count() const noexcept { return std::popcount(plus) + std::popcount(minus); }
};

/// The fewest digits: no two neighbours are non-zero.
inline SignedDigits canonical_digits(std::int64_t number) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide magnitude =
      number < 0 ? Wide{0} - static_cast<Wide>(number) : static_cast<Wide>(number);
  const Wide triple = magnitude * 3;
  SignedDigits digits{static_cast<std::uint64_t>((triple & ~magnitude) >> 1),
                      static_cast<std::uint64_t>((magnitude & ~triple) >> 1)};
  if (number < 0) std::swap(digits.plus, digits.minus);
  return digits;
}

}  // namespace sluice::synth
