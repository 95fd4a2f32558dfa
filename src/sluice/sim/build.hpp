#pragma once

#include <filesystem>
#include <string>

#include "sluice/base/progress.hpp"

namespace sluice::sim {

struct BuildOptions {
  bool trace = false;  ///< waves on demand (Simulator::start_trace); a slower, larger kernel
  int jobs = 2;        ///< compilers at the same time
};

/// Builds the kernel `top` into the shared library `output_library`, ready for Simulator.
///
/// `rtl_folder` holds the kernel's Verilog (`*.v`). Shell modules (`sluice_*.v`) that are not there
/// come from the copies inside this library. The protocol checkers are always built in. Verilator
/// and g++ do the work in a temporary folder; `output_library` appears whole or not at all.
/// `progress` sees stages "verilate" and "compile".
///
/// Throws ToolError: E-SIM-001 verilator or g++ is not installed; E-SIM-002 Verilator refuses the
/// design; E-SIM-003 the generated C++ does not compile. The last two carry the tool's first
/// errors.
void build_kernel_library(const std::filesystem::path& rtl_folder, const std::string& top,
                          const std::filesystem::path& output_library,
                          const BuildOptions& options = {}, ProgressSink& progress = no_progress());

}  // namespace sluice::sim
