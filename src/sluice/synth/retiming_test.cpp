#include "sluice/synth/retiming.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "sluice/synth/flow.hpp"

namespace sluice::synth {
namespace {

using Stages = std::vector<std::int32_t>;

std::int64_t register_bits(const RetimingProblem& problem, const Stages& stages) {
  std::int64_t bits = 0;
  for (std::size_t v = 0; v < stages.size(); ++v) {
    const RetimingProblem::Value& value = problem.values[v];
    std::int32_t end = value.output ? problem.stage_count : stages[v];
    for (const std::size_t user : value.users) end = std::max(end, stages[user]);
    bits += value.width * (end - stages[v]);
  }
  return bits;
}

bool is_valid(const RetimingProblem& problem, const Stages& stages) {
  for (std::size_t v = 0; v < stages.size(); ++v) {
    const RetimingProblem::Value& value = problem.values[v];
    if (value.fixed && stages[v] != 0) return false;
    for (const std::size_t u : value.users) {
      if (stages[u] < stages[v]) return false;
    }
    for (const std::size_t u : value.behind) {
      if (stages[u] <= stages[v]) return false;
    }
  }
  return true;
}

std::int64_t least_bits_of_all(const RetimingProblem& problem) {
  Stages stages(problem.values.size(), 0);
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (std::size_t digit = 0; digit < stages.size();) {
    if (is_valid(problem, stages)) least = std::min(least, register_bits(problem, stages));
    for (digit = 0; digit < stages.size() && ++stages[digit] == problem.stage_count; ++digit) {
      stages[digit] = 0;
    }
  }
  return least;
}

Stages earliest_stages(const RetimingProblem& problem) {
  Stages stages(problem.values.size(), 0);
  for (std::size_t v = 0; v < stages.size(); ++v) {
    for (const std::size_t u : problem.values[v].users) {
      stages[u] = std::max(stages[u], stages[v]);
    }
    for (const std::size_t u : problem.values[v].behind) {
      stages[u] = std::max(stages[u], stages[v] + 1);
    }
  }
  return stages;
}

TEST(Retiming, IsTheMinimumOfAllAssignments) {
  constexpr std::size_t kValues = 7;
  constexpr std::size_t kInputs = 2;
  std::mt19937_64 random(1);
  int improved = 0;
  for (int round = 0; round < 150; ++round) {
    RetimingProblem problem{.stage_count = 4,
                            .values = std::vector<RetimingProblem::Value>(kValues)};
    for (std::size_t v = 0; v < kValues; ++v) {
      RetimingProblem::Value& value = problem.values[v];
      value.width = static_cast<std::int64_t>(1 + random() % 9);
      value.fixed = v < kInputs;
      for (std::size_t u = std::max(v + 1, kInputs); u < kValues; ++u) {
        if (random() % 3 == 0) value.users.push_back(u);
        if (random() % 8 == 0) value.behind.push_back(u);
      }
      value.output = value.users.empty() || random() % 6 == 0;
    }
    const Stages earliest = earliest_stages(problem);
    if (*std::ranges::max_element(earliest) >= problem.stage_count) continue;
    const Stages found = retime(problem, earliest);
    ASSERT_TRUE(is_valid(problem, found)) << round;
    ASSERT_EQ(register_bits(problem, found), least_bits_of_all(problem)) << round;
    improved += register_bits(problem, found) < register_bits(problem, earliest) ? 1 : 0;
  }
  EXPECT_GT(improved, 50);
}

TEST(FlowNetwork, CutsWhereLeastFlows) {
  // 0 -> 1 -> 3 and 0 -> 2 -> 3 with a bridge 1 -> 2.
  FlowNetwork flow(4);
  flow.add_arc(0, 1, 5);
  flow.add_arc(0, 2, 2);
  flow.add_arc(1, 2, 1);
  flow.add_arc(1, 3, 3);
  flow.add_arc(2, 3, 9);
  flow.maximise(0, 3);
  EXPECT_EQ(flow.source_side(0), (std::vector<bool>{true, true, false, false}));
}

}  // namespace
}  // namespace sluice::synth
