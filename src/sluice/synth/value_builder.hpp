#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/synth/rounding.hpp"

namespace sluice::synth {

/// What a range, mantissas of a finer grid, means on a grid with `bits` fewer fractional bits for a
/// value that is known to lie on the latter.
fixed::Interval coarser(const fixed::Interval& range, int bits);
/// What two proven ranges prove together. Throws InternalError when they contradict each other.
fixed::Interval intersection(const fixed::Interval& x, const fixed::Interval& y);

/// Appends instructions to a function and keeps it small: equal instructions are one value,
/// constants are folded, and operations that their operands' ranges make void are left out.
///
/// A returned value has the exact value that its call asks for, not always the same grid: a
/// quantize that would only append zeros is left out.
class ValueBuilder {
 public:
  using ValueId = circuit::ValueId;
  using OriginId = circuit::OriginId;

  const circuit::Function& function() const noexcept { return function_; }
  const circuit::Instr& instr(ValueId id) const { return function_.instr(id); }

  ValueId input(std::int64_t element, const fixed::Quantizer& quantizer,
                const fixed::Interval& range, OriginId origin);
  /// The constant's grid is the coarsest that holds it; zero, which is on every grid, keeps
  /// `frac_bits`.
  ValueId constant(std::int64_t mantissa, int frac_bits, OriginId origin);
  ValueId add(ValueId a, ValueId b, int shift, OriginId origin);
  ValueId sub(ValueId a, ValueId b, int shift, OriginId origin);
  /// A sum of three, `op` and shifts as in Function::sum(); of two where an operand is zero.
  ValueId sum(circuit::Op op, const std::array<ValueId, 3>& operands, int shift, int third_shift,
              OriginId origin);
  ValueId negate(ValueId a, OriginId origin);
  ValueId scale(ValueId a, int shift, OriginId origin);
  ValueId multiply(ValueId a, ValueId b, OriginId origin);
  ValueId max(ValueId a, ValueId b, OriginId origin);
  ValueId min(ValueId a, ValueId b, OriginId origin);
  ValueId quantize(ValueId a, const fixed::Quantizer& to, OriginId origin);
  /// quantize() of a sum without the addend of `folded`, where `a` is the sum with it.
  ValueId quantize_folded(ValueId a, const FoldedRounding& folded, const fixed::Quantizer& to,
                          OriginId origin);
  /// An equal table is stored once.
  ValueId lookup(ValueId a, circuit::Table table, OriginId origin);

  /// The same value without the high bits that `range`, mantissas with `frac_bits` and proven by
  /// the caller, shows to be superfluous: a quantize that only drops wires.
  ValueId narrow(ValueId a, const fixed::Interval& range, int frac_bits, OriginId origin);
  /// The same value on exactly this grid.
  ValueId on_grid(ValueId a, int frac_bits, OriginId origin);

  void add_output(ValueId id) { function_.add_output(id); }

 private:
  struct Hash {
    std::size_t operator()(const circuit::Instr& instr) const noexcept;
  };
  struct SameValue {
    bool operator()(const circuit::Instr& x, const circuit::Instr& y) const noexcept;
  };

  bool is_zero(ValueId id) const {
    return instr(id).op == circuit::Op::constant && instr(id).immediate == 0;
  }
  ValueId append(const circuit::Instr& instr);
  ValueId exact_constant(std::int64_t mantissa, int frac_bits, OriginId origin);
  ValueId extremum(circuit::Op op, ValueId a, ValueId b, OriginId origin);
  ValueId without_void_clamp(ValueId a, const fixed::Quantizer& to) const;

  ValueId rounded(ValueId a, const fixed::Quantizer& to, OriginId origin);
  ValueId floor_to_even(ValueId a, int frac_bits, OriginId origin);
  ValueId append_quantize(ValueId a, const fixed::Quantizer& to, OriginId origin);
  ValueId before_narrowing(ValueId a) const;

  circuit::Function function_;
  std::unordered_map<circuit::Instr, ValueId, Hash, SameValue> known_;
  std::map<std::vector<std::int64_t>, std::int64_t> tables_;  // mantissas then frac_bits, to row
  std::unordered_set<std::size_t> narrowed_;  // made by narrow(): their operand has the same value
};

/// `function` without the instructions that no output needs.
circuit::Function without_dead_code(const circuit::Function& function);

}  // namespace sluice::synth
