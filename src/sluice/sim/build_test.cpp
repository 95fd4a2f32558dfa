#include "sluice/sim/build.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/sim/simulator.hpp"

namespace sluice::sim {
namespace {

using ::testing::HasSubstr;

// The example top around a core that passes each byte on and refuses 0xEE.
class Build : public ::testing::Test {
 protected:
  Build() {
    const std::filesystem::path bench = std::filesystem::path(SLUICE_SOURCE_DIR) / "hw/bench";
    std::string top = read_file(bench / "sluice_example.v");
    const auto replace = [&](const std::string& from, const std::string& to) {
      top.replace(top.find(from), from.size(), to);
    };
    replace("IN_EVENT_BITS  = 432", "IN_EVENT_BITS  = 8");
    replace("OUT_EVENT_BITS = 16", "OUT_EVENT_BITS = 8");
    replace("IN_BUS_BITS    = 512", "IN_BUS_BITS    = 64");
    write("sluice_example.v", top);
  }

  void write(const std::string& name, const std::string& text) const {
    write_file(rtl_.path() / name, text);
  }

  void write_core(const std::string& body) const {
    write("sluice_test_core.v",
          "module sluice_test_core #(parameter IN_BITS = 8, parameter OUT_BITS = 8,\n"
          "    parameter LATENCY = 1) (input wire clk, input wire [IN_BITS-1:0] x,\n"
          "    output wire [OUT_BITS-1:0] y);\n" +
              body + "endmodule\n");
  }

  // The error that a build throws.
  template <class Exception>
  std::pair<std::string, std::string> failure() const {
    try {
      build_kernel_library(rtl_.path(), "sluice_example", library());
    } catch (const Exception& error) {
      return {error.code(), error.message() + " / " + error.hint()};
    }
    return {};
  }

  std::filesystem::path library() const { return output_.path() / "kernel.so"; }

  TemporaryFolder rtl_, output_;
};

class Recorder : public ProgressSink {
 public:
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override {
    stages.emplace_back(stage);
    last_done = done;
    last_total = total;
  }
  std::vector<std::string> stages;
  std::uint64_t last_done = 0, last_total = 0;
};

TEST_F(Build, ReportsProgressAndAReportOfTheKernelBecomesADeviceError) {
  write_core(
      "  reg [7:0] stages[0:LATENCY-1];\n  integer k;\n  assign y = stages[LATENCY-1];\n"
      "  always @(posedge clk) begin\n    stages[0] <= x;\n"
      "    for (k = 1; k < LATENCY; k = k + 1) stages[k] <= stages[k-1];\n"
      "    if (x == 8'hEE) $error(\"core: refused\");\n  end\n");
  Recorder recorder;
  build_kernel_library(rtl_.path(), "sluice_example", library(), {}, recorder);
  EXPECT_EQ(recorder.stages.front(), "verilate");
  EXPECT_EQ(recorder.stages.back(), "compile");
  EXPECT_GT(recorder.last_total, 2U);
  EXPECT_EQ(recorder.last_done, recorder.last_total);

  Simulator simulator(library(), {.check_allocations = false, .register_seed = 7});
  const std::string text = "sluice";
  simulator.memory().write(0x1000, std::as_bytes(std::span(text)));
  simulator.run({0x1000, 0x2000, 6}, 10'000);
  std::string found(6, ' ');
  simulator.memory().read(0x2000, std::as_writable_bytes(std::span(found)));
  EXPECT_EQ(found, text);

  simulator.memory().write(0x1003, std::vector{std::byte{0xEE}});
  try {
    simulator.run({0x1000, 0x2000, 6}, 10'000);
    FAIL() << "the run ended";
  } catch (const DeviceError& error) {
    EXPECT_EQ(error.code(), "E-SIM-005");
    EXPECT_THAT(error.message(), HasSubstr("core: refused"));
    EXPECT_THAT(error.message(), HasSubstr("sluice_example.core"));
  }
}

TEST_F(Build, NamesVerilatorsFirstError) {
  write_core("  assign y = no_such_wire + ;\n");
  const auto [code, text] = failure<ToolError>();
  EXPECT_EQ(code, "E-SIM-002");
  EXPECT_THAT(text, HasSubstr("sluice_test_core.v:4"));
  EXPECT_FALSE(std::filesystem::exists(library()));
}

TEST_F(Build, RefusesAFolderWithoutVerilogAndAnUnknownTop) {
  const TemporaryFolder empty;
  EXPECT_THROW(build_kernel_library(empty.path(), "sluice_example", library()), ToolError);
  write_core("  assign y = x;\n");
  EXPECT_THROW(build_kernel_library(rtl_.path(), "no_such_top", library()), ToolError);
}

TEST_F(Build, NamesTheProgramThatIsMissing) {
  const char* old_path = std::getenv("PATH");
  const std::string path = old_path != nullptr ? old_path : "";
  ::setenv("PATH", output_.path().c_str(), 1);
  const auto [code, text] = failure<ToolError>();
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(code, "E-SIM-001");
  EXPECT_THAT(text, HasSubstr("apt-get install verilator"));
}

// A design without the kernel's ports verilates, but the bridge cannot be compiled with it.
TEST_F(Build, NamesTheCompilersFirstError) {
  write("sluice_example.v",
        "module sluice_example(input wire ap_clk, output wire y);\n  assign y = ap_clk;\n"
        "endmodule\n");
  const auto [code, text] = failure<ToolError>();
  EXPECT_EQ(code, "E-SIM-003");
  EXPECT_THAT(text, HasSubstr("ap_rst_n"));
}

}  // namespace
}  // namespace sluice::sim
