#include "sluice/synth/cmvm.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <optional>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/synth/columns.hpp"
#include "sluice/synth/pattern_sharing.hpp"
#include "sluice/synth/sum_tree.hpp"
#include "sluice/synth/ternary.hpp"

namespace sluice::synth {

namespace {

using fixed::Interval;

// Bounds of the paths of differences that are tried.
constexpr std::array kPathBounds{2, 4, 8, 1 << 20};

int ceil_log2(int value) {
  return value <= 1 ? 0 : std::bit_width(static_cast<unsigned>(value - 1));
}

/// Rows that add up the differences of every output's path.
SumRows path_sums(const ColumnTree& tree, const std::vector<AdderTerm>& differences,
                  int depth_limit) {
  const std::size_t outputs = tree.links.size();
  std::map<std::int32_t, std::size_t> position;
  SumRows sums;
  for (const AdderTerm& term : differences) {
    if (term.node < 0 || !position.emplace(term.node, position.size()).second) continue;
    sums.nodes.push_back(term.node);
  }
  sums.matrix.resize(sums.nodes.size() * outputs);
  sums.bias.resize(outputs);
  sums.depth_limits.resize(outputs, depth_limit);
  for (const std::int32_t output : tree.order) {
    const auto j = static_cast<std::size_t>(output);
    const ColumnLink& link = tree.links[j];
    if (link.parent >= 0) {
      const auto parent = static_cast<std::size_t>(link.parent);
      for (std::size_t i = 0; i < sums.nodes.size(); ++i) {
        const std::int64_t weight = sums.matrix[i * outputs + parent];
        sums.matrix[i * outputs + j] = link.negated ? -weight : weight;
      }
    }
    const AdderTerm& term = differences[j];
    if (term.node < 0) continue;
    const std::int64_t weight = fixed::shift_left(term.negative ? -1 : 1, term.shift);
    std::int64_t& sum = sums.matrix[position.at(term.node) * outputs + j];
    sum = fixed::add_exact(sum, weight);
  }
  return sums;
}

AdderGraph solve_along(const CmvmProblem& problem, const ColumnTree& tree, int depth_limit,
                       std::uint64_t variation) {
  AdderGraphBuilder builder(problem.inputs);
  SumRows sums;
  for (std::size_t i = 0; i < problem.inputs.size(); ++i) {
    sums.nodes.push_back(static_cast<std::int32_t>(i));
  }
  column_differences(problem, tree, sums.matrix, sums.bias);
  for (const int longest_path : tree.longest_path) {
    sums.depth_limits.push_back(depth_limit - ceil_log2(longest_path));
  }
  std::vector<AdderTerm> terms = build_sums(builder, sums, variation);
  if (tree.has_links()) {
    terms = build_sums(builder, path_sums(tree, terms, depth_limit), variation);
  }
  for (const AdderTerm& term : terms) builder.add_output(term);
  return std::move(builder).finish();
}

/// Solves one problem in several ways and keeps the best.
class Search {
 public:
  Search(const CmvmProblem& problem, const CmvmOptions& options)
      : problem_(problem),
        options_(options),
        terms_(problem),
        alone_(span_columns(terms_, 1, kNoLimit)),
        depth_limit_(alone_.depth + options.extra_depth) {}

  AdderGraph run() && {
    try_tree(alone_, 0);
    if (options_.effort != Effort::fast) {
      try_decompositions();
      try_deeper_sharing();
    }
    if (options_.effort == Effort::normal)
      try_variations(std::min<std::int64_t>(kNormalWork / size(), 8));
    if (options_.effort == Effort::max) {
      try_variations(std::clamp<std::int64_t>(kVariationWork / size(), 2, 32));
    }
    return std::move(best_);
  }

 private:
  static constexpr int kNoLimit = 1 << 20;

  void try_decompositions() {
    std::vector<ColumnTree> tried;
    for (const int bound : kPathBounds) {
      ColumnTree tree = span_columns(terms_, bound, depth_limit_);
      const bool promises = options_.effort == Effort::max
                                ? tree.has_links()
                                : kPromise * tree.adders < (kPromise - 1) * alone_.adders;
      if (!promises || std::ranges::count(tried, tree) != 0) continue;
      try_tree(tree, 0);
      tried.push_back(std::move(tree));
    }
  }

  /// Adders of three operands may bring what is shared one level too deep back to its time.
  void try_deeper_sharing() {
    if (options_.adders == Adders::three) try_tree(ColumnTree(best_tree_), 0, 1);
  }

  std::int64_t size() const { return std::max<std::int64_t>(alone_.adders, 1); }

  void try_variations(std::int64_t rounds) {
    const ColumnTree tree = best_tree_;
    for (std::int64_t round = 1; round <= rounds; ++round) {
      const bool deeper = options_.adders == Adders::three && round % 2 == 0;
      try_tree(tree, static_cast<std::uint64_t>(round), deeper ? 1 : 0);
    }
  }

  void try_tree(const ColumnTree& tree, std::uint64_t variation, int more_levels = 0) {
    try {
      AdderGraph graph = solve_along(problem_, tree, depth_limit_ + more_levels, variation);
      if (options_.adders == Adders::three) {
        std::optional<AdderGraph> ternary =
            with_ternary_adders(graph, problem_.inputs, deadline(graph, more_levels));
        if (ternary) offer(std::move(*ternary), tree);
      }
      if (more_levels == 0) offer(std::move(graph), tree);
    } catch (const ModelError&) {
      // Sums of differences may need more bits than those of the columns.
      if (!has_solution_) throw;
    }
  }

  /// That of the depth limit, or of the least depth that the graph's terms allow.
  int deadline(const AdderGraph& graph, int more_levels) const {
    int depth = depth_limit_;
    for (const AdderTerm& output : graph.outputs) {
      if (output.node < 0 || more_levels > 0) continue;
      depth = std::max(depth, graph.nodes[static_cast<std::size_t>(output.node)].depth);
    }
    return depth * kAdderTime;
  }

  void offer(AdderGraph graph, const ColumnTree& tree) {
    const std::int64_t cost = total_adder_cost(graph);
    if (has_solution_ && cost >= best_cost_) return;
    has_solution_ = true;
    best_cost_ = cost;
    best_ = std::move(graph);
    best_tree_ = tree;
  }

  // A decomposition is worth a try when it saves at least this part of the adders.
  static constexpr std::int64_t kPromise = 16;
  // Signed digits that `normal` and `max` solve again and again, which bounds their time.
  static constexpr std::int64_t kNormalWork = 6'000;
  static constexpr std::int64_t kVariationWork = 60'000;

  const CmvmProblem& problem_;
  const CmvmOptions& options_;
  ColumnTerms terms_;
  ColumnTree alone_;
  int depth_limit_;
  bool has_solution_ = false;
  std::int64_t best_cost_ = 0;
  AdderGraph best_;
  ColumnTree best_tree_;
};

}  // namespace

AdderGraph solve_cmvm(const CmvmProblem& problem, const CmvmOptions& options) {
  SLUICE_CHECK(problem.matrix.size() == problem.inputs.size() * problem.outputs &&
                   problem.bias.size() == problem.outputs,
               "a matrix of {} for {} x {}", problem.matrix.size(), problem.inputs.size(),
               problem.outputs);
  AdderGraph graph = Search(problem, options).run();
  prove_equal(problem, graph);
  return graph;
}

int least_depth(const CmvmProblem& problem) {
  const ColumnTerms terms(problem);
  int depth = 0;
  for (std::size_t j = 0; j < terms.columns(); ++j) {
    depth = std::max(depth, ceil_log2(terms.of(j)));
  }
  return depth;
}

void prove_equal(const CmvmProblem& problem, const AdderGraph& graph) {
  const std::size_t inputs = problem.inputs.size();
  const std::size_t columns = inputs + 1;
  const std::vector<std::int64_t> all = node_coefficients(graph, inputs);
  const std::span<const std::int64_t> rows(all);
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    const Interval range = linear_range(rows.subspan(id * columns, columns), problem.inputs);
    SLUICE_CHECK(range == graph.nodes[id].range, "node {} has range {}, not {}", id,
                 to_string(range), to_string(graph.nodes[id].range));
  }
  SLUICE_CHECK(graph.outputs.size() == problem.outputs, "{} outputs, not {}", graph.outputs.size(),
               problem.outputs);
  for (std::size_t j = 0; j < problem.outputs; ++j) {
    const AdderTerm& output = graph.outputs[j];
    for (std::size_t i = 0; i < columns; ++i) {
      const std::int64_t expected =
          i < inputs ? problem.matrix[i * problem.outputs + j] : problem.bias[j];
      std::int64_t found = 0;
      if (output.node >= 0) {
        const std::int64_t unshifted = rows[static_cast<std::size_t>(output.node) * columns + i];
        found = fixed::shift_left(unshifted, output.shift) * (output.negative ? -1 : 1);
      }
      SLUICE_CHECK(found == expected, "output {} has coefficient {} of input {}, not {}", j, found,
                   i, expected);
    }
  }
}

}  // namespace sluice::synth
