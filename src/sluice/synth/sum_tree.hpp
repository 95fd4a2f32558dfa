#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sluice/synth/adder_graph.hpp"

namespace sluice::synth {

/// Time through an adder of two operands, and of three, in tenths of the former.
constexpr int kAdderTime = 10;
constexpr int kTernaryAdderTime = 13;
constexpr int kNoDeadline = std::numeric_limits<int>::max();

/// What a tree of adders adds up.
struct SumOperand {
  AdderTerm term;
  fixed::Interval range;  ///< of the term's node
  int time = 0;           ///< at which the node is ready
  bool is_constant = false;
};

/// Adders in the order in which they are built. Operand i of the sum is item i; each adder appends
/// one item. Two items are added where the third is -1.
struct SumTree {
  std::vector<std::array<std::int32_t, 3>> adders;
  std::int64_t cost = 0;  ///< as adder_cost()
};

/// The earliest time at which adders of two and three operands can have added all up.
int earliest_sum(std::vector<int> times);

/// Plans the sum of at least one operand: of the narrowest few, always the two or three whose
/// adder costs least, so that the result is ready by `deadline`, which earliest_sum() must allow.
class SumTreePlanner {
 public:
  /// Of the narrowest items, `window` are considered together.
  explicit SumTreePlanner(int window) : window_(window) {}

  const SumTree& plan(std::span<const SumOperand> operands, int deadline = kNoDeadline);

 private:
  __extension__ using Wide = __int128;

  struct Item {
    Wide min = 0;  ///< of the value, its sign included
    Wide max = 0;
    BitSpan span;
    bool negative = false;  ///< the item holds the value's negative
    int time = 0;
    std::int32_t index = 0;
  };
  /// Positions in items_; two are added where the third is -1.
  struct Choice {
    std::array<int, 3> positions{0, 1, -1};
    std::int64_t key = 0;
  };

  Item merged(const Choice& choice) const;
  int cost_of(const Choice& choice, const Item& result) const;
  Choice choose(int deadline);
  Choice earliest_choice(int deadline) const;
  bool leaves_time(const Choice& choice, int deadline) const;
  void apply(const Choice& choice);
  std::vector<int> times_after(const Choice& choice) const;

  int window_;
  std::vector<Item> items_;  // narrowest first
  std::vector<Choice> choices_;
  SumTree tree_;
  std::size_t operand_count_ = 0;
};

}  // namespace sluice::synth
