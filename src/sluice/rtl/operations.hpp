#pragma once

#include <array>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "sluice/circuit/carry_chain.hpp"
#include "sluice/circuit/circuit.hpp"
#include "sluice/rtl/family.hpp"
#include "sluice/rtl/number.hpp"
#include "sluice/rtl/verilog.hpp"

namespace sluice::rtl {

using Operands = std::array<Number, 3>;

/// Writes circuit operations as expressions over the bits of their operands.
class OperationWriter {
 public:
  OperationWriter(Module& module, const circuit::Function& function, const Family& family)
      : module_(module),
        function_(function),
        family_(family),
        value_bits_(circuit::value_bits(function)) {}

  /// The bits of a value, which is neither an input nor constant and no mere renaming. Nets that
  /// the operation needs on the way are named after `name`.
  Expr write(circuit::ValueId id, const Operands& operands, const std::string& name);

 private:
  Expr write_sum(const circuit::Instr& instr, const Operands& operands);
  Expr write_ternary_sum(circuit::ValueId id, const Operands& operands, const std::string& name);
  Expr write_extremum(const circuit::Instr& instr, const Operands& operands);
  Expr write_product(const circuit::Instr& instr, const Operands& operands);
  Expr write_lookup(const circuit::Instr& instr, const Number& operand);
  Expr write_quantize(const circuit::Instr& instr, const Number& operand, const std::string& name);
  Number round(const circuit::Instr& instr, const Number& operand, const std::string& name);
  Expr round_up(fixed::Rounding rounding, const Number& operand, int dropped_bits);
  Expr is_above(const circuit::Instr& instr, const Number& rounded);
  Expr is_below(const circuit::Instr& instr, const Number& rounded);

  const circuit::Instr& operand(const circuit::Instr& instr, std::size_t i) const {
    return function_.instr(instr.operands[i]);
  }

  Module& module_;
  const circuit::Function& function_;
  const Family& family_;
  std::vector<circuit::ValueBits> value_bits_;
  /// By table row, least argument and argument width.
  std::map<std::tuple<std::int64_t, std::int64_t, int>, TableId> tables_;
};

}  // namespace sluice::rtl
