#pragma once

#include <string>

#include "sluice/circuit/circuit.hpp"

namespace sluice::rtl {

struct KernelOptions {
  std::string name = "kernel";  ///< the module is NAME, around NAME_core
  int input_event_bits = 8;     ///< width of the core's x
  int output_event_bits = 8;    ///< width of the core's y
  int latency_cycles = 1;       ///< of the core
  int interval_cycles = 1;      ///< between the events that the core takes
};

/// The options that fit emit_core() for the same circuit, schedule and name.
KernelOptions kernel_options(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                             std::string name);

/// Verilog-2001 of a kernel's top module: the AXI ports, the shell `sluice_shell` with its
/// parameters, and NAME_core. Buses are bus_bits() wide. Throws UsageError E-RTL-001 for a name
/// that Verilog does not allow.
std::string emit_kernel(const KernelOptions& options);

}  // namespace sluice::rtl
