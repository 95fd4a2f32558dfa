#include "sluice/synth/matrix.hpp"

#include <algorithm>
#include <bit>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/circuit/multipliers.hpp"
#include "sluice/synth/signed_digits.hpp"

namespace sluice::synth {

namespace {

using circuit::OriginId;
using circuit::ValueId;
using fixed::Interval;

// Far enough below 64 that no sum is refused for what rounding adds to it.
constexpr int kWidestFolded = 40;

/// Bits that `x` lacks against the operand's grid.
int missing_bits(const circuit::Instr& x, const LinearOperand& operand) {
  const int bits = operand.frac_bits - x.format.frac_bits;
  SLUICE_CHECK(bits >= 0, "an element is finer than its tensor");
  return bits;
}

/// Of output `j`. Nothing where no quantiser alone reads the sum, or there is no adder that could
/// add more.
std::optional<FoldedRounding> rounding_of_sum(const LinearMap& map, std::size_t j,
                                              std::span<const std::int64_t> factors,
                                              std::int64_t bias) {
  const fixed::Quantizer* to = map.quantizers[j];
  const Interval& range = map.ranges[j];
  if (to == nullptr || fixed::format_of(range, 0).width > kWidestFolded) return std::nullopt;
  const int dropped_bits = map.frac_bits - to->format.frac_bits;
  auto all_bits = static_cast<std::uint64_t>(bias);
  int terms = bias == 0 ? 0 : 1;
  for (const std::int64_t factor : factors) {
    all_bits |= static_cast<std::uint64_t>(factor);
    terms += canonical_digits(factor).count();
  }
  const int zero_bits = std::countr_zero(all_bits);
  if (terms < 2 || dropped_bits <= zero_bits || dropped_bits > kWidestFolded) return std::nullopt;
  return folded_rounding(simplest_rounding(range, map.frac_bits, *to), dropped_bits, zero_bits);
}

/// Outputs `first` to `first + count - 1`, without the inputs that they do not read.
CmvmProblem columns_of(const CmvmProblem& all, std::size_t first, std::size_t count) {
  CmvmProblem some{.outputs = count};
  const auto at = [](const std::vector<std::int64_t>& values, std::size_t i) {
    return values.begin() + static_cast<std::ptrdiff_t>(i);
  };
  some.bias.assign(at(all.bias, first), at(all.bias, first + count));
  for (std::size_t i = 0; i < all.inputs.size(); ++i) {
    const auto begin = at(all.matrix, i * all.outputs + first);
    const auto end = begin + static_cast<std::ptrdiff_t>(count);
    if (std::all_of(begin, end, [](std::int64_t weight) { return weight == 0; })) continue;
    some.inputs.push_back(all.inputs[i]);
    some.matrix.insert(some.matrix.end(), begin, end);
  }
  return some;
}

}  // namespace

std::vector<LinearValues> MatrixBuilder::multiply(std::span<const LinearMap> maps,
                                                  const LinearOperand& x) {
  if (maps.size() == 1) return built(maps, x);
  const Problem all = joined(maps, x);
  std::map<int, std::vector<std::size_t>> by_depth;
  std::size_t first = 0;
  for (std::size_t k = 0; k < maps.size(); ++k) {
    by_depth[least_depth(columns_of(all.cmvm, first, maps[k].outputs))].push_back(k);
    first += maps[k].outputs;
  }
  std::vector<LinearValues> results(maps.size());
  for (const auto& [depth, members] : by_depth) {
    std::vector<LinearMap> alike;
    for (const std::size_t k : members) alike.push_back(maps[k]);
    std::vector<LinearValues> made = built(alike, x);
    for (std::size_t m = 0; m < members.size(); ++m) results[members[m]] = std::move(made[m]);
  }
  return results;
}

std::vector<LinearValues> MatrixBuilder::built(std::span<const LinearMap> maps,
                                               const LinearOperand& x) {
  const Problem problem = joined(maps, x);
  std::vector<LinearValues> results;
  if (maps.size() > 1 && !is_smaller_together(problem.cmvm, maps)) {
    for (const LinearMap& map : maps) results.push_back(built({&map, 1}, x).front());
    return results;
  }
  const AdderGraph& graph = solved(problem.cmvm);
  const Values nodes = emit_nodes(graph, problem.inputs, maps.front().origin);
  const int grid =
      problem.inputs.empty() ? 0 : builder_.instr(problem.inputs.front()).format.frac_bits;
  std::size_t first = 0;
  for (const LinearMap& map : maps) {
    LinearValues& result = results.emplace_back();
    for (std::size_t j = first; j < first + map.outputs; ++j) {
      const ValueId rest = emit_output(graph.outputs[j], nodes, grid - map.frac_bits, map.origin);
      result.values.push_back(with_products(rest, problem.products[j], map));
      result.folded.push_back(problem.folded[j]);
    }
    first += map.outputs;
  }
  return results;
}

MatrixBuilder::Problem MatrixBuilder::joined(std::span<const LinearMap> maps,
                                             const LinearOperand& x) const {
  Problem problem;
  for (const LinearMap& map : maps) {
    problem.cmvm.outputs += map.outputs;
    problem.cmvm.bias.insert(problem.cmvm.bias.end(), map.bias.begin(), map.bias.end());
  }
  problem.products.resize(problem.cmvm.outputs);
  problem.folded.resize(problem.cmvm.outputs);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    std::vector<std::int64_t> row;
    for (const LinearMap& map : maps) {
      const std::vector<std::int64_t> weights = weights_of(map, i, row.size(), x, problem);
      row.insert(row.end(), weights.begin(), weights.end());
    }
    if (std::ranges::all_of(row, [](std::int64_t weight) { return weight == 0; })) continue;
    const circuit::Instr& instr = builder_.instr(x.values[i]);
    problem.inputs.push_back(x.values[i]);
    problem.cmvm.inputs.push_back(
        intersection(coarser(x.ranges[i], missing_bits(instr, x)), instr.range));
    problem.cmvm.matrix.insert(problem.cmvm.matrix.end(), row.begin(), row.end());
  }
  std::size_t first = 0;
  for (const LinearMap& map : maps) {
    fold_rounding(map, first, problem);
    first += map.outputs;
  }
  return problem;
}

/// Those of input `i` for adders, on its own grid. What multipliers take goes to the products, and
/// what a constant contributes to the bias, of outputs from `first` on.
std::vector<std::int64_t> MatrixBuilder::weights_of(const LinearMap& map, std::size_t i,
                                                    std::size_t first, const LinearOperand& x,
                                                    Problem& problem) const {
  const circuit::Instr& instr = builder_.instr(x.values[i]);
  std::vector<std::int64_t> weights(map.outputs);
  if (instr.range == Interval{0, 0}) return weights;  // zero is on any grid
  const int zeros = missing_bits(instr, x);
  for (std::size_t j = 0; j < map.outputs; ++j) {
    const std::size_t at = i * map.outputs + j;
    if (map.weights[at] == 0) continue;
    if (instr.range.is_constant()) {
      const std::int64_t mantissa = fixed::shift_left(instr.range.min, zeros);
      std::int64_t& bias = problem.cmvm.bias[first + j];
      bias = fixed::add_exact(bias, fixed::multiply_exact(mantissa, map.weights[at]));
      continue;
    }
    const std::int64_t factor = fixed::shift_left(map.weights[at], zeros);
    if (at < map.multipliers.size() && map.multipliers[at] &&
        circuit::suits_multiplier(instr.format, factor)) {
      problem.products[first + j].push_back({x.values[i], factor});
    } else {
      weights[j] = factor;
    }
  }
  return weights;
}

/// Adds what rounds each sum to its bias.
void MatrixBuilder::fold_rounding(const LinearMap& map, std::size_t first, Problem& problem) const {
  CmvmProblem& cmvm = problem.cmvm;
  for (std::size_t j = 0; j < map.outputs; ++j) {
    std::vector<std::int64_t> factors;
    for (std::size_t i = first + j; i < cmvm.matrix.size(); i += cmvm.outputs) {
      factors.push_back(cmvm.matrix[i]);
    }
    for (const Product& product : problem.products[first + j]) factors.push_back(product.factor);
    std::int64_t& bias = cmvm.bias[first + j];
    const auto folded = rounding_of_sum(map, j, factors, bias);
    if (!folded) continue;
    bias = fixed::add_exact(bias, folded->addend);
    problem.folded[first + j] = folded;
  }
}

/// Than a graph for each map.
bool MatrixBuilder::is_smaller_together(const CmvmProblem& all, std::span<const LinearMap> maps) {
  try {
    std::int64_t apart = 0;
    std::size_t first = 0;
    for (const LinearMap& map : maps) {
      apart += total_adder_cost(solved(columns_of(all, first, map.outputs)));
      first += map.outputs;
    }
    return total_adder_cost(solved(all)) < apart;
  } catch (const ModelError&) {
    return false;  // each by itself says whose sum is too wide
  }
}

const AdderGraph& MatrixBuilder::solved(const CmvmProblem& problem) {
  std::vector<std::int64_t> key{static_cast<std::int64_t>(problem.outputs)};
  for (const Interval& range : problem.inputs) key.insert(key.end(), {range.min, range.max});
  key.insert(key.end(), problem.matrix.begin(), problem.matrix.end());
  key.insert(key.end(), problem.bias.begin(), problem.bias.end());
  const auto known = graphs_.find(key);
  if (known != graphs_.end()) return known->second;
  return graphs_.emplace(std::move(key), solve_cmvm(problem, options_)).first->second;
}

/// `rest` and the products in chains of multipliers, each of which adds its product to what the
/// one before has made; adders join the chains. A rest that adders make is late: only one
/// multiplier follows it.
ValueId MatrixBuilder::with_products(ValueId rest, std::span<const Product> products,
                                     const LinearMap& map) {
  if (products.empty()) return rest;
  Values sums;
  ValueId start = rest;
  if (!builder_.instr(rest).range.is_constant()) {
    sums.push_back(builder_.add(rest, product(products.front(), map), 0, map.origin));
    products = products.subspan(1);
    start = builder_.constant(0, map.frac_bits, map.origin);
  }
  const std::size_t chains = (products.size() + kLongestChain - 1) / kLongestChain;
  for (std::size_t chain = 0; chain < chains; ++chain) {
    ValueId sum = chain == 0 ? start : builder_.constant(0, map.frac_bits, map.origin);
    for (std::size_t k = chain; k < products.size(); k += chains) {
      sum = builder_.add(sum, product(products[k], map), 0, map.origin);
    }
    sums.push_back(sum);
  }
  return sum_of(sums, map.frac_bits, map.origin);
}

ValueId MatrixBuilder::product(const Product& product, const LinearMap& map) {
  const int factor_frac_bits = map.frac_bits - builder_.instr(product.value).format.frac_bits;
  const ValueId factor = builder_.constant(product.factor, factor_frac_bits, map.origin);
  return builder_.multiply(product.value, builder_.on_grid(factor, factor_frac_bits, map.origin),
                           map.origin);
}

ValueId MatrixBuilder::sum_of(const Values& values, int frac_bits, OriginId origin) {
  if (values.size() == 1) return values.front();
  CmvmProblem problem{.outputs = 1, .bias = {0}};
  for (const ValueId value : values) {
    const circuit::Instr& instr = builder_.instr(value);
    problem.inputs.push_back(instr.range);
    problem.matrix.push_back(fixed::shift_left(1, frac_bits - instr.format.frac_bits));
  }
  const AdderGraph graph = solve_cmvm(problem, options_);
  const Values nodes = emit_nodes(graph, values, origin);
  const int grid = builder_.instr(values.front()).format.frac_bits;
  return emit_output(graph.outputs.front(), nodes, grid - frac_bits, origin);
}

/// Integers of the graph become values on the grid of the first input.
Values MatrixBuilder::emit_nodes(const AdderGraph& graph, const Values& inputs, OriginId origin) {
  const int grid = inputs.empty() ? 0 : builder_.instr(inputs.front()).format.frac_bits;
  Values nodes;
  for (const AdderNode& node : graph.nodes) {
    nodes.push_back(emit(node, nodes, inputs, grid, origin));
  }
  return nodes;
}

ValueId MatrixBuilder::emit(const AdderNode& node, const Values& nodes, const Values& inputs,
                            int grid, OriginId origin) {
  switch (node.kind) {
    case AdderNode::Kind::input: {
      const ValueId x = inputs[nodes.size()];
      return builder_.scale(x, builder_.instr(x).format.frac_bits - grid, origin);
    }
    case AdderNode::Kind::constant:
      return builder_.constant(node.constant, grid, origin);
    case AdderNode::Kind::sum:
      break;
  }
  const ValueId whole = builder_.scale(emit_sum(node, nodes, origin), node.terms[0].shift, origin);
  return builder_.narrow(whole, node.range, grid, origin);
}

/// Of the node's terms, over 2^(shift of the first).
ValueId MatrixBuilder::emit_sum(const AdderNode& node, const Values& nodes, OriginId origin) {
  const auto value = [&](std::size_t k) {
    return nodes[static_cast<std::size_t>(node.terms[k].node)];
  };
  const auto shift = [&](std::size_t k) { return node.terms[k].shift - node.terms[0].shift; };
  const AdderTerm& b = node.terms[1];
  const AdderTerm& c = node.terms[2];
  if (node.term_count == 2) {
    return b.negative ? builder_.sub(value(0), value(1), shift(1), origin)
                      : builder_.add(value(0), value(1), shift(1), origin);
  }
  // What is subtracted comes last.
  const circuit::Op op = b.negative   ? circuit::Op::sub_sub
                         : c.negative ? circuit::Op::add_sub
                                      : circuit::Op::add_add;
  return builder_.sum(op, {value(0), value(1), value(2)}, shift(1), shift(2), origin);
}

ValueId MatrixBuilder::emit_output(const AdderTerm& term, const Values& nodes, int zeros,
                                   OriginId origin) {
  if (term.node < 0) return builder_.constant(0, 0, origin);
  const ValueId node = nodes[static_cast<std::size_t>(term.node)];
  const ValueId value = builder_.scale(node, term.shift + zeros, origin);
  return term.negative ? builder_.negate(value, origin) : value;
}

}  // namespace sluice::synth
