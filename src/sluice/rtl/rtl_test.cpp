#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <regex>
#include <set>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/rtl/core.hpp"
#include "sluice/rtl/kernel.hpp"
#include "sluice/rtl/layout.hpp"
#include "sluice/rtl/names.hpp"
#include "sluice/rtl/verilog.hpp"

namespace sluice::rtl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::filesystem::path kTestData =
    std::filesystem::path(SLUICE_SOURCE_DIR) / "src/sluice/rtl/testdata";

circuit::Parsed parse_sample(const std::string& name) {
  return circuit::parse(read_file(kTestData / (name + ".circuit")), name + ".circuit");
}

TEST(Names, StemsAreIdentifiers) {
  EXPECT_EQ(legal_stem("dense_1"), "dense_1");
  EXPECT_EQ(legal_stem("dense 1/BiasAdd:0"), "dense_1_BiasAdd_0");
  EXPECT_EQ(legal_stem("3x3"), "v3x3");
  EXPECT_EQ(legal_stem("__relu__"), "v_relu");
  EXPECT_EQ(legal_stem(""), "v");
  EXPECT_EQ(legal_stem("\xc3\xa9t\xc3\xa9"), "v_t");
  EXPECT_EQ(legal_stem(std::string(100, 'a')).size(), 48U);
}

TEST(Names, KernelNamesAreChecked) {
  EXPECT_NO_THROW(check_kernel_name("myproject"));
  for (const char* name :
       {"", "1st", "a-b", "a b", "module", "logic", "sluice_shell", "clk", "_a"}) {
    EXPECT_THROW(check_kernel_name(name), UsageError) << name;
  }
}

TEST(Layout, ElementsLieInTheirContainersPortAfterPort) {
  const std::vector<circuit::Port> ports{
      {"a", {{9, 0, true}}, 2}, {"b", {{8, 0, false}}, 1}, {"c", {{8, 0, true}}, 1}};
  const std::vector<ElementSlot> slots = event_layout(ports);
  ASSERT_EQ(slots.size(), 4U);
  EXPECT_EQ(slots[1].low, 16);
  EXPECT_EQ(slots[2].container_bits, 16);  // u8 needs nine bits in a signed container
  EXPECT_EQ(slots[3].low, 48);
  EXPECT_EQ(event_bits(ports), 56);
}

TEST(Layout, BusesArePowersOfTwo) {
  EXPECT_EQ(bus_bits(8), 64);
  EXPECT_EQ(bus_bits(64), 64);
  EXPECT_EQ(bus_bits(72), 128);
  EXPECT_EQ(bus_bits(432), 512);
  EXPECT_EQ(bus_bits(4000), 512);
}

TEST(Verilog, ExpressionsCarryTheirWidths) {
  Module module("m");
  const NetId a = module.add_port({"a", 4, false, NetKind::input, {}});
  EXPECT_THROW(binary(Operator::add, module.whole(a), literal(1, 3)), InternalError);
  EXPECT_THROW(choose(module.whole(a), literal(1, 3), literal(1, 3)), InternalError);
  EXPECT_THROW(module.select(a, 2, 3), InternalError);
  EXPECT_THROW(literal(1, 65), InternalError);
  EXPECT_THROW(concat({}), InternalError);
}

TEST(Verilog, PrintsBracesParenthesesAndUnreadBits) {
  Module module("m");
  const NetId a = module.add_port({"a", 4, false, NetKind::input, {}});
  const NetId y = module.add_port({"y", 8, false, NetKind::output, {}});
  Expr sum = binary(Operator::add, module.select(a, 1, 2), literal(~std::uint64_t{0}, 2));
  Expr negated = unary(Operator::negate, std::move(sum));
  module.assign(y, 0, concat({repeat(module.select(a, 2, 1), 5), literal(0, 1), negated}));
  EXPECT_EQ(module.print(), R"(`default_nettype none
module m (
    input wire [3:0] a,
    output wire [7:0] y
);
  assign y = {{5{a[2]}}, 1'd0, -(a[2:1] + 2'd3)};

  wire unused = &{1'b0, a[0], a[3]};
endmodule
`default_nettype wire
)");
}

TEST(Core, GoldenFiles) {
  for (const std::string name : {"sum", "quantize", "table"}) {
    const circuit::Parsed parsed = parse_sample(name);
    const std::string verilog = emit_core(parsed.circuit, *parsed.schedule, {"golden_" + name});
    const std::filesystem::path golden = kTestData / (name + ".v");
    if (std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr) write_file(golden, verilog);
    EXPECT_EQ(verilog, read_file(golden)) << "SLUICE_UPDATE_GOLDEN=1 rewrites " << golden;
  }
}

TEST(Core, LeavesOutDeadValuesAndFoldsConstants) {
  circuit::Parsed parsed = parse_sample("sum");
  circuit::Function& function = parsed.circuit.function;
  const circuit::ValueId first{0};
  function.negate(first, circuit::OriginId{0});
  parsed.schedule->stages.push_back(0);
  const std::string verilog = emit_core(parsed.circuit, *parsed.schedule, {"sum"});
  EXPECT_THAT(verilog, Not(HasSubstr("input_7")));
  EXPECT_THAT(verilog, Not(HasSubstr("dense_1_2_")));
  // The scale only renames %5, so %6 has no net of its own.
  EXPECT_THAT(verilog, Not(HasSubstr("dense_1_6_")));
}

TEST(Core, SplitsLongBlocks) {
  const circuit::Parsed parsed = parse_sample("sum");
  const auto blocks = [&](int registers_per_block) {
    const std::string verilog =
        emit_core(parsed.circuit, *parsed.schedule, {"sum", registers_per_block});
    const std::regex always("always @\\(posedge stage_clk");
    return std::distance(std::sregex_iterator(verilog.begin(), verilog.end(), always),
                         std::sregex_iterator());
  };
  EXPECT_EQ(blocks(256), 2);
  EXPECT_EQ(blocks(1), 5);
}

TEST(Core, RefusesBadNamesAndSchedules) {
  circuit::Parsed parsed = parse_sample("sum");
  EXPECT_THROW(emit_core(parsed.circuit, *parsed.schedule, {"my kernel"}), UsageError);
  parsed.schedule->stages.pop_back();
  EXPECT_THROW(emit_core(parsed.circuit, *parsed.schedule, {"sum"}), InternalError);
}

TEST(Kernel, JoinsShellAndCore) {
  const circuit::Parsed parsed = parse_sample("sum");
  const KernelOptions options = kernel_options(parsed.circuit, *parsed.schedule, "muon");
  EXPECT_EQ(options.input_event_bits, 24);
  EXPECT_EQ(options.output_event_bits, 32);
  const std::string verilog = emit_kernel(options);
  EXPECT_THAT(verilog, HasSubstr("module muon (\n    input wire ap_clk,\n"));
  EXPECT_THAT(verilog, HasSubstr(".IN_BUS_BITS(64)"));
  EXPECT_THAT(verilog, HasSubstr(".IN_EVENT_BITS(24)"));
  EXPECT_THAT(verilog, HasSubstr(".OUT_EVENT_BITS(32)"));
  EXPECT_THAT(verilog, HasSubstr(".CORE_LATENCY(2)"));
  EXPECT_THAT(verilog, HasSubstr("muon_core core (\n      .clk(ap_clk),\n      .valid(valid),\n"));
}

/// Every port of the shell is connected, and nothing else is.
TEST(Kernel, HasTheShellsPorts) {
  const std::filesystem::path shell =
      std::filesystem::path(SLUICE_SOURCE_DIR) / "hw/sluice_shell.v";
  const std::string text = read_file(shell);
  const std::string ports = text.substr(0, text.find(");\n"));
  const std::regex declaration(R"((?:input|output)\s+wire\s*(?:\[[^\]]*\])?\s*(\w+))");
  const std::string verilog = emit_kernel({"muon", 24, 32, 2});
  std::set<std::string> names;
  for (std::sregex_iterator match(ports.begin(), ports.end(), declaration), end; match != end;
       ++match) {
    names.insert((*match)[1]);
    EXPECT_THAT(verilog, HasSubstr("." + (*match)[1].str() + "("));
  }
  EXPECT_GT(names.size(), 90U);
}

}  // namespace
}  // namespace sluice::rtl
