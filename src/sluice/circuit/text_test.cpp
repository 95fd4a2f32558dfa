#include "sluice/circuit/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/base/error.hpp"
#include "sluice/circuit/random_circuit.hpp"

namespace sluice::circuit {
namespace {

constexpr std::string_view kText = R"(circuit "sample" latency 2
input "x" elements 2 as s8.4 RND SAT
output "y" elements 1 as s12.4 TRN WRAP
origin "dense_1"
origin "a \"quoted\" name"
function "main"
table frac 0 [3, -1]
%0 = input 1 : s8.4 [-128, 127] @"dense_1" stage 0
%1 = constant -3 : s3.4 [-3, -3] @"dense_1" stage 0
%2 = add %0, %1 << 2 : s9.4 [-140, 115] @"dense_1" stage 0
%3 = quantize %2 RND_CONV SAT : s3.1 [-4, 3] @"a \"quoted\" name" stage 0
%4 = max %2, %3 : s8.4 [-32, 115] @"dense_1" stage 1
result %4
)";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kText);
  text.replace(text.find(from), from.size(), to);
  return text;
}

std::string refusal(const std::string& text) {
  try {
    parse(text, "file");
  } catch (const ModelError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CircuitText, ParsesAndPrintsTheSameText) {
  const Parsed parsed = parse(kText);
  ASSERT_TRUE(parsed.schedule);
  EXPECT_EQ(parsed.schedule->latency_cycles, 2);
  EXPECT_EQ(parsed.circuit.function.instr(static_cast<ValueId>(2)).shift, 2);
  EXPECT_EQ(print(parsed.circuit, &*parsed.schedule), kText);
}

TEST(CircuitText, RandomCircuitsSurviveTheRoundTrip) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Circuit circuit = testing::random_circuit(seed);
    const Schedule schedule = testing::random_schedule(circuit, seed, 4);
    const Parsed plain = parse(print(circuit));
    EXPECT_EQ(plain.circuit, circuit) << print(circuit);
    EXPECT_FALSE(plain.schedule);
    const Parsed scheduled = parse(print(circuit, &schedule));
    EXPECT_EQ(scheduled.circuit, circuit);
    EXPECT_EQ(scheduled.schedule, schedule);
  }
}

TEST(CircuitText, RefusalsNameTheLine) {
  using ::testing::HasSubstr;
  EXPECT_THAT(refusal(replaced("add", "plus")), HasSubstr("file:10: unknown operation 'plus'"));
  EXPECT_THAT(refusal(replaced("%2, %3 :", "%2, %4 :")), HasSubstr("file:12: expected one of"));
  EXPECT_THAT(refusal(replaced("%2, %3 :", "%2, %-1 :")), HasSubstr("file:12: expected one of"));
  EXPECT_THAT(refusal(replaced("%2 =", "%5 =")), HasSubstr("file:10: expected '%2'"));
  EXPECT_THAT(refusal(replaced("[-140, 115]", "[-140, 116]")), HasSubstr("the result is s9.4"));
  EXPECT_THAT(refusal(replaced("<< 2", "<< 99")), HasSubstr("more than 64 bits"));
  EXPECT_THAT(refusal(replaced("elements 2", "elements 1")), HasSubstr("reads element 1 of 1"));
  EXPECT_THAT(refusal(replaced("elements 2", "elements 99999999999")), HasSubstr("range"));
  EXPECT_THAT(refusal(replaced("latency 2", "latency 1")), HasSubstr("stage 1 of 1"));
  EXPECT_THAT(refusal(replaced("stage 1\n", "\n")), HasSubstr("expected 'stage'"));
  EXPECT_THAT(refusal(replaced("result %4", "result %4 result %4")), HasSubstr("2 outputs"));
  EXPECT_THAT(refusal(replaced("@\"dense_1\"", "@\"dense_2\"")), HasSubstr("no origin 'dense_2'"));
  EXPECT_THAT(refusal(replaced("[3, -1]", "[]")), HasSubstr("expected an integer"));
}

TEST(CircuitText, EveryTruncationIsRefusedOrReadWithoutHarm) {
  for (std::size_t length = 0; length + 1 < kText.size(); ++length) {
    try {
      parse(kText.substr(0, length));
    } catch (const ModelError&) {
      continue;
    }
    // Only the last newline may be missing.
    EXPECT_EQ(length + 1, kText.size());
  }
}

}  // namespace
}  // namespace sluice::circuit
