// build_test_package SOURCE_FOLDER CARD_PROGRAM OUTPUT_FOLDER
// The package of runtime/test_package.hpp, complete: with its Verilated kernel and its xclbin.

#include <fmt/format.h>

#include <cstdio>
#include <regex>
#include <string>

#include "card/image/card_image.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/package/xclbin.hpp"
#include "sluice/runtime/test_package.hpp"
#include "sluice/sim/build.hpp"

namespace {

namespace fs = std::filesystem;
using namespace sluice;

void build_kernel(const package::Manifest& manifest, const fs::path& source, const fs::path& to) {
  const TemporaryFolder rtl("sluice-runtime-kernel");
  std::string top = read_file(source / "hw/bench/sluice_example.v");
  const auto replace = [&](const std::string& pattern, const std::string& by) {
    top = std::regex_replace(top, std::regex(pattern), by);
  };
  const auto parameter = [&](const std::string& name, std::int64_t value) {
    replace("(parameter " + name + " *= )[0-9]+", fmt::format("$01{}", value));
  };
  replace("module sluice_example", "module " + manifest.name);
  parameter("IN_BUS_BITS", manifest.input.bus_bits());
  parameter("OUT_BUS_BITS", manifest.output.bus_bits());
  parameter("IN_EVENT_BITS", 8 * manifest.input.event_bytes());
  parameter("OUT_EVENT_BITS", 8 * manifest.output.event_bytes());
  parameter("CORE_LATENCY", manifest.latency_cycles);
  write_file(rtl.path() / (manifest.name + ".v"), top);
  write_file(rtl.path() / "sluice_test_core.v",
             read_file(source / "tests/runtime/three_to_two_core.v"));
  fs::create_directories(to.parent_path());
  sim::build_kernel_library(rtl.path(), manifest.name, to);
}

package::XclbinContent describe(const package::Manifest& manifest) {
  package::XclbinKernel kernel;
  kernel.name = manifest.name;
  kernel.instances = {{manifest.name + "_1", package::kFirstInstanceAddress}};
  kernel.arguments = {
      {"input", true, "const short*", 8, package::registers::kInput, "M_AXI_GMEM0", 0},
      {"output", true, "char*", 8, package::registers::kOutput, "M_AXI_GMEM1", 0},
      {"n", false, "unsigned int", 4, package::registers::kEvents, "", 0}};
  kernel.ports = {{"M_AXI_GMEM0", static_cast<std::uint32_t>(manifest.input.bus_bits())},
                  {"M_AXI_GMEM1", static_cast<std::uint32_t>(manifest.output.bus_bits())}};
  package::XclbinContent content;
  content.platform = "sluice:emulated:card:1.0";
  content.clock_mhz = static_cast<std::uint32_t>(manifest.clock_mhz);
  content.banks = {{"bank0", 0x4'0000'0000, std::uint64_t{16} << 30}};
  content.kernels = {kernel};
  return content;
}

void build(const fs::path& source, const fs::path& card_program, const fs::path& output) {
  StagedFolder staged(output);
  const fs::path& folder = staged.path();
  const package::Package package = runtime::testing::write_package(folder);
  const package::Manifest& manifest = package.manifest();
  build_kernel(manifest, source, folder / "sim/kernel.so");
  package::XclbinContent xclbin = describe(manifest);
  xclbin.bitstream =
      card::make_card_bitstream({.manifest_json = read_file(folder / "manifest.json"),
                                 .network_text = read_file(package.network_file()),
                                 .kernel_library = folder / "sim/kernel.so",
                                 .card_program = card_program},
                                xclbin);
  write_file(package.xclbin_file(), package::write_xclbin(xclbin));
  package::seal(folder, manifest);
  staged.commit();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    build(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return exit_code(error.kind());
  }
}
