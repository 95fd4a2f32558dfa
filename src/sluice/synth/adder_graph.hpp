#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "sluice/fixed/interval.hpp"

/// From a Network to a Circuit: adder graphs, pipelining, area and delay.
namespace sluice::synth {

/// A node of an adder graph is an integer: an input, a constant or a sum of two earlier nodes.
struct AdderNode {
  enum class Kind : std::uint8_t { input, constant, sum };

  Kind kind = Kind::input;
  bool subtract = false;
  /// sum: value = 2^max(0, -shift) * (a + b * 2^shift), with minus for `subtract`.
  std::int32_t a = -1;
  std::int32_t b = -1;
  std::int32_t shift = 0;
  std::int32_t depth = 0;     ///< adders on the longest path from an input
  std::int64_t constant = 0;  ///< constant only
  /// Exact: from the node's coefficients over the inputs, so x + x * 2 is as narrow as x * 3.
  fixed::Interval range;

  friend bool operator==(const AdderNode&, const AdderNode&) = default;
};

/// `node * 2^shift`, or its negative.
struct AdderTerm {
  std::int32_t node = -1;
  std::int32_t shift = 0;
  bool negative = false;

  friend bool operator==(const AdderTerm&, const AdderTerm&) = default;
};

/// Shift-and-add graph: node i < inputs is input i; operands come before their users.
struct AdderGraph {
  std::vector<AdderNode> nodes;
  std::vector<AdderTerm> outputs;  ///< node -1: the output is 0

  friend bool operator==(const AdderGraph&, const AdderGraph&) = default;
};

/// The integer coefficients of every node over the inputs, then its constant: rows of inputs + 1
/// numbers, recomputed from the graph's structure alone. Throws ModelError E-FIXED-003 when one
/// needs more than 64 bits.
std::vector<std::int64_t> node_coefficients(const AdderGraph& graph, std::size_t inputs);

/// Exact range of sum_i coefficients[i] * x[i] + coefficients[inputs]. Throws ModelError
/// E-FIXED-003 over 64 bits.
fixed::Interval linear_range(std::span<const std::int64_t> coefficients,
                             std::span<const fixed::Interval> inputs);

/// How a sum of two terms is built as one node.
enum class SumForm {
  narrowest,  ///< the low operand is never negated: fewest adder bits; the result may be negative
  positive,   ///< the result is not negative unless both terms are
};

/// Builds a graph node by node, with exact coefficients and ranges; equal nodes are one node.
class AdderGraphBuilder {
 public:
  explicit AdderGraphBuilder(std::span<const fixed::Interval> inputs);

  const AdderNode& node(std::int32_t id) const {
    return graph_.nodes[static_cast<std::size_t>(id)];
  }
  AdderTerm constant(std::int64_t value);
  /// Throws ModelError E-FIXED-003 when the sum needs more than 64 bits.
  AdderTerm sum(const AdderTerm& x, const AdderTerm& y, SumForm form = SumForm::narrowest);
  void add_output(const AdderTerm& output) { graph_.outputs.push_back(output); }
  AdderGraph finish() && { return std::move(graph_); }

 private:
  std::int32_t append(AdderNode node);

  std::vector<fixed::Interval> inputs_;
  AdderGraph graph_;
  std::vector<std::int64_t> coefficients_;  // rows of inputs + 1
  std::unordered_multimap<std::uint64_t, std::int32_t> known_;
};

/// Adder bits of a + b * 2^shift (or minus), integer ranges: the bits of the result that do not
/// pass through unchanged.
int adder_bits(const fixed::Interval& a, const fixed::Interval& b, int shift, bool subtract);

/// What that adder costs, in quarters of a full bit: three where it takes a LUT, as two operand
/// bits meet, and one for every bit of the carry chain.
int adder_cost(const fixed::Interval& a, const fixed::Interval& b, int shift, bool subtract);

}  // namespace sluice::synth
