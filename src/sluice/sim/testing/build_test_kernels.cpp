// Builds the library of every test shape: build_test_kernels BENCH_FOLDER OUTPUT_FOLDER.

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <regex>
#include <string>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/sim/build.hpp"
#include "sluice/sim/testing/test_kernels.hpp"

namespace {

namespace fs = std::filesystem;
using sluice::sim::testing::Shape;

std::string with_parameter(const std::string& text, const std::string& name, int value) {
  const std::regex line("(parameter " + name + " *= )[0-9]+");
  return std::regex_replace(text, line, fmt::format("$01{}", value));
}

void build(const Shape& shape, const fs::path& bench, const fs::path& output) {
  const sluice::TemporaryFolder rtl("sluice-test-kernel");
  std::string top = sluice::read_file(bench / "sluice_example.v");
  top = with_parameter(top, "IN_BUS_BITS", shape.in_bus_bits);
  top = with_parameter(top, "OUT_BUS_BITS", shape.out_bus_bits);
  top = with_parameter(top, "IN_EVENT_BITS", shape.in_event_bits);
  top = with_parameter(top, "OUT_EVENT_BITS", shape.out_event_bits);
  top = with_parameter(top, "CORE_LATENCY", shape.core_latency);
  sluice::write_file(rtl.path() / "sluice_example.v", top);
  sluice::write_file(rtl.path() / "sluice_test_core.v",
                     sluice::read_file(bench / "sluice_test_core.v"));
  const auto begin = std::chrono::steady_clock::now();
  sluice::sim::build_kernel_library(rtl.path(), "sluice_example",
                                    sluice::sim::testing::kernel_library(output, shape.name),
                                    {.trace = shape.name == "bytes"});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  fmt::print("{}: {:.1f} s\n", shape.name, seconds.count());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  try {
    fs::create_directories(arguments[2]);
    for (const Shape& shape : sluice::sim::testing::kShapes) {
      build(shape, arguments[1], arguments[2]);
    }
  } catch (const sluice::Error& error) {
    fmt::print(stderr, "{} {}: {}\n{}\n", error.code(), error.subject(), error.message(),
               error.hint());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
