#include <algorithm>
#include <limits>

#include "sluice/base/check.hpp"
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
  const std::vector<Draft>& drafts() const { return drafts_; }
  std::size_t tensor_of(LayerId id) const { return tensor_of_[index(id)]; }

 private:
  void add(const Layer& layer) {
    const bool has_one_user = users_[tensor_of_.size()] == 1;
    if (std::holds_alternative<network::Input>(layer.op)) {
      tensors_.push_back({layer.type, std::nullopt, has_one_user});
      tensor_of_.push_back(tensors_.size() - 1);
      return;
    }
    SLUICE_CHECK(layer.operands.size() == 1, "layer {} has {} operands", layer.name,
                 layer.operands.size());
    const std::size_t operand = tensor_of(layer.operands.front());
    if (std::holds_alternative<network::Reshape>(layer.op)) {
      tensors_[operand].has_one_user &= has_one_user;
      tensor_of_.push_back(operand);
      return;
    }
    tensor_of_.push_back(join(layer, operand) ? operand : start(layer, operand));
    tensors_[tensor_of_.back()].has_one_user = has_one_user;
  }

  /// Appends the layer to the draft of its operand where that stays exact.
  bool join(const Layer& layer, std::size_t operand) {
    Tensor& tensor = tensors_[operand];
    if (!tensor.draft || !tensor.has_one_user) return false;
    Draft& draft = drafts_[*tensor.draft];
    Draft joined = draft;
    if (!extend(joined, layer)) return false;
    joined.layers += " + " + layer.name;
    draft = std::move(joined);
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

  std::size_t start(const Layer& layer, std::size_t operand) {
    Draft draft;
    draft.layers = layer.name;
    draft.operand = operand;
    draft.result = tensors_.size();
    const TensorType& x = tensors_[operand].type;
    if (const auto* const dense = std::get_if<Dense>(&layer.op)) {
      add_dense(draft, *dense, x, layer.type);
    } else {
      draft.frac_bits = x.format.frac_bits;
      draft.rows.resize(x.ranges.size());
      for (std::size_t i = 0; i < draft.rows.size(); ++i) add_term(draft.rows[i], x, i, 1, 0);
      const bool extended = extend(draft, layer);
      SLUICE_CHECK(extended, "layer {} cannot be planned", layer.name);
    }
    tensors_.push_back({layer.type, drafts_.size(), false});
    drafts_.push_back(std::move(draft));
    return tensors_.size() - 1;
  }

  static void add_term(DraftRow& row, const TensorType& x, std::size_t element, std::int64_t weight,
                       int shift) {
    if (weight == 0) return;
    const Interval& range = x.ranges[element];
    if (range.is_constant()) {
      const std::int64_t product = fixed::multiply_exact(range.min, weight);
      row.bias = fixed::add_exact(row.bias, fixed::shift_left(product, shift));
    } else {
      row.terms.emplace_back(static_cast<std::uint32_t>(element), fixed::shift_left(weight, shift));
    }
  }

  static void add_dense(Draft& draft, const Dense& dense, const TensorType& x,
                        const TensorType& type) {
    draft.frac_bits = type.format.frac_bits;
    const int shift = draft.frac_bits - x.format.frac_bits - dense.weight_frac_bits;
    const auto inputs = static_cast<std::size_t>(dense.inputs);
    const auto units = static_cast<std::size_t>(dense.units);
    draft.rows.resize(x.ranges.size() / inputs * units);
    for (std::size_t i = 0; i < draft.rows.size(); ++i) {
      const std::size_t unit = i % units;
      DraftRow& row = draft.rows[i];
      row.bias = fixed::shift_left(dense.bias[unit], draft.frac_bits - dense.bias_frac_bits);
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
  std::vector<Draft> drafts_;
  std::vector<std::size_t> tensor_of_;
};

/// Gives every buffer a place in the scratch memory; buffers whose lives do not overlap share it.
void place_buffers(Program& program) {
  const std::size_t end = program.steps.size() + 1;
  std::vector<std::size_t> born(program.buffers.size(), end);
  std::vector<std::size_t> dies(program.buffers.size(), 0);
  for (const std::size_t buffer : program.input_buffers) born[buffer] = 0;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    born[step.out] = i + 1;
    dies[step.out] = std::max(dies[step.out], i + 1);
    dies[step.in] = std::max(dies[step.in], i + 1);
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
  for (const Tensor& tensor : drafter.tensors()) {
    program.buffers.push_back(buffer_for(tensor.type));
  }
  for (const Draft& draft : drafter.drafts()) {
    auto [step, row] =
        choose_machine_type(draft, drafter.tensors()[draft.operand].type,
                            program.buffers[draft.operand], drafter.tensors()[draft.result].type);
    step.in = draft.operand;
    step.out = draft.result;
    program.steps.push_back(std::move(step));
    program.plan.push_back(std::move(row));
  }
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
