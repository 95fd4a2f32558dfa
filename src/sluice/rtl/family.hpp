#pragma once

#include <array>
#include <string_view>

namespace sluice::rtl {

/// Primitives that the Verilog of a sum of three operands and of a product names.
struct Family {
  std::string_view name;
  /// Bits of the carry primitive, CARRY8 or CARRY4, that such a sum names. 0: it is written as an
  /// expression, for synthesis to find the adder.
  int carry_bits = 0;
  /// Whether products are DSP48E2; else expressions.
  bool has_dsp48e2 = false;

  friend bool operator==(const Family&, const Family&) = default;
};

inline constexpr std::array kFamilies{Family{"ultrascale-plus", 8, true}, Family{"7-series", 4},
                                      Family{"generic", 0}};

}  // namespace sluice::rtl
