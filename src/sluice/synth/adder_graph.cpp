#include "sluice/synth/adder_graph.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/fixed/format.hpp"

namespace sluice::synth {

namespace {

using fixed::Interval;

__extension__ typedef __int128 Wide;

std::int64_t narrow(Wide value) {
  if (value < std::numeric_limits<std::int64_t>::min() ||
      value > std::numeric_limits<std::int64_t>::max()) {
    throw ModelError("E-FIXED-003", "", "an exact sum needs more than 64 bits",
                     "quantise the inputs or the weights to fewer bits");
  }
  return static_cast<std::int64_t>(value);
}

// `a` and `b` are rows of coefficients; the row of the sum goes to `result`.
void combine(const AdderNode& node, std::span<const std::int64_t> a,
             std::span<const std::int64_t> b, std::span<std::int64_t> result) {
  const Wide factor_a = Wide{1} << std::max(0, -node.shift);
  const Wide factor_b = (Wide{1} << std::max(0, node.shift)) * (node.subtract ? -1 : 1);
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = narrow(factor_a * a[i] + factor_b * b[i]);
  }
}

std::uint64_t hash_of(const AdderNode& node) {
  std::uint64_t hash = static_cast<std::uint64_t>(node.kind);
  for (const std::int64_t part : {std::int64_t{node.subtract}, std::int64_t{node.a},
                                  std::int64_t{node.b}, std::int64_t{node.shift}, node.constant}) {
    hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 29;
  }
  return hash;
}

bool same_value(const AdderNode& x, const AdderNode& y) {
  return x.kind == y.kind && x.subtract == y.subtract && x.a == y.a && x.b == y.b &&
         x.shift == y.shift && x.constant == y.constant;
}

}  // namespace

std::vector<std::int64_t> node_coefficients(const AdderGraph& graph, std::size_t inputs) {
  const std::size_t columns = inputs + 1;
  std::vector<std::int64_t> all(graph.nodes.size() * columns);
  const std::span<std::int64_t> rows(all);
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    const AdderNode& node = graph.nodes[id];
    const auto row = rows.subspan(id * columns, columns);
    switch (node.kind) {
      case AdderNode::Kind::input:
        SLUICE_CHECK(id < inputs, "node {} is an input", id);
        row[id] = 1;
        break;
      case AdderNode::Kind::constant:
        row[inputs] = node.constant;
        break;
      case AdderNode::Kind::sum: {
        const auto a = static_cast<std::size_t>(node.a);
        const auto b = static_cast<std::size_t>(node.b);
        SLUICE_CHECK(a < id && b < id, "node {} is used before it is made", id);
        combine(node, rows.subspan(a * columns, columns), rows.subspan(b * columns, columns), row);
        break;
      }
    }
  }
  return all;
}

Interval linear_range(std::span<const std::int64_t> coefficients,
                      std::span<const Interval> inputs) {
  Wide min = coefficients[inputs.size()];
  Wide max = min;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Wide coefficient = coefficients[i];
    if (coefficient == 0) continue;
    const Interval& x = inputs[i];
    min += narrow(coefficient * (coefficient > 0 ? x.min : x.max));
    max += narrow(coefficient * (coefficient > 0 ? x.max : x.min));
  }
  return {narrow(min), narrow(max)};
}

int adder_bits(const Interval& a, const Interval& b, int shift, bool subtract) {
  const int low = std::max(0, -shift);
  const int high = std::max(0, shift);
  const Wide a_min = Wide{a.min} << low;
  const Wide a_max = Wide{a.max} << low;
  const Wide b_min = Wide{subtract ? -b.max : b.min} << high;
  const Wide b_max = Wide{subtract ? -b.min : b.max} << high;
  // Bits of `a` below the lowest bit of b * 2^shift pass; so do those of `b` below a's unless they
  // are to be negated.
  const int passing = shift >= 0 ? high : (subtract ? 0 : low);
  if (!subtract && shift >= 0 && a.min >= 0 && (a_max >> high) == 0) return 0;
  if (!subtract && shift < 0 && b.min >= 0 && (b_max >> low) == 0) return 0;
  int top = 0;
  Wide magnitude = std::max(a_max + b_max, -(a_min + b_min) - 1);
  for (; magnitude > 0; magnitude >>= 1) ++top;
  if (a_min + b_min < 0) ++top;
  return std::max(0, top - passing);
}

int adder_cost(const Interval& a, const Interval& b, int shift, bool subtract) {
  const int bits = adder_bits(a, b, shift, subtract);
  if (bits == 0) return 0;
  const fixed::Format low = fixed::format_of(a, 0);
  const fixed::Format high = fixed::format_of(b, 0);
  const int low_top = low.width + std::max(0, -shift);
  const int high_top = high.width + std::max(0, shift);
  // A signed operand repeats its highest bit; two repeated bits meet in one LUT.
  int end = std::min(low_top, high_top);
  if (low.is_signed && high.is_signed) {
    end = std::max(low_top, high_top);
  } else if (low.is_signed) {
    end = high_top;
  } else if (high.is_signed) {
    end = low_top;
  }
  return 3 * std::max(0, end - std::abs(shift)) + bits;
}

AdderGraphBuilder::AdderGraphBuilder(std::span<const Interval> inputs)
    : inputs_(inputs.begin(), inputs.end()) {
  const std::size_t columns = inputs_.size() + 1;
  coefficients_.assign(inputs_.size() * columns, 0);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    coefficients_[i * columns + i] = 1;
    graph_.nodes.push_back({.kind = AdderNode::Kind::input, .range = inputs_[i]});
  }
}

AdderTerm AdderGraphBuilder::constant(std::int64_t value) {
  SLUICE_CHECK(value != 0, "a term of zero");
  return {append({.kind = AdderNode::Kind::constant, .constant = value, .range = {value, value}}),
          0, false};
}

AdderTerm AdderGraphBuilder::sum(const AdderTerm& x, const AdderTerm& y, SumForm form) {
  // The low operand keeps its sign, so that the bits below the high one pass through.
  bool swap = x.shift > y.shift;
  if (x.shift == y.shift) {
    swap = x.negative != y.negative ? x.negative : x.node > y.node;
  } else if (form == SumForm::positive && x.negative != y.negative) {
    swap = x.negative;
  }
  const AdderTerm& a = swap ? y : x;
  const AdderTerm& b = swap ? x : y;
  AdderNode node{.kind = AdderNode::Kind::sum,
                 .subtract = a.negative != b.negative,
                 .a = a.node,
                 .b = b.node,
                 .shift = b.shift - a.shift};
  node.depth = std::max(this->node(a.node).depth, this->node(b.node).depth) + 1;
  return {append(node), std::min(a.shift, b.shift), a.negative};
}

std::int32_t AdderGraphBuilder::append(AdderNode node) {
  const std::uint64_t hash = hash_of(node);
  const auto [first, last] = known_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (same_value(this->node(it->second), node)) return it->second;
  }
  const std::size_t columns = inputs_.size() + 1;
  const std::size_t id = graph_.nodes.size();
  coefficients_.resize((id + 1) * columns);
  const std::span<std::int64_t> rows(coefficients_);
  const auto row = rows.subspan(id * columns, columns);
  if (node.kind == AdderNode::Kind::sum) {
    combine(node, rows.subspan(static_cast<std::size_t>(node.a) * columns, columns),
            rows.subspan(static_cast<std::size_t>(node.b) * columns, columns), row);
    node.range = linear_range(row, inputs_);
  } else {
    row[inputs_.size()] = node.constant;
  }
  graph_.nodes.push_back(node);
  known_.emplace(hash, static_cast<std::int32_t>(id));
  return static_cast<std::int32_t>(id);
}

}  // namespace sluice::synth
