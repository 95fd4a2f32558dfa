#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/fixed/quantize.hpp"
#include "sluice/network/network.hpp"

namespace sluice::synth {

/// Whether quantize() keeps the order of all mantissas in `range`.
bool is_monotonic(const fixed::Interval& range, int frac_bits, const fixed::Quantizer& to);

/// A limit of a clamp: max(x, mantissa * 2^-frac_bits), or min where it is an upper one.
struct ClampBound {
  std::int64_t mantissa = 0;
  int frac_bits = 0;
  bool is_upper = false;
};
/// Whether quantize() of the clamped value is quantize() of the value, as after a ReLU that an
/// unsigned saturating format repeats.
bool is_void_clamp(const ClampBound& bound, const fixed::Interval& range, int frac_bits,
                   const fixed::Quantizer& to);

/// The rounding that makes the same of all mantissas in `range` and looks at the fewest bits.
fixed::Rounding simplest_rounding(const fixed::Interval& range, int frac_bits,
                                  const fixed::Quantizer& to);

/// How a sum rounds itself: it holds `addend` more, and its floor is the rounded value, save that
/// `to_even` clears the last bit where all bits below it are zero.
struct FoldedRounding {
  std::int64_t addend = 0;  ///< mantissa of the sum's grid
  bool to_even = false;

  friend bool operator==(const FoldedRounding&, const FoldedRounding&) = default;
};
/// Of sums that are multiples of 2^zero_bits, which is less than 2^dropped_bits. Nothing where the
/// sign decides, and where the floor is the rounded value as it is.
std::optional<FoldedRounding> folded_rounding(fixed::Rounding rounding, int dropped_bits,
                                              int zero_bits);

/// By layer and element, the quantiser that alone reads the sum of a dense or affine layer, through
/// no more than reshapes and void clamps: null for all other elements. They point into `network`.
std::vector<std::vector<const fixed::Quantizer*>> sole_quantizers(const network::Network& network);

}  // namespace sluice::synth
