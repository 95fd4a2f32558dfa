#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "sluice/fixed/interval.hpp"

/// From a Network to a Circuit: adder graphs, pipelining, area and delay.
namespace sluice::synth {

/// `node * 2^shift`, or its negative.
struct AdderTerm {
  std::int32_t node = -1;
  std::int32_t shift = 0;
  bool negative = false;

  friend bool operator==(const AdderTerm&, const AdderTerm&) = default;
};

/// A node of an adder graph is an integer: an input, a constant or a sum of two or three terms of
/// earlier nodes.
struct AdderNode {
  enum class Kind : std::uint8_t { input, constant, sum };

  Kind kind = Kind::input;
  std::int32_t term_count = 0;       ///< sum: 2 or 3
  std::array<AdderTerm, 3> terms{};  ///< sum: the first is added; the least shift is 0
  std::int32_t depth = 0;            ///< adders on the longest path from an input
  std::int64_t constant = 0;         ///< constant only
  /// Exact: from the node's coefficients over the inputs, so x + x * 2 is as narrow as x * 3.
  fixed::Interval range;

  std::span<const AdderTerm> sum_terms() const {
    return std::span(terms).first(static_cast<std::size_t>(term_count));
  }
  friend bool operator==(const AdderNode&, const AdderNode&) = default;
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

/// How a sum of terms is built as one node.
enum class SumForm {
  narrowest,  ///< the low operand is never negated: fewest adder bits; the result may be negative
  positive,   ///< the result is not negative unless all terms are
};

/// Builds a graph node by node, with exact coefficients and ranges; equal nodes are one node.
class AdderGraphBuilder {
 public:
  explicit AdderGraphBuilder(std::span<const fixed::Interval> inputs);

  const AdderNode& node(std::int32_t id) const {
    return graph_.nodes[static_cast<std::size_t>(id)];
  }
  AdderTerm constant(std::int64_t value);
  /// Of two or three terms. Throws ModelError E-FIXED-003 when it needs more than 64 bits.
  AdderTerm sum(std::span<const AdderTerm> terms, SumForm form = SumForm::narrowest);
  void add_output(const AdderTerm& output) { graph_.outputs.push_back(output); }
  AdderGraph finish() && { return std::move(graph_); }

 private:
  std::int32_t append(AdderNode node);

  std::vector<fixed::Interval> inputs_;
  AdderGraph graph_;
  std::vector<std::int64_t> coefficients_;  // rows of inputs + 1
  std::unordered_multimap<std::uint64_t, std::int32_t> known_;
};

/// An operand or the result of an adder as far as its area goes: the bits [low, top) of its value,
/// the highest of which repeats without end when it is signed.
struct BitSpan {
  int low = 0;
  int top = 0;
  bool is_signed = false;
  bool is_constant = false;
};

/// Bits of a value in `range`, times 2^shift.
BitSpan bit_span(const fixed::Interval& range, int shift);

/// What an adder of two or three operands costs, the lowest of which is added, in quarters of a
/// full bit: three where it takes a LUT, and one for every bit of the carry chain. With two
/// operands a LUT is where two bits meet that are not constant, and with three at every bit of the
/// chain.
int adder_cost(std::span<const BitSpan> operands, int result_top, bool subtracts);

/// That of a node which is a sum, whatever term is added.
int adder_cost(const AdderGraph& graph, const AdderNode& node);

/// Of all sums of a graph.
std::int64_t total_adder_cost(const AdderGraph& graph);

}  // namespace sluice::synth
