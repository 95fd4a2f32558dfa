#include "sluice/circuit/interpreter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"

namespace sluice::circuit {

namespace {

/// One instruction on the values before it.
class Evaluator {
 public:
  Evaluator(const Function& function, std::span<const std::int64_t> event,
            std::span<const std::int64_t> values)
      : function_(function), event_(event), values_(values) {}

  std::int64_t operator()(const Instr& instr) const {
    switch (instr.op) {
      case Op::input:
        return event_[static_cast<std::size_t>(instr.immediate)];
      case Op::constant:
        return instr.immediate;
      case Op::add:
        return aligned(instr, 0) + aligned(instr, 1);
      case Op::sub:
        return aligned(instr, 0) - aligned(instr, 1);
      case Op::add_add:
        return aligned(instr, 0) + aligned(instr, 1) + aligned(instr, 2);
      case Op::add_sub:
        return aligned(instr, 0) + aligned(instr, 1) - aligned(instr, 2);
      case Op::sub_sub:
        return aligned(instr, 0) - aligned(instr, 1) - aligned(instr, 2);
      case Op::negate:
        return -value(instr, 0);
      case Op::scale:
        return value(instr, 0);
      case Op::multiply:
        return value(instr, 0) * value(instr, 1);
      case Op::max:
        return std::max(aligned(instr, 0), aligned(instr, 1));
      case Op::min:
        return std::min(aligned(instr, 0), aligned(instr, 1));
      case Op::quantize:
        return fixed::quantize(value(instr, 0), operand(instr, 0).format.frac_bits,
                               {instr.format, instr.rounding, instr.overflow});
      case Op::lookup: {
        const Table& table = function_.tables()[static_cast<std::size_t>(instr.immediate)];
        const std::int64_t entry = value(instr, 0) - operand(instr, 0).range.min;
        return table.mantissas[static_cast<std::size_t>(entry)];
      }
    }
    return 0;
  }

 private:
  const Instr& operand(const Instr& instr, std::size_t i) const {
    return function_.instrs()[index(instr.operands[i])];
  }
  std::int64_t value(const Instr& instr, std::size_t i) const {
    return values_[index(instr.operands[i])];
  }
  /// An operand on the result's grid.
  std::int64_t aligned(const Instr& instr, std::size_t i) const {
    const int bits = instr.format.frac_bits - operand(instr, i).format.frac_bits;
    return fixed::shift_left(value(instr, i), bits + operand_shift(instr, i));
  }

  const Function& function_;
  std::span<const std::int64_t> event_;
  std::span<const std::int64_t> values_;
};

}  // namespace

Interpreter::Interpreter(const Circuit& circuit, Checking checking)
    : circuit_(circuit), checking_(checking) {
  for (const Port& port : circuit.inputs) {
    input_elements_ += port.elements;
    input_ranges_.insert(input_ranges_.end(), static_cast<std::size_t>(port.elements),
                         fixed::range_of(port.quantizer.format));
  }
  for (const Instr& instr : circuit.function.instrs()) {
    if (instr.op == Op::input) {
      input_ranges_.at(static_cast<std::size_t>(instr.immediate)) = instr.range;
    }
  }
}

void Interpreter::check_inputs(std::span<const std::int64_t> event) const {
  for (std::size_t i = 0; i < event.size(); ++i) {
    if (!input_ranges_[i].contains(event[i])) {
      throw UsageError("E-CIRCUIT-003", circuit_.name,
                       fmt::format("input element {} is {}, outside of its declared range {}", i,
                                   event[i], to_string(input_ranges_[i])),
                       "quantise the inputs by the model's input format");
    }
  }
}

void Interpreter::evaluate(std::span<const std::int64_t> event,
                           std::span<std::int64_t> values) const {
  check_inputs(event);
  const Evaluator evaluate_one(circuit_.function, event, values);
  const std::span<const Instr> instrs = circuit_.function.instrs();
  for (std::size_t i = 0; i < instrs.size(); ++i) {
    values[i] = evaluate_one(instrs[i]);
    SLUICE_CHECK(checking_ == Checking::none || instrs[i].range.contains(values[i]),
                 "circuit {}: %{} = {} is outside of its range {}", circuit_.name, i, values[i],
                 to_string(instrs[i].range));
  }
}

std::vector<std::int64_t> Interpreter::evaluate(std::span<const std::int64_t> event) const {
  if (event.size() != input_ranges_.size()) {
    throw UsageError("E-CIRCUIT-002", circuit_.name,
                     fmt::format("an event has {} input elements, found {}", input_ranges_.size(),
                                 event.size()));
  }
  std::vector<std::int64_t> values(circuit_.function.instrs().size());
  evaluate(event, values);
  return values;
}

void Interpreter::run(std::span<const std::int64_t> inputs, std::span<std::int64_t> outputs) const {
  const std::size_t event_inputs = input_ranges_.size();
  const std::span<const ValueId> results = circuit_.function.outputs();
  const std::size_t events = event_inputs == 0 ? 0 : inputs.size() / event_inputs;
  if (inputs.size() != events * event_inputs || outputs.size() != events * results.size()) {
    throw UsageError("E-CIRCUIT-002", circuit_.name,
                     fmt::format("{} input and {} output elements are not a batch of events with "
                                 "{} and {} elements",
                                 inputs.size(), outputs.size(), event_inputs, results.size()));
  }
  std::vector<std::int64_t> values(circuit_.function.instrs().size());
  for (std::size_t event = 0; event < events; ++event) {
    evaluate(inputs.subspan(event * event_inputs, event_inputs), values);
    for (std::size_t i = 0; i < results.size(); ++i) {
      outputs[event * results.size() + i] = values[index(results[i])];
    }
  }
}

}  // namespace sluice::circuit
