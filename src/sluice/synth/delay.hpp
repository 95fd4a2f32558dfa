#pragma once

#include <array>
#include <limits>

#include "sluice/circuit/circuit.hpp"

namespace sluice::synth {

/// Delays of routed logic, in ns; the defaults are for UltraScale+ in speed grade -2. One adder
/// level of a published routed design (depth 18, 18.9 ns) takes 1.05 ns with its share of carry
/// chain and registers, which these give within 2 %.
struct DelayModel {
  double adder_ns = 0.95;  ///< one adder: its LUT, entry to and exit from the chain, routing
  /// An adder of three operands: carries that are saved pass through one more LUT's route.
  double ternary_adder_ns = 1.25;
  double carry_bit_ns = 0.025;  ///< per bit of a carry chain
  double logic_level_ns = 0.5;  ///< one LUT without carry, and its routing
  double multiplier_ns = 3.2;   ///< one DSP48E2 without registers of its own, from its factors
  double post_adder_ns = 1.5;   ///< the same, from its addend
  double register_ns = 0.1;     ///< clock to output and set-up, once per stage
};

/// When a value's bits are ready. A carry chain delivers its low bits first, and a chain that
/// follows starts with them: a row of adders pays for its carries once.
struct Arrival {
  int low_ps = 0;   ///< lowest bit
  int full_ps = 0;  ///< all bits

  friend bool operator==(const Arrival&, const Arrival&) = default;
};

/// Delays through an operation, from one of its operands to its result; kNever: no path.
struct PathDelay {
  static constexpr int kNever = std::numeric_limits<int>::min() / 4;

  int low_to_low_ps = kNever;
  int low_to_full_ps = kNever;
  int full_to_low_ps = 0;
  int full_to_full_ps = 0;

  Arrival from(const Arrival& operand) const noexcept;
};

/// The later of both, bit for bit.
Arrival latest(const Arrival& x, const Arrival& y) noexcept;

/// One per operand.
using PathDelays = std::array<PathDelay, 3>;

/// All 0 for what is only wires.
PathDelays path_delays(const circuit::Function& function, circuit::ValueId id,
                       const DelayModel& model);

/// From the value or the factor, and from the addend, of one multiplier.
std::array<PathDelay, 2> multiply_add_delays(const DelayModel& model);

}  // namespace sluice::synth
