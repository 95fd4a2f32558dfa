#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/subprocess.hpp"
#include "sluice/cli/commands.hpp"

namespace sluice::cli {

namespace {

namespace fs = std::filesystem;

/// One thing that this machine may have: a program on PATH or a file in one of some places.
struct Probe {
  std::string_view name;
  std::string_view program;  ///< empty: look for a file
  std::vector<fs::path> files;
  std::string_view enables;
  std::string_view package;  ///< of Debian 12
};

std::vector<Probe> probes() {
  const fs::path libraries = "/usr/lib/x86_64-linux-gnu";
  return {
      {"verilator", "verilator", {}, "Verilated kernels: devices rtl and hw_emu", "verilator"},
      {"g++", "g++", {}, "compiling Verilated kernels", "g++"},
      {"ccache", "ccache", {}, "faster recompilation of kernels", "ccache"},
      {"unzip", "unzip", {}, "XRT's hardware emulation", "unzip"},
      {"XRT", "", {libraries / "libxrt_coreutil.so.2"}, "device xrt:N, `sluice card`", "libxrt1"},
      {"XRT OpenCL", "", {libraries / "libxilinxopencl.so.2"}, "OpenCL hosts", "libxrt1"},
      {"XRT hw_emu shim",
       "",
       {libraries / "libxrt_hwemu.so.2"},
       "the card, cycle by cycle",
       "libxrt1"},
      {"XRT sw_emu shim",
       "",
       {libraries / "libxrt_swemu.so.2"},
       "the card by the SIMD engine",
       "libxrt1"},
      {"python3", "/usr/bin/python3", {}, "plots and reports", "python3 python3-matplotlib"},
      {"yosys", "yosys", {}, "checking area estimates by synthesis", "yosys"},
      {"iverilog", "iverilog", {}, "four-state simulation in the tests", "iverilog"},
      {"vivado", "vivado", {}, "building for a real card", ""},
      {"v++", "v++", {}, "building for a real card", ""},
  };
}

std::optional<fs::path> locate(const Probe& probe) {
  if (!probe.program.empty()) return find_program(std::string(probe.program));
  std::error_code ignored;
  for (const fs::path& file : probe.files) {
    if (fs::exists(file, ignored)) return file;
  }
  return std::nullopt;
}

int run_doctor(const Context& context) {
  Json rows = Json::array();
  std::string text = fmt::format("Sluice {}\n", SLUICE_VERSION);
  for (const Probe& probe : probes()) {
    const std::optional<fs::path> found = locate(probe);
    rows.push_back({{"name", probe.name},
                    {"found", found.has_value()},
                    {"path", found ? found->string() : ""},
                    {"enables", probe.enables},
                    {"package", probe.package}});
    text += fmt::format("{} {:<16} {}", found ? "ok     " : "missing", probe.name, probe.enables);
    if (!found && !probe.package.empty())
      text += fmt::format(" (apt-get install {})", probe.package);
    text += '\n';
  }
  if (!text.empty()) text.pop_back();
  print_result(context, {{"version", SLUICE_VERSION}, {"tools", rows}}, text);
  return 0;
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("doctor", "Which tools exist, and what each enables");
  command->footer("Example: sluice doctor");
  command->callback([&context] { context.run = [&context] { return run_doctor(context); }; });
}

}  // namespace sluice::cli
