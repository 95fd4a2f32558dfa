#pragma once

#include <cstdint>
#include <variant>

#include "sluice/rtl/verilog.hpp"

namespace sluice::rtl {

/// A two's-complement number in a module: a constant, or bits of a net.
struct Number {
  std::variant<std::int64_t, NetId> source;
  int width = 1;  ///< of a net-based number: of net and `point` together
  bool is_signed = false;
  /// Bit 0 of the number is bit `point` of its source; below the source's bit 0 there are zeros.
  int point = 0;
};

/// The number times 2^bits; bits < 0 drops low bits (towards minus infinity).
Number shifted(const Number& number, int bits);

/// Bits low .. low + width - 1 of the number, extended without end by its sign. Width 0 gives an
/// expression of width 0, which concat() drops.
Expr extract(const Module& module, const Number& number, int low, int width);

/// The sign bit; a literal 0 for numbers that are never negative.
Expr sign(const Module& module, const Number& number);

}  // namespace sluice::rtl
