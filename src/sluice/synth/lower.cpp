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
#include "sluice/synth/matrix.hpp"
#include "sluice/synth/multiplier_choice.hpp"
#include "sluice/synth/rounding.hpp"
#include "sluice/synth/siblings.hpp"
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

class Lowering {
 public:
  Lowering(const network::Network& network, const LowerOptions& options,
           const PartKnowledge& knowledge)
      : network_(network),
        options_(options),
        knowledge_(knowledge),
        choice_(choose_multipliers(network, options.multipliers)),
        sole_quantizers_(sole_quantizers(network)),
        siblings_(network),
        matrices_(builder_, options.cmvm) {}

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
    matrices_.forget();
    try {
      Values values = std::visit([&](const auto& op) { return lower_op(op); }, layer.op);
      check_size(builder_.function().instrs().size() - first_instr_of_layer_, 1);
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
    if (const auto done = joined_.find(layer_index()); done != joined_.end()) {
      folded_.back() = std::move(done->second.folded);
      return std::move(done->second.values);
    }
    const std::vector<std::size_t> layers = siblings_.from(layer_index());
    std::vector<LinearValues> results(layers.size());
    const auto inputs = static_cast<std::size_t>(dense.inputs);
    const std::size_t positions = operand().size() / inputs;
    for (std::size_t position = 0; position < positions; ++position) {
      const std::size_t before = builder_.function().instrs().size();
      std::vector<LinearMap> maps;
      maps.reserve(layers.size());
      for (const std::size_t layer : layers) maps.push_back(map_of(layer, position));
      std::vector<LinearValues> parts =
          matrices_.multiply(maps, operand_at(position * inputs, inputs));
      check_size(builder_.function().instrs().size() - before, positions);
      for (std::size_t k = 0; k < parts.size(); ++k) {
        std::ranges::move(parts[k].values, std::back_inserter(results[k].values));
        std::ranges::move(parts[k].folded, std::back_inserter(results[k].folded));
      }
    }
    for (std::size_t k = 1; k < layers.size(); ++k) joined_[layers[k]] = std::move(results[k]);
    folded_.back() = std::move(results.front().folded);
    return std::move(results.front().values);
  }

  /// Of a dense layer at one position.
  LinearMap map_of(std::size_t layer, std::size_t position) const {
    const auto& dense = std::get<network::Dense>(network_.layers()[layer].op);
    LinearMap map = empty_map(layer, position * static_cast<std::size_t>(dense.units),
                              static_cast<std::size_t>(dense.units));
    const int zeros = map.frac_bits - operand_type().format.frac_bits - dense.weight_frac_bits;
    map.weights = shifted(dense.weights, zeros);
    map.bias = shifted(dense.bias, map.frac_bits - dense.bias_frac_bits);
    map.multipliers = choice_[layer];
    return map;
  }

  /// Without its weights, for `count` elements of the layer from `first` on.
  LinearMap empty_map(std::size_t layer, std::size_t first, std::size_t count) const {
    const TensorType& type = network_.layers()[layer].type;
    return {.outputs = count,
            .frac_bits = type.format.frac_bits,
            .origin = static_cast<OriginId>(layer),
            .ranges = std::span(type.ranges).subspan(first, count),
            .quantizers = std::span(sole_quantizers_[layer]).subspan(first, count)};
  }

  LinearOperand operand_at(std::size_t first, std::size_t count) const {
    return {std::span(operand()).subspan(first, count),
            std::span(operand_type().ranges).subspan(first, count),
            operand_type().format.frac_bits};
  }

  Values lower_op(const network::Affine& affine) {
    const int frac_bits = layer_->type.format.frac_bits;
    const int zeros = frac_bits - operand_type().format.frac_bits - affine.scale_frac_bits;
    const std::vector<std::int64_t> scale = shifted(affine.scale, zeros);
    const std::vector<std::int64_t> offset =
        shifted(affine.offset, frac_bits - affine.offset_frac_bits);
    const std::vector<bool>& chosen = choice_[layer_index()];
    Values values;
    for (std::size_t i = 0; i < operand().size(); ++i) {
      const std::size_t channel = i % scale.size();
      LinearMap map = empty_map(layer_index(), i, 1);
      map.weights = {scale[channel]};
      map.bias = {offset[channel]};
      map.multipliers = {channel < chosen.size() && chosen[channel]};
      const LinearValues sum = matrices_.multiply({&map, 1}, operand_at(i, 1)).front();
      values.push_back(sum.values.front());
      folded_.back()[i] = sum.folded.front();
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

  /// Of the layer, which adds `operations` at each of its `positions`.
  void check_size(std::size_t operations, std::size_t positions) const {
    const auto most = static_cast<std::size_t>(options_.most_operations);
    if (builder_.function().instrs().size() <= most) return;
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
  Siblings siblings_;
  const Layer* layer_ = nullptr;
  Circuit circuit_;
  ValueBuilder builder_;
  MatrixBuilder matrices_;
  std::vector<Values> values_;  // by layer
  std::vector<Folded> folded_;  // by layer: what its values hold more than they should
  std::map<std::size_t, LinearValues> joined_;  // by dense layer that another was built with
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
