#include "sluice/frontend/plan_runner.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/base/overloaded.hpp"
#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

using network::LayerId;
using network::Shape;
using network::TensorType;

namespace {

ResolvedOp resolve(const PlannedOp& planned, const OpContext& context) {
  return std::visit(
      Overloaded{[](const network::LayerOp& op) { return ResolvedOp(op); },
                 [](const UnaryFunction& function) { return ResolvedOp(function); },
                 [&](const ElementQuantizers& quantizers) {
                   return ResolvedOp(network::LayerOp(quantizers.broadcast(context.operand.shape)));
                 },
                 [&](const OpOfOperand& make) { return make(context); }},
      planned.op);
}

void check_axis(const PlannedOp& planned, const Shape& shape) {
  if (planned.last_axis == -1 || planned.last_axis == static_cast<std::int64_t>(shape.size())) {
    return;
  }
  throw ModelError(codes::kModelConfig, "",
                   fmt::format("axis={} is not the last one of shape (batch, {})",
                               planned.last_axis, fmt::join(shape, ", ")),
                   "normalise along the last axis");
}

// hls4ml cuts each product to `accum` before it adds. That is only the same as the exact sum
// when no product has more fractional bits and no partial sum, in any order, leaves the range.
void check_accumulator(const network::Dense& dense, const TensorType& x,
                       const Precision& accumulator) {
  if (accumulator.is_auto) return;
  const fixed::Format& format = accumulator.quantizer.format;
  const int product_frac_bits = x.format.frac_bits + dense.weight_frac_bits;
  bool fits = format.frac_bits >= std::max(product_frac_bits, dense.bias_frac_bits);
  const auto inputs = static_cast<std::size_t>(dense.inputs);
  const auto units = static_cast<std::size_t>(dense.units);
  for (std::size_t i = 0; fits && i < x.ranges.size() / inputs * units; ++i) {
    const std::size_t unit = i % units;
    fixed::Interval partial{0, 0};
    const auto include = [&](const fixed::Interval& term, int frac_bits) {
      const fixed::Interval aligned = shift_left(term, format.frac_bits - frac_bits);
      partial = partial + hull(aligned, {0, 0});
    };
    for (std::size_t k = 0; k < inputs; ++k) {
      include(x.ranges[i / units * inputs + k] * dense.weights[k * units + unit],
              product_frac_bits);
    }
    include({dense.bias[unit], dense.bias[unit]}, dense.bias_frac_bits);
    fits = range_of(format).contains(partial);
  }
  if (!fits) {
    throw ModelError(
        codes::kConfiguration, "",
        fmt::format("accum={} would cut products or sums; sums are exact here", accumulator.text),
        "leave accum out, or write \"accum\": \"auto\"");
  }
}

}  // namespace

LayerId settled(const PlannedValue& value) {
  if (value.function == nullptr) return value.id;
  throw ModelError(codes::kActivation, "",
                   fmt::format("{} has no exact result in fixed point", value.function->name),
                   "quantize it right behind: QActivation(quantized_bits(8,0,alpha=1)), or a "
                   "`result` format in the configuration");
}

PlannedValue PlanRunner::run(const std::vector<PlannedOp>& ops, PlannedValue value,
                             const Append& append) {
  const LayerId layer_operand = value.id;
  std::vector<PlannedValue> before;  // the operand of each operation
  for (const PlannedOp& planned : ops) {
    before.push_back(value);
    std::vector<PlannedValue> taken{value};
    if (planned.with_operand_of) {
      taken.insert(planned.operand_is_second ? taken.end() : taken.begin(),
                   before.at(*planned.with_operand_of));
    }
    value = run(planned, taken, layer_operand, append);
    if (planned.format) {
      formats_.push_back(*planned.format);
      formats_.back().network_layer = network_.layer(value.id).name;
    }
  }
  return value;
}

PlannedValue PlanRunner::run(const PlannedOp& planned, const std::vector<PlannedValue>& operands,
                             LayerId layer_operand, const Append& append) {
  const PlannedValue operand = planned.operand_is_second ? operands.front() : operands.back();
  const TensorType& type = network_.layer(operand.id).type;
  ResolvedOp resolved = resolve(planned, {type, network_.layer(layer_operand).type});
  if (auto* const function = std::get_if<UnaryFunction>(&resolved)) {
    functions_.push_back(std::move(*function));
    return {settled(operand), &functions_.back()};
  }
  const auto& op = std::get<network::LayerOp>(resolved);
  if (operand.function != nullptr && std::holds_alternative<network::Quantize>(op)) {
    return tabulated(planned, operand, std::get<network::Quantize>(op), append);
  }
  if (operand.function != nullptr && std::holds_alternative<network::Reshape>(op)) {
    return {append(planned.name, op, {operand.id}), operand.function};
  }
  std::vector<LayerId> ids(operands.size());
  std::ranges::transform(operands, ids.begin(), settled);
  check_axis(planned, type.shape);
  if (changes_nothing(planned, op, ids.back())) return operand;
  if (const auto* const dense = std::get_if<network::Dense>(&op);
      dense != nullptr && planned.accumulator) {
    check_accumulator(*dense, type, *planned.accumulator);
  }
  return {append(planned.name, op, std::move(ids)), nullptr};
}

PlannedValue PlanRunner::tabulated(const PlannedOp& planned, const PlannedValue& operand,
                                   const network::Quantize& quantize, const Append& append) {
  UnaryLayers layers = tabulate(*operand.function, quantize, network_.layer(operand.id).type);
  const LayerId clamped = append(planned.name + "_range", layers.clamp, {operand.id});
  const LayerId looked_up = append(planned.name, std::move(layers.lookup), {clamped});
  if (planned.format) {
    tables_.push_back({network_.layer(clamped).name, network_.layer(looked_up).name,
                       real_function(*operand.function)});
  }
  return {looked_up, nullptr};
}

bool PlanRunner::changes_nothing(const PlannedOp& planned, const network::LayerOp& op,
                                 LayerId operand) const {
  const network::Layer& source = network_.layer(operand);
  if (const auto* const quantize = std::get_if<network::Quantize>(&op)) {
    const bool at_input = std::holds_alternative<network::Input>(source.op);
    return (planned.skip_if_exact || at_input) && frontend::changes_nothing(*quantize, source.type);
  }
  const auto* const reshape = std::get_if<network::Reshape>(&op);
  return reshape != nullptr && reshape->shape == source.type.shape;
}

}  // namespace sluice::frontend
