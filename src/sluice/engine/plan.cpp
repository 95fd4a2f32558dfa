#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <span>
#include <variant>

#include "sluice/base/check.hpp"
#include "sluice/base/overloaded.hpp"
#include "sluice/engine/draft.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::engine {

namespace {

using fixed::Interval;
using network::Affine;
using network::Clamp;
using network::Dense;
using network::Layer;
using network::LayerId;
using network::Network;
using network::Quantize;
using network::TensorType;

/// A value that is stored, unless the next layer joins its draft.
struct Tensor {
  TensorType type;
  std::optional<std::size_t> draft;  ///< none for an input
  bool has_one_user = false;
};

/// A layer as elements of a tensor: element i is the tensor's elements[i], or 0 for -1. Without
/// `elements` it is the tensor itself.
struct View {
  std::size_t tensor = 0;
  std::shared_ptr<const std::vector<std::int64_t>> elements;

  std::int64_t element(std::size_t i) const {
    return elements ? (*elements)[i] : static_cast<std::int64_t>(i);
  }
};

Interval range_of(const TensorType& type) {
  Interval all = type.ranges.front();
  for (const Interval& range : type.ranges) all = hull(all, range);
  return all;
}

Buffer buffer_for(const TensorType& type) {
  const Interval range = range_of(type);
  Buffer buffer;
  buffer.elements = type.ranges.size();
  if (!fixed::range_of({32, 0, true}).contains(range)) {
    buffer.storage = Storage::int64;
  } else if (range.max - range.min > std::numeric_limits<std::uint16_t>::max()) {
    buffer.storage = Storage::int32;
  } else {
    buffer.storage = Storage::int16_pairs;
    if (!fixed::range_of({16, 0, true}).contains(range)) {
      // The smallest value is stored as -32768. Near the ends of 32 bits the offset stays inside.
      constexpr std::int64_t kHalf = std::int64_t{1} << 15;
      buffer.offset = static_cast<std::int32_t>(
          std::min(range.min + kHalf, std::int64_t{std::numeric_limits<std::int32_t>::max()}));
    }
  }
  return buffer;
}

using AnyDraft = std::variant<Draft, ElementDraft>;

class Drafter {
 public:
  explicit Drafter(const Network& network) : network_(network), users_(network.layers().size()) {
    for (const Layer& layer : network.layers()) {
      for (const LayerId operand : layer.operands) ++users_[index(operand)];
    }
    for (const LayerId output : network.outputs()) ++users_[index(output)];
    for (const Layer& layer : network.layers()) add(layer);
  }

  const std::vector<Tensor>& tensors() const { return tensors_; }
  const std::vector<AnyDraft>& drafts() const { return drafts_; }
  std::size_t tensor_of(LayerId id) const { return views_[index(id)].tensor; }

 private:
  void add(const Layer& layer) {
    const std::size_t number = views_.size();
    views_.push_back(view_of(layer, users_[number] == 1));
    const bool is_output = std::ranges::find(network_.outputs(), static_cast<LayerId>(number)) !=
                           network_.outputs().end();
    if (is_output && views_.back().elements) {
      views_.back() = start_element_step(layer, ElementStep::Kind::copy, {&views_.back(), 1}, 1);
    }
  }

  View view_of(const Layer& layer, bool has_one_user) {
    const auto operand = [&] { return views_[index(layer.operands.front())]; };
    const auto computed = [&](View view) {
      tensors_[view.tensor].has_one_user = has_one_user;
      return view;
    };
    return std::visit(
        Overloaded{
            [&](const network::Input&) {
              tensors_.push_back({layer.type, std::nullopt, false});
              return computed({tensors_.size() - 1, nullptr});
            },
            [&](const network::Reshape&) {
              View view = operand();
              tensors_[view.tensor].has_one_user &= has_one_user;
              return view;
            },
            [&](const network::Gather& gather) {
              return layer.operands.size() == 1 ? gathered(gather, operand())
                                                : computed(start_gather(layer, gather));
            },
            [&](const network::Merge& merge) { return computed(start_merge(layer, merge)); },
            [&](const network::Reduce& reduce) {
              if (reduce.kind == network::Reduce::Kind::sum) return computed(start(layer));
              const auto count = static_cast<std::size_t>(
                  network_.layer(layer.operands.front()).type.shape.back());
              const View x = operand();
              return computed(start_element_step(layer,
                                                 reduce.kind == network::Reduce::Kind::maximum
                                                     ? ElementStep::Kind::maximum
                                                     : ElementStep::Kind::minimum,
                                                 {&x, 1}, count));
            },
            [&](const network::Lookup& lookup) {
              const View x = operand();
              const View view = start_element_step(layer, ElementStep::Kind::lookup, {&x, 1}, 1);
              std::get<ElementDraft>(drafts_.back()).step.tables = lookup.tables;
              return computed(view);
            },
            [&](const auto&) {
              const View x = operand();
              return computed(join(layer, x) ? x : start(layer));
            },
        },
        layer.op);
  }

  /// Elements of the operand's tensor: nothing is computed or moved.
  View gathered(const network::Gather& gather, const View& operand) {
    std::vector<std::int64_t> elements;
    elements.reserve(gather.indices.size());
    for (const std::int64_t from : gather.indices) {
      elements.push_back(from < 0 ? -1 : operand.element(static_cast<std::size_t>(from)));
    }
    tensors_[operand.tensor].has_one_user = false;
    return {operand.tensor, std::make_shared<const std::vector<std::int64_t>>(std::move(elements))};
  }

  Source source(const View& view, std::size_t i, int frac_bits) const {
    const std::int64_t element = view.element(i);
    if (element < 0) return {};
    return {static_cast<std::uint32_t>(view.tensor), static_cast<std::uint32_t>(element),
            frac_bits - tensors_[view.tensor].type.format.frac_bits};
  }

  View start_element_draft(const Layer& layer, ElementStep step) {
    tensors_.push_back({layer.type, drafts_.size(), false});
    drafts_.push_back(ElementDraft{layer.name, tensors_.size() - 1, std::move(step)});
    return {tensors_.size() - 1, nullptr};
  }

  /// Element i of the result comes from elements [i * count, (i + 1) * count) of one operand, or
  /// element i of each of several.
  View start_element_step(const Layer& layer, ElementStep::Kind kind,
                          std::span<const View> operands, std::size_t count) {
    ElementStep step{.kind = kind, .sources_per_element = operands.size() * count};
    const bool keeps_grid =
        kind != ElementStep::Kind::multiply && kind != ElementStep::Kind::lookup;
    for (std::size_t i = 0; i < layer.type.ranges.size(); ++i) {
      for (const View& operand : operands) {
        for (std::size_t k = 0; k < count; ++k) {
          const int own_frac_bits = tensors_[operand.tensor].type.format.frac_bits;
          step.sources.push_back(source(operand, i * count + k,
                                        keeps_grid ? layer.type.format.frac_bits : own_frac_bits));
        }
      }
    }
    return start_element_draft(layer, std::move(step));
  }

  View start_merge(const Layer& layer, const network::Merge& merge) {
    constexpr std::array kKinds{ElementStep::Kind::add, ElementStep::Kind::subtract,
                                ElementStep::Kind::multiply, ElementStep::Kind::maximum,
                                ElementStep::Kind::minimum};
    const std::array operands{views_[index(layer.operands[0])], views_[index(layer.operands[1])]};
    return start_element_step(layer, kKinds.at(static_cast<std::size_t>(merge.kind)), operands, 1);
  }

  View start_gather(const Layer& layer, const network::Gather& gather) {
    std::vector<std::pair<const View*, std::size_t>> elements;
    for (const LayerId id : layer.operands) {
      for (std::size_t i = 0; i < network_.layer(id).type.ranges.size(); ++i) {
        elements.emplace_back(&views_[index(id)], i);
      }
    }
    ElementStep step{.kind = ElementStep::Kind::copy};
    for (const std::int64_t from : gather.indices) {
      if (from < 0) {
        step.sources.emplace_back();
        continue;
      }
      const auto& [view, i] = elements[static_cast<std::size_t>(from)];
      step.sources.push_back(source(*view, i, layer.type.format.frac_bits));
    }
    return start_element_draft(layer, std::move(step));
  }

  /// Appends the layer to the draft of its operand where that stays exact.
  bool join(const Layer& layer, const View& operand) {
    Tensor& tensor = tensors_[operand.tensor];
    if (operand.elements || !tensor.draft || !tensor.has_one_user) return false;
    auto* const draft = std::get_if<Draft>(&drafts_[*tensor.draft]);
    if (draft == nullptr) return false;
    if (draft->quantize) return false;
    if (const auto* const quantize = std::get_if<Quantize>(&layer.op)) {
      draft->quantize = *quantize;
    } else {
      Draft joined = *draft;
      if (!extend(joined, layer)) return false;
      *draft = std::move(joined);
    }
    draft->layers += " + " + layer.name;
    tensor.type = layer.type;
    return true;
  }

  static bool extend(Draft& draft, const Layer& layer) {
    if (draft.quantize) return false;
    if (const auto* const quantize = std::get_if<Quantize>(&layer.op)) {
      draft.quantize = *quantize;
      return true;
    }
    if (draft.clamps) return false;
    try {
      if (const auto* const clamp = std::get_if<Clamp>(&layer.op)) {
        add_clamp(draft, *clamp, layer.type);
        return true;
      }
      if (const auto* const affine = std::get_if<Affine>(&layer.op)) {
        fold_affine(draft, *affine, layer.type);
        return true;
      }
    } catch (const ModelError&) {
      // A weight would need more than 64 bits: the layer becomes a step of its own.
    }
    return false;
  }

  View start(const Layer& layer) {
    const Operand x{network_.layer(layer.operands.front()).type,
                    views_[index(layer.operands.front())]};
    Draft draft;
    draft.layers = layer.name;
    draft.operand = x.view.tensor;
    draft.result = tensors_.size();
    draft.frac_bits = x.type.format.frac_bits;
    if (const auto* const dense = std::get_if<Dense>(&layer.op)) {
      add_dense(draft, *dense, x, layer.type);
    } else if (std::holds_alternative<network::Reduce>(layer.op)) {
      add_sums(draft, x, layer.type.ranges.size());
    } else {
      add_sums(draft, x, x.type.ranges.size());
      const bool extended = extend(draft, layer);
      SLUICE_CHECK(extended, "layer {} cannot be planned", layer.name);
    }
    tensors_.push_back({layer.type, drafts_.size(), false});
    drafts_.emplace_back(std::move(draft));
    return {tensors_.size() - 1, nullptr};
  }

  struct Operand {
    const TensorType& type;
    View view;
  };

  static void add_term(DraftRow& row, const Operand& x, std::size_t i, std::int64_t weight,
                       int shift) {
    if (weight == 0) return;
    const Interval& range = x.type.ranges[i];
    if (range.is_constant()) {
      const std::int64_t product = fixed::multiply_exact(range.min, weight);
      row.bias = fixed::add_exact(row.bias, fixed::shift_left(product, shift));
    } else {
      row.terms.emplace_back(static_cast<std::uint32_t>(x.view.element(i)),
                             fixed::shift_left(weight, shift));
    }
  }

  /// `rows` rows, each the sum of as many consecutive elements of the operand.
  static void add_sums(Draft& draft, const Operand& x, std::size_t rows) {
    draft.rows.resize(rows);
    const std::size_t count = x.type.ranges.size() / rows;
    for (std::size_t i = 0; i < x.type.ranges.size(); ++i) {
      add_term(draft.rows[i / count], x, i, 1, 0);
    }
  }

  static void add_dense(Draft& draft, const Dense& dense, const Operand& x,
                        const TensorType& type) {
    draft.frac_bits = type.format.frac_bits;
    const int shift = draft.frac_bits - x.type.format.frac_bits - dense.weight_frac_bits;
    const auto inputs = static_cast<std::size_t>(dense.inputs);
    const auto units = static_cast<std::size_t>(dense.units);
    draft.rows.resize(x.type.ranges.size() / inputs * units);
    for (std::size_t i = 0; i < draft.rows.size(); ++i) {
      const std::size_t unit = i % units;
      DraftRow& row = draft.rows[i];
      row.bias = fixed::shift_left(dense.bias[unit], draft.frac_bits - dense.bias_frac_bits);
      row.terms.reserve(inputs);
      for (std::size_t k = 0; k < inputs; ++k) {
        add_term(row, x, i / units * inputs + k, dense.weights[k * units + unit], shift);
      }
    }
  }

  /// Multiplies every weight and bias of a row.
  static void scale_row(DraftRow& row, std::int64_t factor, int shift) {
    for (auto& [element, weight] : row.terms) {
      weight = fixed::shift_left(fixed::multiply_exact(weight, factor), shift);
    }
    if (factor == 0) row.terms.clear();
    row.bias = fixed::shift_left(fixed::multiply_exact(row.bias, factor), shift);
  }

  static void fold_affine(Draft& draft, const Affine& affine, const TensorType& type) {
    const int frac_bits = type.format.frac_bits;
    const int shift = frac_bits - draft.frac_bits - affine.scale_frac_bits;
    for (std::size_t i = 0; i < draft.rows.size(); ++i) {
      const std::size_t channel = i % affine.scale.size();
      scale_row(draft.rows[i], affine.scale[channel], shift);
      const std::int64_t offset =
          fixed::shift_left(affine.offset[channel], frac_bits - affine.offset_frac_bits);
      draft.rows[i].bias = fixed::add_exact(draft.rows[i].bias, offset);
    }
    draft.frac_bits = frac_bits;
  }

  static void add_clamp(Draft& draft, const Clamp& clamp, const TensorType& type) {
    const int frac_bits = type.format.frac_bits;
    for (DraftRow& row : draft.rows) scale_row(row, 1, frac_bits - draft.frac_bits);
    draft.frac_bits = frac_bits;
    draft.clamps = true;
    const int shift = frac_bits - clamp.frac_bits;
    if (clamp.lower) draft.lower = fixed::shift_left(*clamp.lower, shift);
    if (clamp.upper) draft.upper = fixed::shift_left(*clamp.upper, shift);
  }

  const Network& network_;
  std::vector<int> users_;
  std::vector<Tensor> tensors_;
  std::vector<AnyDraft> drafts_;
  std::vector<View> views_;  // by layer
};

/// Gives every buffer a place in the scratch memory; buffers whose lives do not overlap share it.
void place_buffers(Program& program) {
  const std::size_t end = program.steps.size() + 1;
  std::vector<std::size_t> born(program.buffers.size(), end);
  std::vector<std::size_t> dies(program.buffers.size(), 0);
  for (const std::size_t buffer : program.input_buffers) born[buffer] = 0;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const std::size_t out = std::visit([](const auto& step) { return step.out; }, program.steps[i]);
    born[out] = i + 1;
    dies[out] = std::max(dies[out], i + 1);
    const auto reads = [&](std::size_t buffer) { dies[buffer] = std::max(dies[buffer], i + 1); };
    std::visit(Overloaded{
                   [&](const Step& step) { reads(step.in); },
                   [&](const ElementStep& step) {
                     for (const Source& source : step.sources) {
                       if (source.buffer != Source::kNoBuffer) reads(source.buffer);
                     }
                   },
               },
               program.steps[i]);
  }
  for (const std::size_t buffer : program.output_buffers) dies[buffer] = end;
  for (std::size_t i = 0; i < program.buffers.size(); ++i) {
    Buffer& buffer = program.buffers[i];
    std::size_t begin = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t k = 0; k < i; ++k) {
        const Buffer& other = program.buffers[k];
        const bool alive_together = born[k] <= dies[i] && born[i] <= dies[k];
        const std::size_t other_end = other.begin_byte + other.bytes();
        if (alive_together && begin < other_end && other.begin_byte < begin + buffer.bytes()) {
          begin = other_end;
          moved = true;
        }
      }
    }
    buffer.begin_byte = begin;
    program.scratch_bytes = std::max(program.scratch_bytes, begin + buffer.bytes());
  }
}

}  // namespace

Program plan_network(const Network& network) {
  network::verify(network);
  const Drafter drafter(network);
  Program program;
  std::vector<TensorType> types;
  for (const Tensor& tensor : drafter.tensors()) {
    program.buffers.push_back(buffer_for(tensor.type));
    types.push_back(tensor.type);
  }
  const auto plan = [&](const auto& draft) {
    auto [step, row] = choose_machine_type(draft, types, program.buffers);
    program.steps.push_back(std::move(step));
    program.plan.push_back(std::move(row));
  };
  for (const AnyDraft& draft : drafter.drafts()) std::visit(plan, draft);
  const auto segment = [&](LayerId id, fixed::Quantizer quantizer) {
    const Layer& layer = network.layer(id);
    return Segment{layer.name, layer.type.ranges.size(), quantizer};
  };
  for (const LayerId id : network.inputs()) {
    const auto& input = std::get<network::Input>(network.layer(id).op);
    program.input.segments.push_back(segment(id, input.quantizer));
    program.input_buffers.push_back(drafter.tensor_of(id));
    program.input_ranges.push_back(range_of(network.layer(id).type));
  }
  for (const LayerId id : network.outputs()) {
    program.output.segments.push_back(segment(id, {network.layer(id).type.format}));
    program.output_buffers.push_back(drafter.tensor_of(id));
  }
  place_buffers(program);
  return program;
}

}  // namespace sluice::engine
