// Processes by hand: what a circuit of several functions computes, and what its checks find.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/circuit/interpreter.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/circuit/verify.hpp"

namespace sluice::circuit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// x[3]; y[i] = x[i-1] + x[i+1], 0 outside of x; the output is 5 + y[0] + 2 y[1] + 3 y[2], the
/// weights from a table of the tick.
constexpr const char* kText = R"(circuit "sum" latency 10 start 9 interval 3
input "x" elements 3 as s4.0 TRN WRAP
output "y" elements 1 as s12.0 TRN WRAP
origin "x"
origin "window"
origin "total"
process extents [3] start 1 intervals [1] latency 1
source port 0 strides [1]
function "x"
%0 = input 0 : s4.0 [-8, 7] @"x" stage 0
result %0
process extents [3] start 3 intervals [1] latency 3
source tap 0 output 0 offsets [-1] strides [1] outside 0
source tap 0 output 0 offsets [1] strides [1] outside 0
source tick 0
function "window"
table frac 0 [1, 2, 3]
%0 = input 0 : s4.0 [-8, 7] @"window" stage 0
%1 = input 1 : s4.0 [-8, 7] @"window" stage 0
%2 = add %0, %1 : s5.0 [-16, 14] @"window" stage 0
%3 = input 2 : u2.0 [0, 2] @"window" stage 0
%4 = lookup %3 0 : u2.0 [1, 3] @"window" stage 0
%5 = multiply %2, %4 : s7.0 [-48, 42] @"window" stage 1
result %5
process extents [3] start 6 intervals [1] latency 1
source tap 1 output 0 offsets [0] strides [1] outside 0
source state 0 initial 5
function "total"
%0 = input 0 : s7.0 [-48, 42] @"total" stage 0
%1 = input 1 : s9.0 [-256, 255] @"total" stage 0
%2 = add %1, %0 : s10.0 [-304, 297] @"total" stage 0
%3 = quantize %2 TRN WRAP : s9.0 [-256, 255] @"total" stage 0
result %3
source tap 2 output 0 offsets [2] strides [0] outside 0
function "last"
%0 = input 0 : s9.0 [-256, 255] @"total" stage 0
result %0
)";

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kText;
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::invalid_argument(from);
  return text.replace(at, from.size(), to);
}

std::string refusal_of(const std::string& text) {
  try {
    parse(text);
  } catch (const ModelError& error) {
    return error.message();
  }
  return "nothing";
}

TEST(Processes, TapsTablesAndStates) {
  const Parsed parsed = parse(kText);
  EXPECT_EQ(print(parsed.circuit, &*parsed.schedule), kText);
  const Interpreter interpreter(parsed.circuit, Checking::ranges);
  const std::vector<std::int64_t> events{1, 2, 3, -8, -8, -8, 7, 0, -1};
  std::vector<std::int64_t> outputs(3);
  interpreter.run(events, outputs);
  EXPECT_THAT(outputs, ElementsAre(5 + 2 + 2 * 4 + 3 * 2, 5 - 8 - 2 * 16 - 3 * 8, 5 + 0 + 12 + 0));
  EXPECT_EQ(interpreter.evaluate(std::vector<std::int64_t>{1, 2, 3}).back(), 21);
}

TEST(Processes, InputsAreChecked) {
  const Parsed parsed = parse(kText);
  const Interpreter interpreter(parsed.circuit);
  std::vector<std::int64_t> output(1);
  EXPECT_THROW(interpreter.run(std::vector<std::int64_t>{0, 8, 0}, output), UsageError);
  EXPECT_THROW(interpreter.run(std::vector<std::int64_t>{0, 0}, output), UsageError);
}

TEST(Processes, WhatSourcesMayBe) {
  EXPECT_THAT(refusal_of(replaced("source port 0 strides [1]", "source port 1 strides [1]")),
              HasSubstr("reads beyond"));
  EXPECT_THAT(refusal_of(replaced("source port 0 strides [1]", "source port 0 strides [0]")),
              HasSubstr("in order"));
  EXPECT_THAT(refusal_of(replaced("source tap 0 output 0 offsets [-1]",
                                  "source tap 1 output 0 offsets [-1]")),
              HasSubstr("does not come before"));
  EXPECT_THAT(refusal_of(replaced("output 0 offsets [-1]", "output 1 offsets [-1]")),
              HasSubstr("no output 1"));
  EXPECT_THAT(refusal_of(replaced("strides [1] outside 0", "strides [1] outside 8")),
              HasSubstr("does not hold"));
  EXPECT_THAT(refusal_of(replaced("offsets [-1] strides [1]", "offsets [-1] strides []")),
              HasSubstr("1 offsets and 0 strides for 1 levels"));
  EXPECT_THAT(refusal_of(replaced("source tick 0", "source tick 2")), HasSubstr("no level"));
  EXPECT_THAT(refusal_of(replaced("source state 0 initial 5", "source state 0 initial 256")),
              HasSubstr("does not hold"));
  EXPECT_THAT(refusal_of(replaced("source state 0 initial 5", "source port 0 strides [1]")),
              HasSubstr("only the first process"));
  EXPECT_THAT(refusal_of(replaced("process extents [3] start 3", "process extents [0] start 3")),
              HasSubstr("0"));
  EXPECT_THAT(refusal_of(replaced("source tap 2 output 0 offsets [2]",
                                  "source tick 0\nsource tap 2 output 0 offsets [2]")),
              HasSubstr("taps only"));
}

TEST(Processes, WhatAScheduleMayBe) {
  EXPECT_THAT(refusal_of(replaced("start 3 intervals", "start 2 intervals")),
              HasSubstr("before it is there"));
  EXPECT_THAT(
      refusal_of(replaced("interval 3", "interval 5")
                     .replace(replaced("interval 3", "interval 5").find("start 6 intervals [1]"),
                              21, "start 6 intervals [2]")),
      HasSubstr("every 2 cycles"));
  EXPECT_THAT(refusal_of(replaced("interval 3", "interval 2")), HasSubstr("takes 3 cycles"));
  EXPECT_THAT(
      refusal_of(replaced("start 6 intervals [1] latency 1", "start 6 intervals [1] latency 2")),
      HasSubstr("has a state"));
  EXPECT_THAT(refusal_of(replaced("latency 10 start 9", "latency 10 start 8")),
              HasSubstr("before it is there"));
}

}  // namespace
}  // namespace sluice::circuit
