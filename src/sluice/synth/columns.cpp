#include "sluice/synth/columns.hpp"

#include <algorithm>
#include <bit>

#include "sluice/synth/signed_digits.hpp"

namespace sluice::synth {

namespace {

// Differences of weights below it fit 64 bits.
constexpr std::int64_t kLargestWeight = std::int64_t{1} << 61;
// A parent's sum takes one adder more, wider than those that sharing finds.
constexpr int kJoinCost = 2;

int ceil_log2(std::int64_t value) {
  return value <= 1 ? 0 : std::bit_width(static_cast<std::uint64_t>(value - 1));
}

/// Prim's algorithm from a root of zeros, paths bounded.
class Spanning {
 public:
  Spanning(const ColumnTerms& terms, int longest_path, int depth_limit)
      : terms_(terms),
        longest_path_(longest_path),
        // A path of so many sums, each below this depth, has a tree within the limit.
        most_terms_(std::int64_t{1} << std::clamp(depth_limit - ceil_log2(longest_path), 0, 62)),
        best_(terms.columns()),
        path_(terms.columns(), 0) {
    tree_.links.resize(terms.columns());
    for (std::size_t j = 0; j < terms.columns(); ++j) {
      best_[j] = {terms.of(j), {}};
      tree_.depth = std::max(tree_.depth, ceil_log2(terms.of(j)));
    }
  }

  ColumnTree run() && {
    std::vector<bool> done(best_.size(), false);
    for (std::size_t round = 0; round < best_.size(); ++round) {
      std::size_t next = best_.size();
      for (std::size_t j = 0; j < best_.size(); ++j) {
        if (!done[j] && (next == best_.size() || best_[j].cost < best_[next].cost)) next = j;
      }
      done[next] = true;
      add(next);
      if (!terms_.is_small(next)) continue;
      for (std::size_t j = 0; j < best_.size(); ++j) {
        if (!done[j] && terms_.is_small(j)) offer(j, next);
      }
    }
    measure();
    return std::move(tree_);
  }

 private:
  struct Best {
    std::int64_t cost = 0;
    ColumnLink link;
  };

  void add(std::size_t j) {
    const ColumnLink& link = best_[j].link;
    const std::int64_t joined = link.parent >= 0 ? 0 : 1;
    tree_.adders += std::max<std::int64_t>(0, best_[j].cost - joined);
    tree_.links[j] = link;
    tree_.order.push_back(static_cast<std::int32_t>(j));
    if (link.parent >= 0) {
      path_[j] = path_[static_cast<std::size_t>(link.parent)] + own_sums(j);
    } else {
      const bool can_be_parent = best_[j].cost <= most_terms_;
      path_[j] = can_be_parent ? 1 : longest_path_;
    }
  }

  /// Differences that a linked output adds to its path: none if it is equal or opposite.
  int own_sums(std::size_t j) const { return best_[j].cost == 0 ? 0 : 1; }

  void offer(std::size_t j, std::size_t parent) {
    for (const bool negated : {false, true}) {
      const int terms = terms_.of(j, parent, negated);
      const std::int64_t cost = terms == 0 ? 0 : terms + kJoinCost;
      const bool fits = cost == 0 || (terms <= most_terms_ && path_[parent] < longest_path_);
      if (fits && cost < best_[j].cost) {
        best_[j] = {cost, {static_cast<std::int32_t>(parent), negated}};
      }
    }
  }

  void measure() {
    std::vector<int> depth(best_.size(), 1);
    for (const std::int32_t j : tree_.order) {
      const std::int32_t parent = tree_.links[static_cast<std::size_t>(j)].parent;
      if (parent >= 0) {
        depth[static_cast<std::size_t>(j)] =
            depth[static_cast<std::size_t>(parent)] + own_sums(static_cast<std::size_t>(j));
      }
    }
    tree_.longest_path = depth;
    for (std::size_t k = tree_.order.size(); k-- > 0;) {
      const auto j = static_cast<std::size_t>(tree_.order[k]);
      const std::int32_t parent = tree_.links[j].parent;
      if (parent < 0) continue;
      int& longest = tree_.longest_path[static_cast<std::size_t>(parent)];
      longest = std::max(longest, tree_.longest_path[j]);
    }
  }

  const ColumnTerms& terms_;
  int longest_path_;
  std::int64_t most_terms_;
  std::vector<Best> best_;  // by output: its cheapest link to the tree so far
  std::vector<int> path_;   // by output in the tree: differences up to the root
  ColumnTree tree_;
};

}  // namespace

ColumnTerms::ColumnTerms(const CmvmProblem& problem)
    : rows_(problem.inputs.size() + 1),
      weights_(rows_ * problem.outputs),
      small_(problem.outputs, true),
      known_(2 * problem.outputs * problem.outputs, -1) {
  for (std::size_t j = 0; j < problem.outputs; ++j) {
    for (std::size_t i = 0; i < rows_; ++i) {
      const bool is_bias = i + 1 == rows_;
      const std::int64_t weight =
          is_bias ? problem.bias[j] : problem.matrix[i * problem.outputs + j];
      weights_[j * rows_ + i] = weight;
      small_[j] = small_[j] && weight > -kLargestWeight && weight < kLargestWeight;
    }
  }
}

template <class Weight>
int ColumnTerms::count(Weight&& weight) const {
  int terms = weight(rows_ - 1) != 0 ? 1 : 0;
  for (std::size_t i = 0; i + 1 < rows_; ++i) terms += canonical_digits(weight(i)).count();
  return terms;
}

int ColumnTerms::of(std::size_t j) const {
  const auto x = column(j);
  return count([&](std::size_t i) { return x[i]; });
}

int ColumnTerms::of(std::size_t j, std::size_t parent, bool negated) const {
  std::int32_t& known = known_[2 * (j * columns() + parent) + (negated ? 1 : 0)];
  if (known >= 0) return known;
  const auto x = column(j);
  const auto y = column(parent);
  known = negated ? count([&](std::size_t i) { return x[i] + y[i]; })
                  : count([&](std::size_t i) { return x[i] - y[i]; });
  // The difference the other way round has the same digits, negated.
  known_[2 * (parent * columns() + j) + (negated ? 1 : 0)] = known;
  return known;
}

bool ColumnTree::has_links() const noexcept {
  return std::ranges::any_of(links, [](const ColumnLink& link) { return link.parent >= 0; });
}

void column_differences(const CmvmProblem& problem, const ColumnTree& tree,
                        std::vector<std::int64_t>& matrix, std::vector<std::int64_t>& bias) {
  const std::size_t outputs = problem.outputs;
  matrix = problem.matrix;
  bias = problem.bias;
  for (std::size_t j = 0; j < outputs; ++j) {
    const ColumnLink& link = tree.links[j];
    if (link.parent < 0) continue;
    const auto parent = static_cast<std::size_t>(link.parent);
    const std::int64_t sign = link.negated ? 1 : -1;
    for (std::size_t i = 0; i < problem.inputs.size(); ++i) {
      matrix[i * outputs + j] += sign * problem.matrix[i * outputs + parent];
    }
    bias[j] += sign * problem.bias[parent];
  }
}

ColumnTree span_columns(const ColumnTerms& terms, int longest_path, int depth_limit) {
  return Spanning(terms, longest_path, depth_limit).run();
}

}  // namespace sluice::synth
