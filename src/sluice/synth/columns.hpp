#pragma once

#include <cstdint>
#include <span>
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

/// How many signed digits columns and their differences have, each counted once when it is asked
/// for.
class ColumnTerms {
 public:
  explicit ColumnTerms(const CmvmProblem& problem);

  std::size_t columns() const noexcept { return small_.size(); }
  /// Whether its differences from other such columns fit 64 bits.
  bool is_small(std::size_t j) const { return small_[j]; }
  /// Of the column's sum; a bias is one term.
  int of(std::size_t j) const;
  /// Of its difference from a parent, or with `negated` from the parent's negative; both small.
  int of(std::size_t j, std::size_t parent, bool negated) const;

 private:
  std::span<const std::int64_t> column(std::size_t j) const {
    return std::span(weights_).subspan(j * rows_, rows_);
  }
  template <class Weight>
  int count(Weight&& weight) const;

  std::size_t rows_;
  std::vector<std::int64_t> weights_;  // column after column, the bias at its end
  std::vector<bool> small_;
  mutable std::vector<std::int32_t> known_;  // by column, parent and sign; -1: not counted
};

/// The tree of fewest signed digits whose paths have at most `longest_path` differences, such that
/// every output can be summed within `depth_limit` adders.
ColumnTree span_columns(const ColumnTerms& terms, int longest_path, int depth_limit);

}  // namespace sluice::synth
