#include "sluice/synth/lower.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/circuit/multipliers.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/synth/lower_part.hpp"
#include "sluice/synth/lower_shared.hpp"
#include "sluice/synth/multiplier_choice.hpp"
#include "sluice/synth/rounding.hpp"
#include "sluice/synth/signed_digits.hpp"
#include "sluice/synth/value_builder.hpp"

namespace sluice::synth {

namespace {

using circuit::Circuit;
using circuit::OriginId;
using circuit::ValueId;
using fixed::Interval;
using network::Layer;
using network::LayerId;
using network::TensorType;

using Values = std::vector<ValueId>;
using Folded = std::vector<std::optional<FoldedRounding>>;  // by element

/// sum_i x[i] * weights[i] + bias per output, with everything on one output grid.
struct LinearMap {
  std::size_t outputs = 0;
  std::vector<std::int64_t> weights;  // [inputs][outputs]; x on the operand's tensor grid
  std::vector<std::int64_t> bias;
  int frac_bits = 0;              // of the result
  std::vector<bool> multipliers;  // of which weights; those behind the end have none
};

/// A product that a multiplier makes.
struct Product {
  ValueId value;
  std::int64_t factor;  // on the grid that makes the product one of the map's result
};

// A product and the sum behind it follow each other within one multiplier, and the next sum is in
// the next: longer chains need more cycles, shorter ones more adders.
constexpr std::size_t kLongestChain = 4;

// Far enough below 64 that no sum is refused for what rounding adds to it.
constexpr int kWidestFolded = 40;

class Lowering {
 public:
  Lowering(const network::Network& network, const LowerOptions& options,
           const PartKnowledge& knowledge)
      : network_(network),
        options_(options),
        knowledge_(knowledge),
        choice_(choose_multipliers(network, options.multipliers)),
        sole_quantizers_(sole_quantizers(network)) {}

  Circuit run() && {
    circuit_.name = network_.name();
    for (const Layer& layer : network_.layers()) {
      circuit_.origins.push_back(layer.name);
      lower_layer(layer);
    }
    for (const LayerId id : network_.outputs()) add_output_port(id);
    circuit_.function = without_dead_code(builder_.function());
    circuit::verify(circuit_);
    return std::move(circuit_);
  }

 private:
  void lower_layer(const Layer& layer) {
    layer_ = &layer;
    folded_.emplace_back(layer.type.ranges.size());
    first_instr_of_layer_ = builder_.function().instrs().size();
    graphs_.clear();
    try {
      Values values = std::visit([&](const auto& op) { return lower_op(op); }, layer.op);
      check_size(0, 1);
      SLUICE_CHECK(values.size() == layer.type.ranges.size(), "{} values of {} elements",
                   values.size(), layer.type.ranges.size());
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (folded_.back()[i]) continue;  // not yet what the layer's range says
        values[i] =
            builder_.narrow(values[i], known_range(i), layer.type.format.frac_bits, origin());
      }
      values_.push_back(std::move(values));
    } catch (const ModelError& error) {
      throw ModelError(error.code(), layer.name, error.message(), error.hint());
    }
  }

  /// Of an element of the present layer.
  Interval known_range(std::size_t element) const {
    const Interval& own = layer_->type.ranges[element];
    const std::size_t layer = values_.size();
    if (layer >= knowledge_.ranges.size() || knowledge_.ranges[layer].empty()) return own;
    return intersection(own, knowledge_.ranges[layer][element]);
  }

  std::size_t layer_index() const { return circuit_.origins.size() - 1; }
  OriginId origin() const { return static_cast<OriginId>(circuit_.origins.size() - 1); }
  const Values& operand() const { return values_[index(layer_->operands.front())]; }
  const Folded& operand_folded() const { return folded_[index(layer_->operands.front())]; }
  const TensorType& operand_type() const { return network_.layer(layer_->operands.front()).type; }

  Values lower_op(const network::Input& input) {
    Values values;
    for (const Interval& range : layer_->type.ranges) {
      const auto element = static_cast<std::size_t>(input_elements_++);
      const bool is_known = element < knowledge_.inputs.size();
      values.push_back(builder_.input(static_cast<std::int64_t>(element), input.quantizer,
                                      is_known ? knowledge_.inputs[element] : range, origin()));
    }
    circuit_.inputs.push_back(
        {layer_->name, input.quantizer, static_cast<std::int64_t>(values.size())});
    return values;
  }

  Values lower_op(const network::Dense& dense) {
    const int frac_bits = layer_->type.format.frac_bits;
    const int zeros = frac_bits - operand_type().format.frac_bits - dense.weight_frac_bits;
    const auto inputs = static_cast<std::size_t>(dense.inputs);
    LinearMap map{.outputs = static_cast<std::size_t>(dense.units), .frac_bits = frac_bits};
    map.weights = shifted(dense.weights, zeros);
    map.bias = shifted(dense.bias, frac_bits - dense.bias_frac_bits);
    map.multipliers = choice_[layer_index()];
    Values values;
    for (std::size_t first = 0; first < operand().size(); first += inputs) {
      const Values row = multiply(map, first, inputs);
      values.insert(values.end(), row.begin(), row.end());
    }
    return values;
  }

  Values lower_op(const network::Affine& affine) {
    const int frac_bits = layer_->type.format.frac_bits;
    const int zeros = frac_bits - operand_type().format.frac_bits - affine.scale_frac_bits;
    const std::vector<std::int64_t> scale = shifted(affine.scale, zeros);
    const std::vector<std::int64_t> offset =
        shifted(affine.offset, frac_bits - affine.offset_frac_bits);
    Values values;
    for (std::size_t i = 0; i < operand().size(); ++i) {
      const std::size_t channel = i % scale.size();
      const std::vector<bool>& chosen = choice_[layer_index()];
      const bool is_chosen = channel < chosen.size() && chosen[channel];
      values.push_back(
          multiply({1, {scale[channel]}, {offset[channel]}, frac_bits, {is_chosen}}, i, 1).front());
    }
    return values;
  }

  Values lower_op(const network::Clamp& clamp) {
    Values values = operand();
    folded_.back() = operand_folded();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (folded_.back()[i]) continue;  // void for the quantize that reads it
      ValueId& value = values[i];
      if (clamp.lower) value = builder_.max(value, bound(clamp, *clamp.lower), origin());
      if (clamp.upper) value = builder_.min(value, bound(clamp, *clamp.upper), origin());
    }
    return values;
  }

  ValueId bound(const network::Clamp& clamp, std::int64_t mantissa) {
    return builder_.constant(mantissa, clamp.frac_bits, origin());
  }

  Values lower_op(const network::Quantize& quantize) {
    Values values = operand();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::optional<FoldedRounding>& folded = operand_folded()[i];
      const fixed::Quantizer& to = quantize.of(i);
      values[i] = folded ? builder_.quantize_folded(values[i], *folded, to, origin())
                         : builder_.quantize(values[i], to, origin());
    }
    return values;
  }

  Values lower_op(const network::Reshape&) {
    folded_.back() = operand_folded();
    return operand();
  }

  Values lower_op(const network::Gather& gather) {
    Values elements;
    for (const LayerId id : layer_->operands) {
      const Values& part = values_[index(id)];
      elements.insert(elements.end(), part.begin(), part.end());
    }
    Values values;
    for (const std::int64_t from : gather.indices) {
      values.push_back(from < 0 ? builder_.constant(0, layer_->type.format.frac_bits, origin())
                                : elements[static_cast<std::size_t>(from)]);
    }
    return values;
  }

  Values lower_op(const network::Merge& merge) {
    const Values& a = values_[index(layer_->operands[0])];
    const Values& b = values_[index(layer_->operands[1])];
    Values values;
    for (std::size_t i = 0; i < a.size(); ++i) values.push_back(merged(merge.kind, a[i], b[i]));
    return values;
  }

  ValueId merged(network::Merge::Kind kind, ValueId a, ValueId b) {
    switch (kind) {
      case network::Merge::Kind::add:
        return builder_.add(a, b, 0, origin());
      case network::Merge::Kind::subtract:
        return builder_.sub(a, b, 0, origin());
      case network::Merge::Kind::multiply:
        return builder_.multiply(a, b, origin());
      case network::Merge::Kind::maximum:
        return builder_.max(a, b, origin());
      case network::Merge::Kind::minimum:
        return builder_.min(a, b, origin());
    }
    return a;
  }

  Values lower_op(const network::Reduce& reduce) {
    const auto count = static_cast<std::size_t>(operand_type().shape.back());
    Values values;
    for (std::size_t first = 0; first < operand().size(); first += count) {
      values.push_back(reduced(reduce.kind, std::span(operand()).subspan(first, count)));
    }
    return values;
  }

  /// A tree of the least depth, or a chain of few products.
  ValueId reduced(network::Reduce::Kind kind, std::span<const ValueId> elements) {
    if (elements.size() == 1) return elements.front();
    if (kind == network::Reduce::Kind::sum && elements.size() <= kLongestChain &&
        std::ranges::any_of(elements, [&](ValueId id) { return suits_chain(id); })) {
      return chained(elements);
    }
    const std::size_t half = std::bit_ceil(elements.size()) / 2;
    const ValueId a = reduced(kind, elements.first(half));
    const ValueId b = reduced(kind, elements.subspan(half));
    switch (kind) {
      case network::Reduce::Kind::sum:
        return builder_.add(a, b, 0, origin());
      case network::Reduce::Kind::maximum:
        return builder_.max(a, b, origin());
      case network::Reduce::Kind::minimum:
        return builder_.min(a, b, origin());
    }
    return a;
  }

  bool suits_chain(ValueId id) const {
    const circuit::Instr& made = builder_.instr(id);
    const auto format = [&](std::size_t k) { return builder_.instr(made.operands[k]).format; };
    return made.op == circuit::Op::multiply && circuit::suits_multiplier(format(0), format(1));
  }

  /// Each multiplier adds its product, whose lowest bit is the sum's, to what the one before has
  /// made.
  ValueId chained(std::span<const ValueId> elements) {
    Values sorted(elements.begin(), elements.end());
    std::ranges::stable_sort(sorted, {}, [&](ValueId id) {
      return std::pair(suits_chain(id), builder_.instr(id).format.frac_bits);
    });
    ValueId sum = sorted.front();
    for (std::size_t k = 1; k < sorted.size(); ++k) {
      sum = builder_.add(sum, sorted[k], 0, origin());
    }
    return sum;
  }

  Values lower_op(const network::Lookup& lookup) {
    Values values;
    for (std::size_t i = 0; i < operand().size(); ++i) {
      const network::Lookup::Table& table = lookup.of(i);
      const Interval& range = operand_type().ranges[i];
      const auto entry = [&](std::int64_t mantissa) {
        return table.mantissas.at(static_cast<std::size_t>(mantissa - table.first));
      };
      if (range.is_constant()) {
        values.push_back(builder_.constant(entry(range.min), lookup.frac_bits, origin()));
        continue;
      }
      const ValueId x = operand()[i];
      const int zeros = missing_bits(x);
      const Interval proven = builder_.instr(x).range;
      circuit::Table entries{lookup.frac_bits, {}};
      for (std::int64_t m = proven.min; m <= proven.max; ++m) {
        // What the tensor's range excludes does not occur.
        entries.mantissas.push_back(
            entry(std::clamp(fixed::shift_left(m, zeros), range.min, range.max)));
      }
      values.push_back(builder_.lookup(x, std::move(entries), origin()));
    }
    return values;
  }

  // A weight of 0 stays 0; the others fit, as the layer's range was inferred on this grid, unless
  // they meet an operand that is always 0.
  static std::vector<std::int64_t> shifted(std::vector<std::int64_t> mantissas, int zeros) {
    for (std::int64_t& mantissa : mantissas) mantissa = fixed::shift_left(mantissa, zeros);
    return mantissas;
  }

  /// The map of the operand's elements `first` to `first + count - 1`.
  Values multiply(const LinearMap& map, std::size_t first, std::size_t count) {
    CmvmProblem problem{.outputs = map.outputs, .bias = map.bias};
    Values inputs;
    std::vector<std::vector<Product>> products(map.outputs);
    for (std::size_t i = 0; i < count; ++i) {
      const ValueId x = operand()[first + i];
      std::vector<std::int64_t> weights(
          map.weights.begin() + static_cast<std::ptrdiff_t>(i * map.outputs),
          map.weights.begin() + static_cast<std::ptrdiff_t>((i + 1) * map.outputs));
      if (builder_.instr(x).range.is_constant()) {
        add_constant(x, weights, problem.bias);
        continue;
      }
      take_products(map, i, x, weights, products);
      if (std::ranges::all_of(weights, [](std::int64_t weight) { return weight == 0; })) continue;
      inputs.push_back(x);
      add_input(x, operand_type().ranges[first + i], weights, problem);
    }
    const std::size_t position = first / std::max<std::size_t>(count, 1);
    fold_rounding(position * map.outputs, products, problem);
    const AdderGraph& graph = solved(problem);
    check_size(graph.nodes.size(), operand().size() / std::max<std::size_t>(count, 1));
    Values values = emit(graph, inputs, map.frac_bits);
    for (std::size_t j = 0; j < values.size(); ++j) {
      values[j] = with_products(values[j], products[j], map.frac_bits);
    }
    return values;
  }

  /// Adds what rounds each sum to its bias, for elements of the layer from `first` on.
  void fold_rounding(std::size_t first, std::span<const std::vector<Product>> products,
                     CmvmProblem& problem) {
    for (std::size_t j = 0; j < problem.outputs; ++j) {
      std::vector<std::int64_t> factors;
      for (std::size_t i = j; i < problem.matrix.size(); i += problem.outputs) {
        factors.push_back(problem.matrix[i]);
      }
      for (const Product& product : products[j]) factors.push_back(product.factor);
      const auto folded = rounding_of_sum(first + j, factors, problem.bias[j]);
      if (!folded) continue;
      problem.bias[j] = fixed::add_exact(problem.bias[j], folded->addend);
      folded_.back()[first + j] = folded;
    }
  }

  /// Of an element that only one quantize reads. Nothing where there is no adder that could add
  /// more.
  std::optional<FoldedRounding> rounding_of_sum(std::size_t element,
                                                std::span<const std::int64_t> factors,
                                                std::int64_t bias) const {
    const fixed::Quantizer* to = sole_quantizers_[layer_index()][element];
    const Interval& range = layer_->type.ranges[element];
    if (to == nullptr || fixed::format_of(range, 0).width > kWidestFolded) return std::nullopt;
    const int frac_bits = layer_->type.format.frac_bits;
    const int dropped_bits = frac_bits - to->format.frac_bits;
    auto all_bits = static_cast<std::uint64_t>(bias);
    int terms = bias == 0 ? 0 : 1;
    for (const std::int64_t factor : factors) {
      all_bits |= static_cast<std::uint64_t>(factor);
      terms += canonical_digits(factor).count();
    }
    const int zero_bits = std::countr_zero(all_bits);
    if (terms < 2 || dropped_bits <= zero_bits || dropped_bits > kWidestFolded) return std::nullopt;
    return folded_rounding(simplest_rounding(range, frac_bits, *to), dropped_bits, zero_bits);
  }

  /// Moves those weights of input `i` that multipliers take to the products of their outputs.
  void take_products(const LinearMap& map, std::size_t i, ValueId x,
                     std::vector<std::int64_t>& weights,
                     std::vector<std::vector<Product>>& products) const {
    for (std::size_t j = 0; j < weights.size(); ++j) {
      const std::size_t at = i * map.outputs + j;
      if (at >= map.multipliers.size() || !map.multipliers[at]) continue;
      const std::int64_t factor = fixed::shift_left(weights[j], missing_bits(x));
      if (!circuit::suits_multiplier(builder_.instr(x).format, factor)) continue;
      products[j].push_back({x, factor});
      weights[j] = 0;
    }
  }

  /// `rest` and the products in chains of multipliers, each of which adds its product to what the
  /// one before has made; adders join the chains. A rest that adders make is late: only one
  /// multiplier follows it.
  ValueId with_products(ValueId rest, std::span<const Product> products, int frac_bits) {
    if (products.empty()) return rest;
    Values sums;
    ValueId start = rest;
    if (!builder_.instr(rest).range.is_constant()) {
      sums.push_back(builder_.add(rest, product(products.front(), frac_bits), 0, origin()));
      products = products.subspan(1);
      start = builder_.constant(0, frac_bits, origin());
    }
    const std::size_t chains = (products.size() + kLongestChain - 1) / kLongestChain;
    for (std::size_t chain = 0; chain < chains; ++chain) {
      ValueId sum = chain == 0 ? start : builder_.constant(0, frac_bits, origin());
      for (std::size_t k = chain; k < products.size(); k += chains) {
        sum = builder_.add(sum, product(products[k], frac_bits), 0, origin());
      }
      sums.push_back(sum);
    }
    return sum_of(sums, frac_bits);
  }

  ValueId product(const Product& product, int frac_bits) {
    const int factor_frac_bits = frac_bits - builder_.instr(product.value).format.frac_bits;
    const ValueId factor = builder_.constant(product.factor, factor_frac_bits, origin());
    return builder_.multiply(product.value, builder_.on_grid(factor, factor_frac_bits, origin()),
                             origin());
  }

  ValueId sum_of(const Values& values, int frac_bits) {
    if (values.size() == 1) return values.front();
    CmvmProblem problem{.outputs = 1, .bias = {0}};
    for (const ValueId value : values) {
      const circuit::Instr& instr = builder_.instr(value);
      problem.inputs.push_back(instr.range);
      problem.matrix.push_back(fixed::shift_left(1, frac_bits - instr.format.frac_bits));
    }
    return emit(solve_cmvm(problem, options_.cmvm), values, frac_bits).front();
  }

  /// Equal problems, as of the positions of a convolution, are solved once.
  const AdderGraph& solved(const CmvmProblem& problem) {
    std::vector<std::int64_t> key{static_cast<std::int64_t>(problem.outputs)};
    for (const Interval& range : problem.inputs) key.insert(key.end(), {range.min, range.max});
    key.insert(key.end(), problem.matrix.begin(), problem.matrix.end());
    key.insert(key.end(), problem.bias.begin(), problem.bias.end());
    const auto known = graphs_.find(key);
    if (known != graphs_.end()) return known->second;
    return graphs_.emplace(std::move(key), solve_cmvm(problem, options_.cmvm)).first->second;
  }

  /// Before `operations` more are added, as at each of the layer's `positions`.
  void check_size(std::size_t operations, std::size_t positions) const {
    const auto most = static_cast<std::size_t>(options_.most_operations);
    const std::size_t before = builder_.function().instrs().size();
    if (before + operations <= most) return;
    const std::string each = positions == 1 ? fmt::format("{} operations", operations)
                                            : fmt::format("{} operations at each of {} positions",
                                                          operations, positions);
    throw ModelError("E-SYNTH-003", "",
                     fmt::format("computed fully in parallel, it takes about {}, and the layers "
                                 "before it {}; a circuit has at most {}",
                                 each, first_instr_of_layer_, most),
                     "");
  }

  /// Bits that `x` lacks against the operand tensor's grid.
  int missing_bits(ValueId x) const {
    const int bits = operand_type().format.frac_bits - builder_.instr(x).format.frac_bits;
    SLUICE_CHECK(bits >= 0, "an element is finer than its tensor");
    return bits;
  }

  void add_constant(ValueId x, std::span<const std::int64_t> weights,
                    std::vector<std::int64_t>& bias) const {
    if (builder_.instr(x).range.min == 0) return;
    const std::int64_t mantissa = fixed::shift_left(builder_.instr(x).range.min, missing_bits(x));
    for (std::size_t j = 0; j < weights.size(); ++j) {
      bias[j] = fixed::add_exact(bias[j], fixed::multiply_exact(mantissa, weights[j]));
    }
  }

  void add_input(ValueId x, const Interval& tensor_range, std::span<const std::int64_t> weights,
                 CmvmProblem& problem) const {
    const int zeros = missing_bits(x);
    problem.inputs.push_back(intersection(coarser(tensor_range, zeros), builder_.instr(x).range));
    for (const std::int64_t weight : weights) {
      problem.matrix.push_back(fixed::shift_left(weight, zeros));
    }
  }

  /// Integers of the graph become values with `grid` fractional bits, outputs with `frac_bits`.
  Values emit(const AdderGraph& graph, const Values& inputs, int frac_bits) {
    const int grid = inputs.empty() ? 0 : builder_.instr(inputs.front()).format.frac_bits;
    Values nodes;
    for (const AdderNode& node : graph.nodes) nodes.push_back(emit(node, nodes, inputs, grid));
    Values outputs;
    for (const AdderTerm& term : graph.outputs) {
      if (term.node < 0) {
        outputs.push_back(builder_.constant(0, 0, origin()));
        continue;
      }
      const ValueId node = nodes[static_cast<std::size_t>(term.node)];
      const ValueId value = builder_.scale(node, term.shift + grid - frac_bits, origin());
      outputs.push_back(term.negative ? builder_.negate(value, origin()) : value);
    }
    return outputs;
  }

  ValueId emit(const AdderNode& node, const Values& nodes, const Values& inputs, int grid) {
    switch (node.kind) {
      case AdderNode::Kind::input: {
        const ValueId x = inputs[nodes.size()];
        return builder_.scale(x, builder_.instr(x).format.frac_bits - grid, origin());
      }
      case AdderNode::Kind::constant:
        return builder_.constant(node.constant, grid, origin());
      case AdderNode::Kind::sum:
        break;
    }
    const ValueId whole = builder_.scale(emit_sum(node, nodes), node.terms[0].shift, origin());
    return builder_.narrow(whole, node.range, grid, origin());
  }

  /// Of the node's terms, over 2^(shift of the first).
  ValueId emit_sum(const AdderNode& node, const Values& nodes) {
    const auto value = [&](std::size_t k) {
      return nodes[static_cast<std::size_t>(node.terms[k].node)];
    };
    const auto shift = [&](std::size_t k) { return node.terms[k].shift - node.terms[0].shift; };
    const auto& [a, b, c] = node.terms;
    if (node.term_count == 2) {
      return b.negative ? builder_.sub(value(0), value(1), shift(1), origin())
                        : builder_.add(value(0), value(1), shift(1), origin());
    }
    // What is subtracted comes last.
    const circuit::Op op = b.negative   ? circuit::Op::sub_sub
                           : c.negative ? circuit::Op::add_sub
                                        : circuit::Op::add_add;
    return builder_.sum(op, {value(0), value(1), value(2)}, shift(1), shift(2), origin());
  }

  void add_output_port(LayerId id) {
    const Layer& layer = network_.layer(id);
    const fixed::Format& format = layer.type.format;
    for (const ValueId value : values_[index(id)]) {
      builder_.add_output(
          builder_.on_grid(value, format.frac_bits, static_cast<OriginId>(index(id))));
    }
    circuit_.outputs.push_back(
        {layer.name, {format}, static_cast<std::int64_t>(values_[index(id)].size())});
  }

  const network::Network& network_;
  const LowerOptions& options_;
  const PartKnowledge& knowledge_;
  MultiplierChoice choice_;
  std::vector<std::vector<const fixed::Quantizer*>> sole_quantizers_;  // by layer and element
  const Layer* layer_ = nullptr;
  Circuit circuit_;
  ValueBuilder builder_;
  std::vector<Values> values_;  // by layer
  std::vector<Folded> folded_;  // by layer: what its values hold more than they should
  std::map<std::vector<std::int64_t>, AdderGraph> graphs_;  // of this layer, by problem
  std::size_t first_instr_of_layer_ = 0;
  std::int64_t input_elements_ = 0;
};

}  // namespace

Circuit lower_part(const network::Network& network, const LowerOptions& options,
                   const PartKnowledge& knowledge) {
  return Lowering(network, options, knowledge).run();
}

namespace {

/// Where a network's products are, and what makes fewer of them at a time.
std::string advice(const network::Network& network) {
  std::string products;
  for (const Layer& layer : network.layers()) {
    const auto* dense = std::get_if<network::Dense>(&layer.op);
    if (dense == nullptr) continue;
    const std::int64_t positions =
        std::ssize(network.layer(layer.operands.front()).type.ranges) / dense->inputs;
    const std::int64_t weights = std::ssize(dense->weights) - std::ranges::count(dense->weights, 0);
    products +=
        fmt::format("{}{} {} x {}", products.empty() ? "" : ", ", layer.name, positions, weights);
  }
  return fmt::format(
      "one position at a time by `--convolutions streaming`, or a layer in N cycles by `--reuse N` "
      "or its ReuseFactor; or a smaller network. Positions x weights other than 0: {}",
      products);
}

}  // namespace

Circuit lower(const network::Network& network, const LowerOptions& options) {
  try {
    if (shares_hardware(network, options)) return lower_shared(network, options);
    return lower_part(network, options);
  } catch (const ModelError& error) {
    if (error.code() != "E-SYNTH-003") throw;
    throw ModelError(error.code(), error.subject(), error.message(), advice(network));
  }
}

}  // namespace sluice::synth
