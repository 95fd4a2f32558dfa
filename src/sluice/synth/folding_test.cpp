// Which outputs share a block, and what makes their products.
#include "sluice/synth/folding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "sluice/synth/pair_products.hpp"

namespace sluice::synth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr fixed::Format kWord{16, 0, true};

PairProducts plan(const std::vector<std::int64_t>& weights) {
  return plan_products(weights, kWord);
}

/// The weight of a tick, of what is not made by a multiplier.
std::int64_t weight_at(const PairProducts& made, std::size_t tick) {
  std::int64_t weight = made.constant;
  for (const PairProducts::Gated& term : made.gated) {
    if ((term.ticks >> tick & 1) != 0) weight += term.weight;
  }
  return weight;
}

TEST(PairProducts, OfEqualWeightsAreThoseOfAConstant) {
  for (const std::int64_t weight : {0, 1, -7, 1000}) {
    const PairProducts made = plan({weight, weight, weight});
    EXPECT_EQ(made.constant, weight);
    EXPECT_THAT(made.gated, IsEmpty());
    EXPECT_FALSE(made.takes_multiplier);
  }
}

TEST(PairProducts, OfSignsAndOfFewBitsTakeNoMultiplier) {
  for (const auto& weights : std::vector<std::vector<std::int64_t>>{
           {1, -1}, {-96, 96, 96}, {0, 1, -1, 0}, {8, 4, 4, 8}, {3, 0, 0, 0}, {-2, -1, 0, 1}}) {
    const PairProducts made = plan(weights);
    EXPECT_FALSE(made.takes_multiplier) << ::testing::PrintToString(weights);
    EXPECT_LE(made.gated.size(), 2U);
    for (std::size_t t = 0; t < weights.size(); ++t) EXPECT_EQ(weight_at(made, t), weights[t]);
  }
  EXPECT_EQ(plan({1, -1, -1}).gated.size(), 1U);
  EXPECT_TRUE(plan({1000, -877, 345, 21}).takes_multiplier);
}

TEST(PairProducts, AddUpToTheWeights) {
  std::mt19937_64 random(1);
  int gated = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::int64_t most = std::int64_t{1} << (random() % 8);
    std::vector<std::int64_t> weights(2 + random() % 7);
    for (std::int64_t& weight : weights) {
      weight = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * most)) - most;
      weight *= std::int64_t{1} << (i % 3);
    }
    const PairProducts made = plan_products(weights, {4, 0, i % 2 == 0});
    if (made.takes_multiplier) continue;
    ++gated;
    for (std::size_t t = 0; t < weights.size(); ++t) ASSERT_EQ(weight_at(made, t), weights[t]);
  }
  EXPECT_GT(gated, 1000);
}

TEST(Folding, PutsEqualOutputsOnOneUnit) {
  // Outputs 0, 2 and 5 are equal, and so are 1, 3 and 4.
  const network::Dense dense{
      3, 6, {5, 9, 5, 9, 9, 5, -3, 0, -3, 0, 0, -3, 7, 2, 7, 2, 2, 7}, 0, {0, 0, 0, 0, 0, 0}, 0};
  const std::vector<fixed::Format> inputs(3, kWord);
  const Folding folding = fold(dense, 3, inputs);
  EXPECT_EQ(folding.weights.units, 2);
  EXPECT_EQ(folding.weights.ticks(), 3);
  std::vector<std::int64_t> units;
  for (const Folding::Slot& slot : folding.slots) units.push_back(slot.unit);
  EXPECT_THAT(units, ElementsAre(0, 1, 0, 1, 1, 0));
}

TEST(Folding, HoldsEveryOutputOnceWithItsWeights) {
  std::mt19937_64 random(2);
  for (const std::int64_t reuse : {2, 3, 4, 7, 13, 20}) {
    network::Dense dense{5, 13, std::vector<std::int64_t>(65), 3, std::vector<std::int64_t>(13), 0};
    for (std::int64_t& weight : dense.weights) {
      weight = static_cast<std::int64_t>(random() % 200) - 100;
      if (random() % 2 == 0) weight = 0;
    }
    const std::vector<fixed::Format> inputs(5, kWord);
    const Folding folding = fold(dense, std::min(reuse, dense.units), inputs);
    const TickWeights& weights = folding.weights;
    EXPECT_LE(weights.ticks(), reuse);
    EXPECT_EQ(weights.frac_bits, 3);
    std::vector<int> used(static_cast<std::size_t>(weights.ticks() * weights.units));
    for (std::int64_t j = 0; j < dense.units; ++j) {
      const Folding::Slot& slot = folding.slots[static_cast<std::size_t>(j)];
      ++used[static_cast<std::size_t>(slot.tick * weights.units + slot.unit)];
      for (std::int64_t i = 0; i < dense.inputs; ++i) {
        EXPECT_EQ(weights.at(slot.tick, slot.unit, i),
                  dense.weights[static_cast<std::size_t>(i * dense.units + j)]);
      }
    }
    EXPECT_LE(*std::ranges::max_element(used), 1);
  }
}

}  // namespace
}  // namespace sluice::synth
