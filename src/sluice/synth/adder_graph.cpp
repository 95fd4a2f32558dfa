#include "sluice/synth/adder_graph.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
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

// Rows of inputs + 1 coefficients; the node's own row is the last of them.
void combine(const AdderNode& node, std::span<std::int64_t> rows, std::size_t columns) {
  const std::span<std::int64_t> result = rows.last(columns);
  const auto row = [&](const AdderTerm& term) {
    return rows.subspan(static_cast<std::size_t>(term.node) * columns, columns);
  };
  std::array<std::span<std::int64_t>, 3> operands;
  std::array<Wide, 3> factors{};
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const AdderTerm& term = node.terms[k < node.sum_terms().size() ? k : 0];
    operands[k] = row(term);
    factors[k] =
        k < node.sum_terms().size() ? (Wide{1} << term.shift) * (term.negative ? -1 : 1) : Wide{0};
  }
  for (std::size_t i = 0; i < columns; ++i) {
    Wide value = 0;
    for (std::size_t k = 0; k < operands.size(); ++k) value += factors[k] * operands[k][i];
    result[i] = narrow(value);
  }
}

std::uint64_t hash_of(const AdderNode& node) {
  std::uint64_t hash = static_cast<std::uint64_t>(node.kind);
  const auto mix = [&](std::int64_t part) {
    hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 29;
  };
  mix(node.constant);
  for (const AdderTerm& term : node.sum_terms()) {
    mix(term.node);
    mix(2 * term.shift + (term.negative ? 1 : 0));
  }
  return hash;
}

bool same_value(const AdderNode& x, const AdderNode& y) {
  return x.kind == y.kind && x.term_count == y.term_count && x.terms == y.terms &&
         x.constant == y.constant;
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
      case AdderNode::Kind::sum:
        for (const AdderTerm& term : node.sum_terms()) {
          SLUICE_CHECK(
              static_cast<std::size_t>(term.node) < id && term.shift >= 0 && term.shift < 64,
              "node {} is used before it is made", term.node);
        }
        combine(node, rows.first((id + 1) * columns), columns);
        break;
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

BitSpan bit_span(const Interval& range, int shift) {
  const fixed::Format format = fixed::format_of(range, 0);
  return {shift, format.width + shift, format.is_signed, false};
}

int adder_cost(std::span<const BitSpan> operands, int result_top, bool subtracts) {
  if (operands.size() == 3) {
    std::array lows{operands[0].low, operands[1].low, operands[2].low};
    std::ranges::sort(lows);
    return 4 * std::max(0, result_top - lows[1]);
  }
  const bool in_order = operands[0].low <= operands[1].low;
  const BitSpan& low = operands[in_order ? 0 : 1];
  const BitSpan& high = operands[in_order ? 1 : 0];
  if (!subtracts && !low.is_signed && low.top <= high.low) return 0;
  const int carried = std::max(0, result_top - high.low);
  if (low.is_constant || high.is_constant) return carried;
  // A signed operand repeats its highest bit; two repeated bits meet in one LUT.
  int end = std::min(low.top, high.top);
  if (low.is_signed && high.is_signed) {
    end = std::max(low.top, high.top);
  } else if (low.is_signed) {
    end = high.top;
  } else if (high.is_signed) {
    end = low.top;
  }
  return 3 * std::max(0, end - high.low) + carried;
}

int adder_cost(const AdderGraph& graph, const AdderNode& node) {
  std::array<BitSpan, 3> spans;
  const std::span<const AdderTerm> terms = node.sum_terms();
  bool subtracts = false;
  for (std::size_t k = 0; k < terms.size(); ++k) {
    const AdderNode& operand = graph.nodes[static_cast<std::size_t>(terms[k].node)];
    spans[k] = bit_span(operand.range, terms[k].shift);
    spans[k].is_constant = operand.kind == AdderNode::Kind::constant;
    subtracts = subtracts || terms[k].negative;
  }
  // Nothing passes by the chain below a low operand that is subtracted.
  const auto lowest = std::ranges::min_element(
      terms, {}, [](const AdderTerm& term) { return std::pair(term.shift, term.negative); });
  if (lowest->negative) {
    for (BitSpan& span : spans) span.low = 0;
  }
  return adder_cost(std::span(spans).first(terms.size()), bit_span(node.range, 0).top, subtracts);
}

std::int64_t total_adder_cost(const AdderGraph& graph) {
  std::int64_t cost = 0;
  for (const AdderNode& node : graph.nodes) {
    if (node.kind == AdderNode::Kind::sum) cost += adder_cost(graph, node);
  }
  return cost;
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

AdderTerm AdderGraphBuilder::sum(std::span<const AdderTerm> terms, SumForm form) {
  AdderNode node{.kind = AdderNode::Kind::sum,
                 .term_count = static_cast<std::int32_t>(terms.size())};
  SLUICE_CHECK(terms.size() == 2 || terms.size() == 3, "a sum of {} terms", terms.size());
  std::ranges::copy(terms, node.terms.begin());
  const std::span<AdderTerm> own = std::span(node.terms).first(terms.size());
  std::ranges::sort(own, {}, [](const AdderTerm& term) {
    return std::tuple(term.shift, term.negative, term.node);
  });
  // The low operand keeps its sign, so that the bits below the next one pass through.
  const bool negative = form == SumForm::narrowest ? own.front().negative
                                                   : std::ranges::all_of(own, &AdderTerm::negative);
  const std::int32_t lowest_shift = own.front().shift;
  for (AdderTerm& term : own) {
    term.shift -= lowest_shift;
    term.negative = term.negative != negative;
    node.depth = std::max(node.depth, this->node(term.node).depth + 1);
  }
  std::stable_partition(own.begin(), own.end(),
                        [](const AdderTerm& term) { return !term.negative; });
  return {append(node), lowest_shift, negative};
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
    combine(node, rows, columns);
    node.range = linear_range(row, inputs_);
  } else {
    row[inputs_.size()] = node.constant;
  }
  graph_.nodes.push_back(node);
  known_.emplace(hash, static_cast<std::int32_t>(id));
  return static_cast<std::int32_t>(id);
}

}  // namespace sluice::synth
