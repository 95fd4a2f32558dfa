#pragma once

#include <optional>
#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::synth {

/// What a value of a circuit is in hardware.
struct SumShape {
  int width = 0;       ///< of the result
  int added_bits = 0;  ///< in the carry chain; the rest passes by it
};

struct QuantizeShape {
  int width = 0;            ///< of the result
  bool rounds_up = false;   ///< the result is not the floor
  bool increments = false;  ///< by an incrementer of `rounded_width` bits: the floor is not just 0
  int deciding_bits = 0;    ///< on which it depends whether to round up; 0: on one bit as it is
  int rounded_width = 0;
  int dropped_bits = 0;
  bool checks_above = false;
  bool checks_below = false;
  int excess_bits = 0;  ///< bits that decide whether the rounded value is out of range
};

/// Of a sum of two or three operands.
SumShape sum_shape(const circuit::Function& function, const circuit::Instr& instr);
QuantizeShape quantize_shape(const circuit::Function& function, const circuit::Instr& instr);

/// The value whose wires a value has: itself, or what a `scale` or a quantize without effect only
/// renames; nothing for constants.
std::vector<std::optional<circuit::ValueId>> find_carriers(const circuit::Function& function);

}  // namespace sluice::synth
