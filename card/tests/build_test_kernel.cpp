// build_test_kernel BENCH_FOLDER CORE_FILE OUTPUT_LIBRARY
// Verilates the example kernel of the bench folder around a core that adds 1 to each byte.

#include <cstdio>
#include <regex>
#include <string>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/sim/build.hpp"

namespace {

namespace fs = std::filesystem;

std::string with_parameter(const std::string& text, const std::string& name, int value) {
  return std::regex_replace(text, std::regex("(parameter " + name + " *= )[0-9]+"),
                            "$01" + std::to_string(value));
}

void build(const fs::path& bench, const fs::path& core, const fs::path& library) {
  const sluice::TemporaryFolder rtl("sluice-card-kernel");
  std::string top = sluice::read_file(bench / "sluice_example.v");
  for (const char* bus : {"IN_BUS_BITS", "OUT_BUS_BITS"}) top = with_parameter(top, bus, 64);
  for (const char* event : {"IN_EVENT_BITS", "OUT_EVENT_BITS"}) top = with_parameter(top, event, 8);
  top = with_parameter(top, "CORE_LATENCY", 3);
  sluice::write_file(rtl.path() / "sluice_example.v", top);
  sluice::write_file(rtl.path() / "sluice_test_core.v", sluice::read_file(core));
  fs::create_directories(library.parent_path());
  sluice::sim::build_kernel_library(rtl.path(), "sluice_example", library, {.trace = true});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    build(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const sluice::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return sluice::exit_code(error.kind());
  }
}
