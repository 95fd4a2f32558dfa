#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/fixed/format.hpp"
#include "sluice/fixed/interval.hpp"
#include "sluice/fixed/quantize.hpp"

/// The scalar form: flat static single assignment over fixed-point scalars. Value = mantissa *
/// 2^-frac_bits, and every operation but `quantize` is exact.
namespace sluice::circuit {

enum class Op : std::uint8_t {
#define SLUICE_OP(name, operands) name,
#include "sluice/circuit/ops.def"
#undef SLUICE_OP
};

std::string_view to_string(Op op) noexcept;
int operand_count(Op op) noexcept;

/// Whether it is the sum of two or three operands, shifted and signed.
bool is_sum(Op op) noexcept;
/// Whether a sum subtracts that operand. The first one never is.
bool is_subtracted(Op op, std::size_t operand) noexcept;

/// Position of an instruction in its function; operands have smaller ids than their users.
enum class ValueId : std::int32_t {};
constexpr std::size_t index(ValueId id) noexcept { return static_cast<std::size_t>(id); }

/// Row of Circuit::origins(): the layer, in the user's words, that a value was made for.
enum class OriginId : std::int32_t {};
constexpr std::size_t index(OriginId id) noexcept { return static_cast<std::size_t>(id); }

struct Instr {
  Op op = Op::constant;
  fixed::Rounding rounding = fixed::Rounding::trn;   ///< quantize only
  fixed::Overflow overflow = fixed::Overflow::wrap;  ///< quantize only
  std::int32_t shift = 0;                            ///< sums: of the second operand; scale
  std::int32_t third_shift = 0;                      ///< sums of three: of the third operand
  std::array<ValueId, 3> operands{};                 ///< the first operand_count(op) are meant
  std::int64_t immediate = 0;                        ///< input, constant, lookup
  /// Narrowest format of `range`, inferred; for quantize and lookup the result lies on its grid.
  fixed::Format format;
  fixed::Interval range;  ///< exact interval of the mantissa, inferred (given for input, lookup)
  OriginId origin{};

  friend bool operator==(const Instr&, const Instr&) = default;
};

/// By how much a sum shifts that operand: 0 for the first; 0 for what is no sum.
int operand_shift(const Instr& instr, std::size_t operand) noexcept;

/// Mantissas of a `lookup`, all with `frac_bits`; entry i belongs to operand mantissa range.min +
/// i.
struct Table {
  int frac_bits = 0;
  std::vector<std::int64_t> mantissas;
  friend bool operator==(const Table&, const Table&) = default;
};

/// One element of an input or output port: the outside sees its mantissa in the port's format.
struct Port {
  std::string name;
  fixed::Quantizer quantizer;  ///< of input ports: how real numbers enter; of outputs: their format
  std::int64_t elements = 0;
  friend bool operator==(const Port&, const Port&) = default;
};

/// A pure function from input elements to output elements.
///
/// Invariants (checked by verify()): causal ids; each `input` element at most once; formats and
/// ranges as inferred; every output value has the port's frac_bits and fits its format.
class Function {
 public:
  explicit Function(std::string name = "main") : name_(std::move(name)) {}

  const std::string& name() const noexcept { return name_; }
  std::span<const Instr> instrs() const noexcept { return instrs_; }
  const Instr& instr(ValueId id) const { return instrs_.at(index(id)); }
  const std::vector<Table>& tables() const noexcept { return tables_; }
  std::span<const ValueId> outputs() const noexcept { return outputs_; }

  ValueId input(std::int64_t element, const fixed::Format& format, const fixed::Interval& range,
                OriginId origin);
  ValueId constant(std::int64_t mantissa, int frac_bits, OriginId origin);
  ValueId add(ValueId a, ValueId b, int shift, OriginId origin);
  ValueId sub(ValueId a, ValueId b, int shift, OriginId origin);
  /// `op` is one of the sums of three.
  ValueId sum(Op op, const std::array<ValueId, 3>& operands, int shift, int third_shift,
              OriginId origin);
  ValueId negate(ValueId a, OriginId origin);
  ValueId scale(ValueId a, int shift, OriginId origin);
  ValueId multiply(ValueId a, ValueId b, OriginId origin);
  ValueId max(ValueId a, ValueId b, OriginId origin);
  ValueId min(ValueId a, ValueId b, OriginId origin);
  ValueId quantize(ValueId a, const fixed::Quantizer& to, OriginId origin);
  /// An equal table is stored once.
  ValueId lookup(ValueId a, const Table& table, OriginId origin);

  /// Adds any instruction; the calls above are short forms of it. Format and range are inferred
  /// and what `instr` holds there is replaced, save the range and frac_bits of an `input`. An
  /// `overflow` of quantize becomes `sat` where that is the same in the narrowest format. Throws
  /// ModelError: E-CIRCUIT-001 for operands, tables, ranges or shifts that do not exist or do not
  /// match, E-FIXED-001 or E-FIXED-003 for a result beyond 64 bits.
  ValueId append(Instr instr);
  std::int64_t add_table(Table table);  ///< its row, for Instr::immediate
  /// Declares the next output element.
  void add_output(ValueId id) { outputs_.push_back(id); }

  friend bool operator==(const Function&, const Function&) = default;

 private:
  std::string name_;
  std::vector<Instr> instrs_;
  std::vector<Table> tables_;
  std::vector<ValueId> outputs_;
};

/// Functions, ports and the names of the layers they came from. Today one function, fully parallel.
struct Circuit {
  std::string name;
  std::vector<Port> inputs;   ///< function input elements, port after port
  std::vector<Port> outputs;  ///< function output elements, port after port
  std::vector<std::string> origins;
  Function function;
  friend bool operator==(const Circuit&, const Circuit&) = default;
};

/// Side table: the pipeline stage in which each value is computed, 0 .. latency_cycles - 1.
///
/// Inputs and constants are at stage 0. A value used in a later stage is registered at the end of
/// each stage that it crosses; outputs are registered at the end of the last one. So an output
/// appears latency_cycles >= 1 clock edges after its inputs, and a new event starts every clock
/// (initiation interval 1).
struct Schedule {
  int latency_cycles = 1;
  std::vector<std::int32_t> stages;  ///< one per instruction
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

}  // namespace sluice::circuit
