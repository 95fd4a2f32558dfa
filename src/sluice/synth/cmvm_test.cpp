#include "sluice/synth/cmvm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <random>

#include "sluice/base/error.hpp"

namespace sluice::synth {
namespace {

using fixed::Interval;

CmvmProblem random_problem(std::size_t inputs, std::size_t outputs, int weight_bits,
                           std::uint64_t seed, int zero_percent = 0) {
  std::mt19937_64 random(seed);
  const std::int64_t limit = std::int64_t{1} << (weight_bits - 1);
  const auto span = static_cast<std::uint64_t>(2 * limit);
  CmvmProblem problem;
  problem.outputs = outputs;
  for (std::size_t i = 0; i < inputs; ++i) {
    problem.inputs.push_back(i % 3 == 0 ? Interval{0, 255} : Interval{-128, 127});
  }
  for (std::size_t i = 0; i < inputs * outputs; ++i) {
    const bool zero = static_cast<int>(random() % 100) < zero_percent;
    problem.matrix.push_back(zero ? 0 : static_cast<std::int64_t>(random() % span) - limit);
  }
  for (std::size_t j = 0; j < outputs; ++j) {
    problem.bias.push_back(j % 4 == 0 ? 0 : static_cast<std::int64_t>(random() % span) - limit);
  }
  return problem;
}

std::int64_t evaluate(const AdderGraph& graph, const AdderTerm& output,
                      const std::vector<std::int64_t>& x) {
  std::vector<std::int64_t> values;
  for (const AdderNode& node : graph.nodes) {
    if (node.kind == AdderNode::Kind::input) {
      values.push_back(x[values.size()]);
    } else if (node.kind == AdderNode::Kind::constant) {
      values.push_back(node.constant);
    } else {
      std::int64_t sum = 0;
      for (const AdderTerm& term : node.sum_terms()) {
        const std::int64_t value = values[static_cast<std::size_t>(term.node)] << term.shift;
        sum += term.negative ? -value : value;
      }
      values.push_back(sum);
    }
    EXPECT_TRUE(node.range.contains(values.back()));
  }
  if (output.node < 0) return 0;
  const std::int64_t value = values[static_cast<std::size_t>(output.node)] << output.shift;
  return output.negative ? -value : value;
}

int adder_count(const AdderGraph& graph) {
  return static_cast<int>(std::ranges::count(graph.nodes, AdderNode::Kind::sum, &AdderNode::kind));
}

TEST(Cmvm, ComputesTheProduct) {
  std::mt19937_64 random(1);
  for (const std::size_t inputs : {1, 2, 5, 9}) {
    for (const std::size_t outputs : {1, 3, 8}) {
      for (const int bits : {1, 2, 5, 12}) {
        const CmvmProblem problem = random_problem(inputs, outputs, bits, random(), 20);
        const AdderGraph graph = solve_cmvm(problem);
        for (int round = 0; round < 10; ++round) {
          std::vector<std::int64_t> x;
          for (const Interval& range : problem.inputs) {
            const auto span = static_cast<std::uint64_t>(range.max - range.min + 1);
            x.push_back(round == 0   ? range.min
                        : round == 1 ? range.max
                                     : range.min + static_cast<std::int64_t>(random() % span));
          }
          for (std::size_t j = 0; j < outputs; ++j) {
            std::int64_t expected = problem.bias[j];
            for (std::size_t i = 0; i < inputs; ++i) {
              expected += problem.matrix[i * outputs + j] * x[i];
            }
            ASSERT_EQ(evaluate(graph, graph.outputs[j], x), expected);
          }
        }
      }
    }
  }
}

TEST(Cmvm, ZeroWeightsCostNothing) {
  CmvmProblem problem{{{-8, 7}, {-8, 7}}, 3, {0, 1, -4, 0, 0, 0}, {0, 0, 0}};
  const AdderGraph graph = solve_cmvm(problem);
  EXPECT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(graph.outputs[0], AdderTerm{});
  EXPECT_EQ(graph.outputs[1], (AdderTerm{0, 0, false}));
  EXPECT_EQ(graph.outputs[2], (AdderTerm{0, 2, true}));
}

TEST(Cmvm, SharesACommonPattern) {
  // x + 2y is used three times; alone each row would take two adders.
  const CmvmProblem problem{
      {{0, 15}, {0, 15}, {0, 15}}, 3, {1, 1, 4, 2, 2, 8, 1, 16, 64}, {0, 0, 0}};
  EXPECT_EQ(adder_count(solve_cmvm(problem)), 3 + 1 - 1);
}

TEST(Cmvm, RangesAreExactForRepeatedInputs) {
  const CmvmProblem problem{{{-128, 127}}, 1, {7}, {0}};
  const AdderGraph graph = solve_cmvm(problem);
  EXPECT_EQ(graph.nodes.back().range, (Interval{-896, 889}));
}

TEST(Cmvm, TakesTheWidestWeights) {
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const CmvmProblem problem{{{0, 1}, {-1, 0}}, 1, {least, std::int64_t{1} << 40}, {0}};
  EXPECT_NO_THROW(solve_cmvm(problem));
  const CmvmProblem too_wide{{{0, 3}}, 1, {least}, {0}};
  EXPECT_THROW(solve_cmvm(too_wide), ModelError);
}

TEST(Cmvm, KeepsTheDepthLimit) {
  const CmvmProblem problem = random_problem(24, 16, 8, 7);
  std::int32_t least_depth = 0;
  for (const int extra : {0, 1, 3}) {
    std::int32_t depth = 0;
    for (const AdderNode& node : solve_cmvm(problem, {.extra_depth = extra}).nodes) {
      depth = std::max(depth, node.depth);
    }
    if (extra == 0) least_depth = depth;
    EXPECT_LE(depth, least_depth + extra);
  }
  // 24 inputs of at most 4 digits each, and a bias.
  EXPECT_LE(least_depth, 7);
}

TEST(Cmvm, IsDeterministic) {
  const CmvmProblem problem = random_problem(12, 12, 8, 3);
  for (const Effort effort : {Effort::fast, Effort::normal, Effort::max}) {
    const CmvmOptions options{.extra_depth = 2, .effort = effort};
    EXPECT_EQ(solve_cmvm(problem, options), solve_cmvm(problem, options));
  }
}

/// Weights of one sign, between half and all of their largest value: neighbouring columns differ by
/// less than they hold.
CmvmProblem one_sided_problem(std::size_t size, int weight_bits, std::uint64_t seed) {
  CmvmProblem problem = random_problem(size, size, weight_bits, seed);
  const std::int64_t limit = std::int64_t{1} << (weight_bits - 1);
  for (std::int64_t& weight : problem.matrix) weight = limit + std::abs(weight) % limit;
  return problem;
}

// The published average of a heuristic that takes minutes is 353 adders for 16 x 16 matrices of
// this kind at two levels more than the least depth.
TEST(Cmvm, DifferencesOfColumnsSaveAdders) {
  int fast = 0;
  int normal = 0;
  int most = 0;
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    const CmvmProblem problem = one_sided_problem(16, 8, seed);
    fast += adder_count(solve_cmvm(problem, {.extra_depth = 2, .effort = Effort::fast}));
    normal += adder_count(solve_cmvm(problem, {.extra_depth = 2}));
    most += adder_count(solve_cmvm(problem, {.extra_depth = 2, .effort = Effort::max}));
  }
  EXPECT_LT(100 * normal, 90 * fast);
  EXPECT_LT(most, normal);
}

TEST(Cmvm, DecompositionsKeepTheDepthLimitAndTheProduct) {
  for (const int extra : {0, 1, 2, 12}) {
    const CmvmProblem problem = one_sided_problem(9, 7, static_cast<std::uint64_t>(extra));
    std::int32_t depth = 0;
    const AdderGraph graph = solve_cmvm(problem, {.extra_depth = extra, .effort = Effort::max});
    for (const AdderNode& node : graph.nodes) depth = std::max(depth, node.depth);
    // Nine weights of at most four digits, and a bias.
    EXPECT_LE(depth, 6 + extra);
    EXPECT_NO_THROW(prove_equal(problem, graph));
  }
}

TEST(Cmvm, EqualAndOppositeColumnsAreBuiltOnce) {
  const CmvmProblem problem{{{-8, 7}, {-8, 7}}, 3, {5, 5, -5, 3, 3, -3}, {7, 7, -7}};
  const AdderGraph graph = solve_cmvm(problem, {.effort = Effort::max});
  EXPECT_EQ(graph.outputs[0], graph.outputs[1]);
  EXPECT_EQ(graph.outputs[0].node, graph.outputs[2].node);
  EXPECT_NE(graph.outputs[0].negative, graph.outputs[2].negative);
}

TEST(Cmvm, AlgebraFindsEverySingleFault) {
  const CmvmProblem problem = random_problem(6, 5, 6, 11);
  const AdderGraph graph = solve_cmvm(problem);
  const auto broken = [&](auto&& change) {
    AdderGraph copy = graph;
    change(copy);
    EXPECT_THROW(prove_equal(problem, copy), InternalError);
  };
  EXPECT_NO_THROW(prove_equal(problem, graph));
  for (std::size_t id = problem.inputs.size(); id < graph.nodes.size(); ++id) {
    if (graph.nodes[id].kind == AdderNode::Kind::constant) {
      broken([&](AdderGraph& g) { ++g.nodes[id].constant; });
      continue;
    }
    for (std::size_t k = 0; k < graph.nodes[id].sum_terms().size(); ++k) {
      broken([&](AdderGraph& g) { ++g.nodes[id].terms[k].shift; });
      broken([&](AdderGraph& g) { g.nodes[id].terms[k].negative ^= true; });
      broken([&](AdderGraph& g) {
        g.nodes[id].terms[k].node = g.nodes[id].terms[k].node == 0 ? 1 : 0;
      });
    }
    broken([&](AdderGraph& g) { ++g.nodes[id].range.max; });
  }
  for (std::size_t j = 0; j < graph.outputs.size(); ++j) {
    broken([&](AdderGraph& g) { g.outputs[j].negative = !g.outputs[j].negative; });
    broken([&](AdderGraph& g) { g.outputs[j].shift += 1; });
  }
}

// Without sharing a 16 x 16 matrix of 8 bits takes one adder per signed digit, less one per row.
TEST(Cmvm, SharingSavesTwoFifthsOfTheAdders) {
  CmvmProblem problem = random_problem(16, 16, 8, 1);
  std::ranges::fill(problem.bias, 0);
  int digits = 0;
  for (const std::int64_t weight : problem.matrix) {
    const auto magnitude = static_cast<std::uint64_t>(std::abs(weight));
    digits += std::popcount(magnitude ^ (magnitude * 3));
  }
  EXPECT_LE(5 * adder_count(solve_cmvm(problem)), 3 * (digits - 16));
}

}  // namespace
}  // namespace sluice::synth
