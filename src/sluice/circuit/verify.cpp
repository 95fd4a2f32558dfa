#include "sluice/circuit/verify.hpp"

#include <fmt/format.h>

#include <set>
#include <string_view>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/circuit/verify_processes.hpp"

namespace sluice::circuit {

namespace {

using Violation = std::optional<std::string>;

/// The format that the outside sees, once per port element.
std::vector<fixed::Format> element_formats(const std::vector<Port>& ports) {
  std::vector<fixed::Format> formats;
  for (const Port& port : ports) {
    formats.insert(formats.end(), static_cast<std::size_t>(port.elements), port.quantizer.format);
  }
  return formats;
}

bool fits(const Instr& instr, const fixed::Format& format) {
  return instr.format.frac_bits == format.frac_bits &&
         fixed::range_of(format).contains(instr.range);
}

Violation check_ports(const std::vector<Port>& ports, std::string_view direction) {
  for (const Port& port : ports) {
    if (port.elements < 1) {
      return fmt::format("{} {} has {} elements", direction, port.name, port.elements);
    }
    try {
      check_format(port.quantizer.format, port.name);
    } catch (const ModelError& error) {
      return fmt::format("{} {}: {}", direction, port.name, error.message());
    }
  }
  return std::nullopt;
}

Violation check_origins(const Circuit& circuit) {
  std::set<std::string_view> names;
  for (const std::string& name : circuit.origins) {
    if (!names.insert(name).second) return fmt::format("two origins have the name '{}'", name);
  }
  for (std::size_t i = 0; i < circuit.function.instrs().size(); ++i) {
    if (index(circuit.function.instrs()[i].origin) >= circuit.origins.size()) {
      return fmt::format("%{} has an origin that does not exist", i);
    }
  }
  return std::nullopt;
}

Violation check_inference(const Function& function) {
  Function again(function.name());
  for (const Table& table : function.tables()) again.add_table(table);
  for (std::size_t i = 0; i < function.instrs().size(); ++i) {
    const Instr& instr = function.instrs()[i];
    try {
      if (again.instr(again.append(instr)) != instr) {
        return fmt::format("%{}: format and range are not the inferred ones", i);
      }
    } catch (const ModelError& error) {
      return fmt::format("%{}: {}: {}", i, error.subject(), error.message());
    }
  }
  return std::nullopt;
}

Violation check_inputs(const Circuit& circuit) {
  const std::vector<fixed::Format> formats = element_formats(circuit.inputs);
  std::vector<bool> seen(formats.size());
  for (std::size_t i = 0; i < circuit.function.instrs().size(); ++i) {
    const Instr& instr = circuit.function.instrs()[i];
    if (instr.op != Op::input) continue;
    const auto element = static_cast<std::size_t>(instr.immediate);
    if (element >= formats.size()) {
      return fmt::format("%{} reads element {} of {}", i, element, formats.size());
    }
    if (seen[element]) return fmt::format("%{} reads element {} a second time", i, element);
    seen[element] = true;
    if (!fits(instr, formats[element])) {
      return fmt::format("%{}: {} {} does not fit its port's {}", i, to_string(instr.format),
                         to_string(instr.range), to_string(formats[element]));
    }
  }
  return std::nullopt;
}

Violation check_outputs(const Circuit& circuit) {
  const std::vector<fixed::Format> formats = element_formats(circuit.outputs);
  const std::span<const ValueId> outputs = circuit.function.outputs();
  if (outputs.size() != formats.size()) {
    return fmt::format("{} outputs for ports of {} elements", outputs.size(), formats.size());
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (index(outputs[i]) >= circuit.function.instrs().size()) {
      return fmt::format("output {} does not exist", i);
    }
    const Instr& instr = circuit.function.instr(outputs[i]);
    if (!fits(instr, formats[i])) {
      return fmt::format("output {}: {} {} does not fit its port's {}", i, to_string(instr.format),
                         to_string(instr.range), to_string(formats[i]));
    }
  }
  return std::nullopt;
}

Violation check_function(const Circuit& circuit) {
  if (Violation found = check_origins(circuit)) return found;
  if (Violation found = check_inference(circuit.function)) return found;
  if (Violation found = check_inputs(circuit)) return found;
  return check_outputs(circuit);
}

Violation check_stages(const Circuit& circuit, const Schedule& schedule) {
  const std::span<const Instr> instrs = circuit.function.instrs();
  if (schedule.latency_cycles < 1) {
    return fmt::format("a latency of {} cycles", schedule.latency_cycles);
  }
  if (schedule.stages.size() != instrs.size()) {
    return fmt::format("{} stages for {} instructions", schedule.stages.size(), instrs.size());
  }
  for (std::size_t i = 0; i < instrs.size(); ++i) {
    const std::int32_t stage = schedule.stages[i];
    if (stage < 0 || stage >= schedule.latency_cycles) {
      return fmt::format("%{} is in stage {} of {}", i, stage, schedule.latency_cycles);
    }
    const bool is_source = instrs[i].op == Op::input || instrs[i].op == Op::constant;
    if (is_source && stage != 0) return fmt::format("%{} is not in stage 0", i);
    for (int k = 0; k < operand_count(instrs[i].op); ++k) {
      const ValueId operand = instrs[i].operands[static_cast<std::size_t>(k)];
      if (schedule.stages.at(index(operand)) > stage) {
        return fmt::format("%{} in stage {} uses %{} of the later stage {}", i, stage,
                           index(operand), schedule.stages[index(operand)]);
      }
    }
  }
  return std::nullopt;
}

/// The parts of a circuit with processes, one after the other.
template <typename Check>
Violation check_parts(const Circuit& circuit, const Check& check) {
  for (std::size_t p = 0; p <= circuit.processes.size(); ++p) {
    if (circuit.processes.empty()) return check(circuit, p);
    const Circuit one = part(circuit, p);
    if (Violation found = check(one, p)) {
      return fmt::format("'{}': {}", one.function.name(), *found);
    }
  }
  return std::nullopt;
}

}  // namespace

Violation find_violation(const Circuit& circuit) {
  if (Violation found = check_ports(circuit.inputs, "input port")) return found;
  if (Violation found = check_ports(circuit.outputs, "output port")) return found;
  if (Violation found = find_source_violation(circuit)) return found;
  return check_parts(circuit, [](const Circuit& one, std::size_t) { return check_function(one); });
}

Violation find_violation(const Circuit& circuit, const Schedule& schedule) {
  if (Violation found = find_timing_violation(circuit, schedule)) return found;
  return check_parts(circuit, [&](const Circuit& one, std::size_t p) {
    return check_stages(one, part(schedule, p));
  });
}

void verify(const Circuit& circuit) {
  const Violation found = find_violation(circuit);
  SLUICE_CHECK(!found, "circuit {}: {}", circuit.name, *found);
}

void verify(const Circuit& circuit, const Schedule& schedule) {
  verify(circuit);
  const Violation found = find_violation(circuit, schedule);
  SLUICE_CHECK(!found, "schedule of circuit {}: {}", circuit.name, *found);
}

}  // namespace sluice::circuit
