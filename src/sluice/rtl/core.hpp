#pragma once

#include <string>

#include "sluice/circuit/circuit.hpp"
#include "sluice/rtl/family.hpp"

namespace sluice::rtl {

struct CoreOptions {
  std::string name = "kernel";  ///< the module is NAME_core
  /// Registers of one stage are spread over `always` blocks of at most so many, which keeps the
  /// functions that Verilator writes, and so its compile time, small.
  int registers_per_block = 256;
  Family family = kFamilies.front();
};

/// Verilog-2001 of a circuit as a free-running pipeline, initiation interval 1:
///
///     module NAME_core (input clk, input valid, input [IN-1:0] x, output [OUT-1:0] y);
///
/// Elements lie in `x` and `y` as event_layout() says. Of an input's container the bits of its
/// range's narrowest format are read; outputs are extended to theirs by their sign. There is no
/// enable and no reset: `y` follows an `x` that was there before clock edge n at edge
/// n + schedule.latency_cycles - 1, and the core registers neither `x` itself nor, behind the last
/// stage, `y`. Hardware does not use `valid`; in simulation (SYNTHESIS is not defined) stages skip
/// the work on an `x` that comes without it, whose `y` means nothing. Each value is one register
/// per stage boundary that it crosses, named LAYER_ID_sSTAGE after the stage that reads it. Values
/// that reach no output are left out. In synthesis, sums of three operands are instances of
/// hw/sluice_ternary_adder.v, unless the family is generic.
///
/// Throws UsageError E-RTL-001 for a name that Verilog does not allow, InternalError for a circuit
/// or schedule that verify() refuses.
std::string emit_core(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                      const CoreOptions& options);

}  // namespace sluice::rtl
