#pragma once

#include <cstdint>
#include <vector>

#include "sluice/synth/cmvm.hpp"

namespace sluice::synth {

/// A column of the matrix, its bias included, as the column of another output, or its negative,
/// plus a difference of its own.
struct ColumnLink {
  std::int32_t parent = -1;  ///< an output; -1: the column is its own difference
  bool negated = false;      ///< the parent's column is subtracted

  friend bool operator==(const ColumnLink&, const ColumnLink&) = default;
};

/// A spanning tree over the columns; output j is the sum of the differences on its path.
struct ColumnTree {
  std::vector<ColumnLink> links;    ///< by output
  std::vector<std::int32_t> order;  ///< outputs, parents first
  std::vector<int> longest_path;    ///< by output: differences on the longest path through it

  std::int64_t adders = 0;  ///< of the differences and of joining them, if nothing was shared
  int depth = 0;            ///< of the deepest column, summed alone

  bool has_links() const noexcept;
  friend bool operator==(const ColumnTree& x, const ColumnTree& y) { return x.links == y.links; }
};

/// Every output's own difference: `matrix` row-major [inputs][outputs], `bias` by output.
void column_differences(const CmvmProblem& problem, const ColumnTree& tree,
                        std::vector<std::int64_t>& matrix, std::vector<std::int64_t>& bias);

/// The tree of fewest signed digits whose paths have at most `longest_path` differences, such that
/// every output can be summed within `depth_limit` adders.
ColumnTree span_columns(const CmvmProblem& problem, int longest_path, int depth_limit);

}  // namespace sluice::synth
