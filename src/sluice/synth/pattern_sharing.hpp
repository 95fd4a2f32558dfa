#pragma once

#include <cstdint>
#include <vector>

#include "sluice/synth/adder_graph.hpp"

namespace sluice::synth {

/// Sums over nodes of a graph: row[r] = sum_i nodes[i] * matrix[i * rows + r] + bias[r].
struct SumRows {
  std::vector<std::int32_t> nodes;   ///< all different
  std::vector<std::int64_t> matrix;  ///< row-major [nodes][rows]
  std::vector<std::int64_t> bias;    ///< one per row
  std::vector<int> depth_limits;     ///< of each row's sum; raised to what its terms need
};

/// Adds the sums to the graph and returns one term per row, node -1 for 0: canonical signed digits,
/// greedy sharing of two-term patterns by the area they save, then one tree per row.
///
/// `variation` 0 takes the pattern that saves most; other numbers take one of nearly the same
/// savings, always the same one. Throws ModelError E-FIXED-003 for a sum of more than 64 bits.
std::vector<AdderTerm> build_sums(AdderGraphBuilder& graph, const SumRows& sums,
                                  std::uint64_t variation = 0);

}  // namespace sluice::synth
