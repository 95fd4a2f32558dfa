#include "sluice/rtl/core.hpp"

#include <fmt/format.h>

#include <array>

#include "sluice/base/check.hpp"
#include "sluice/base/text_reader.hpp"
#include "sluice/circuit/multipliers.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/rtl/joined_core.hpp"
#include "sluice/rtl/layout.hpp"
#include "sluice/rtl/names.hpp"
#include "sluice/rtl/number.hpp"
#include "sluice/rtl/operations.hpp"
#include "sluice/rtl/plan.hpp"
#include "sluice/rtl/verilog.hpp"

namespace sluice::rtl {

namespace {

using circuit::Circuit;
using circuit::Instr;
using circuit::Op;
using circuit::Schedule;
using circuit::ValueId;

class CoreWriter {
 public:
  CoreWriter(const Circuit& circuit, const Schedule& schedule, const CoreOptions& options)
      : circuit_(circuit),
        schedule_(schedule),
        options_(options),
        output_stage_(schedule.latency_cycles - (options.registers_outputs ? 0 : 1)),
        multipliers_(circuit.function),
        plan_(make_plan(circuit.function, schedule, multipliers_, output_stage_)),
        input_slots_(event_layout(circuit.inputs)),
        module_(options.name + "_core"),
        operations_(module_, circuit.function, options.family),
        nets_(circuit.function.instrs().size()) {
    for (const std::string& origin : circuit.origins) stems_.push_back(legal_stem(origin));
  }

  std::string write() {
    write_ports();
    for (int stage = 0; stage <= output_stage_; ++stage) {
      const bool is_behind_the_last = stage == schedule_.latency_cycles;
      module_.heading(is_behind_the_last ? "Outputs" : fmt::format("Stage {}", stage));
      write_registers(stage);
      if (!is_behind_the_last) write_operations(stage);
    }
    write_outputs();
    return module_.print();
  }

 private:
  std::size_t value_count() const { return nets_.size(); }
  const Instr& instr(std::size_t id) const { return circuit_.function.instrs()[id]; }

  std::string name_of(std::size_t id, int stage) const {
    return fmt::format("{}_{}_s{}", stems_[index(instr(id).origin)], id, stage);
  }

  /// A value as an operation in `stage` reads it.
  Number number(ValueId id, int stage) const {
    const Carrier& carrier = plan_.carriers[index(id)];
    const fixed::Format& format = circuit_.function.instr(id).format;
    if (carrier.constant) return {*carrier.constant, format.width, format.is_signed, 0};
    const std::size_t carried_by = index(carrier.value);
    const auto age = static_cast<std::size_t>(stage - schedule_.stages[carried_by]);
    return {nets_[carried_by].at(age), format.width, format.is_signed, 0};
  }

  void write_ports() {
    const NetId clock = module_.add_port({"clk", 1, false, NetKind::input, {}});
    const NetId valid = module_.add_port({"valid", 1, false, NetKind::input, {}});
    x_ = module_.add_port({"x", event_bits(circuit_.inputs), false, NetKind::input, {}});
    y_ = module_.add_port({"y", event_bits(circuit_.outputs), false, NetKind::output, {}});
    module_.comment(fmt::format("Circuit {}, latency {} clock cycles, initiation interval 1",
                                quote(circuit_.name), schedule_.latency_cycles));
    describe_ports("x", circuit_.inputs);
    describe_ports("y", circuit_.outputs);
    if (output_stage_ == 0) return;
    module_.heading("In simulation, a stage without an event stands still");
    clocks_ = module_.add_stage_clocks(clock, valid, output_stage_);
  }

  void describe_ports(std::string_view net, const std::vector<circuit::Port>& ports) {
    std::int64_t low = 0;
    for (const circuit::Port& port : ports) {
      const std::int64_t container_bits = fixed::container_bits(port.quantizer.format);
      const std::int64_t end = low + port.elements * container_bits;
      module_.comment(fmt::format("{}[{}:{}]: {}, {} x {} in {} bits", net, end - 1, low,
                                  quote(port.name), port.elements, to_string(port.quantizer.format),
                                  container_bits));
      low = end;
    }
  }

  /// Registers at the end of the stage before, for every value that `stage` or a later one reads.
  void write_registers(int stage) {
    std::vector<RegisterUpdate> updates;
    for (std::size_t id = 0; id < value_count(); ++id) {
      if (schedule_.stages[id] >= stage || plan_.last_stage[id] < stage) continue;
      const auto age = static_cast<std::size_t>(stage - schedule_.stages[id]);
      if (nets_[id].size() > age) continue;  // a multiplier's own register
      const fixed::Format& format = instr(id).format;
      const NetId before = nets_[id].back();
      const NetId reg = module_.add_register(name_of(id, stage), format.width, format.is_signed);
      nets_[id].push_back(reg);
      updates.push_back({reg, module_.whole(before)});
    }
    const auto block = static_cast<std::size_t>(options_.registers_per_block);
    for (std::size_t first = 0; first < updates.size(); first += block) {
      const std::size_t end = std::min(first + block, updates.size());
      module_.clock_registers(
          module_.select(clocks_, stage - 1, 1),
          {std::make_move_iterator(updates.begin() + static_cast<std::ptrdiff_t>(first)),
           std::make_move_iterator(updates.begin() + static_cast<std::ptrdiff_t>(end))});
    }
  }

  void write_operations(int stage) {
    for (std::size_t id = 0; id < value_count(); ++id) {
      if (schedule_.stages[id] != stage || plan_.last_stage[id] == Plan::kDead) continue;
      if (const auto& unit = multipliers_.behind(id)) {
        write_multiplier(id, *unit, stage);
        continue;
      }
      const std::string name = name_of(id, stage);
      Expr value = bits_of(id, stage, name);
      nets_[id].push_back(module_.add_wire(name, instr(id).format.is_signed, std::move(value)));
    }
  }

  static Number constant_number(std::int64_t mantissa) {
    const fixed::Format format = fixed::format_of({mantissa, mantissa}, 0);
    return {mantissa, format.width, format.is_signed, 0};
  }

  /// With a bit for the sign, which an unsigned number does not have.
  Expr as_signed(const Number& number) const {
    return extract(module_, number, 0, number.width + (number.is_signed ? 0 : 1));
  }

  /// The output is registered in the multiplier if nobody reads it in `stage`.
  void write_multiplier(std::size_t id, const circuit::MultiplyAdd& unit, int stage) {
    const bool is_registered = plan_.first_stage[id] > stage;
    const fixed::Format& format = instr(id).format;
    const std::string name = name_of(id, is_registered ? stage + 1 : stage);
    const NetId value = module_.add_wire(name + "_a", true, as_signed(number(unit.value, stage)));
    const NetId factor =
        module_.add_wire(name + "_b", true,
                         as_signed(unit.varying_factor ? number(*unit.varying_factor, stage)
                                                       : constant_number(unit.factor)));
    Expr addend = literal(0, format.width);
    if (unit.addend) {
      addend = extract(module_, shifted(number(*unit.addend, stage), unit.addend_shift), 0,
                       format.width);
    }
    const NetId addend_net = module_.add_wire(name + "_c", true, std::move(addend));
    // The last stage has no clock.
    const NetId clock = module_.add_wire(
        name + "_clk", false, is_registered ? module_.select(clocks_, stage, 1) : literal(0, 1));
    const NetId sum = module_.add_wire(name, format.width);
    module_.instantiate(
        {"sluice_multiply_add",
         name + "_dsp",
         {{"VALUE_WIDTH", module_.net(value).width},
          {"FACTOR_WIDTH", module_.net(factor).width},
          {"SUM_WIDTH", format.width},
          {"REGISTERED", is_registered ? 1 : 0},
          {"PRIMITIVE", options_.family.has_dsp48e2 ? 1 : 0}},
         {{"clk", clock}, {"value", value}, {"factor", factor}, {"addend", addend_net}},
         {{"sum", sum}}});
    nets_[id].assign(is_registered ? 2 : 1, sum);
  }

  Expr bits_of(std::size_t id, int stage, const std::string& name) {
    const Instr& made = instr(id);
    if (made.op == Op::input) {
      const ElementSlot& slot = input_slots_.at(static_cast<std::size_t>(made.immediate));
      return module_.select(x_, slot.low, made.format.width);
    }
    Operands operands;
    for (int i = 0; i < operand_count(made.op); ++i) {
      const auto k = static_cast<std::size_t>(i);
      operands[k] = number(made.operands[k], stage);
    }
    return operations_.write(static_cast<ValueId>(id), operands, name);
  }

  void write_outputs() {
    const std::vector<ElementSlot> slots = event_layout(circuit_.outputs);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const Number value = number(circuit_.function.outputs()[i], output_stage_);
      module_.assign(y_, slots[i].low, extract(module_, value, 0, slots[i].container_bits));
    }
  }

  const Circuit& circuit_;
  const Schedule& schedule_;
  const CoreOptions& options_;
  int output_stage_;
  circuit::Multipliers multipliers_;
  Plan plan_;
  std::vector<ElementSlot> input_slots_;
  std::vector<std::string> stems_;  ///< per origin
  Module module_;
  OperationWriter operations_;
  /// Per value the net that carries it in its own stage, the next stage, and so on.
  std::vector<std::vector<NetId>> nets_;
  NetId clocks_{}, x_{}, y_{};
};

}  // namespace

std::string emit_core(const Circuit& circuit, const Schedule& schedule,
                      const CoreOptions& options) {
  check_kernel_name(options.name);
  SLUICE_CHECK(options.registers_per_block > 0, "{} registers per block",
               options.registers_per_block);
  verify(circuit, schedule);
  SLUICE_CHECK(!circuit.inputs.empty() && !circuit.outputs.empty(), "circuit {} has no ports",
               circuit.name);
  if (!circuit.processes.empty()) return emit_joined_core(circuit, schedule, options);
  return CoreWriter(circuit, schedule, options).write();
}

}  // namespace sluice::rtl
