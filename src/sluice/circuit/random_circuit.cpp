#include "sluice/circuit/random_circuit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "sluice/base/error.hpp"

namespace sluice::circuit::testing {

namespace {

using fixed::Format;
using fixed::Interval;

constexpr std::array kAllOps{
#define SLUICE_OP(name, operands) Op::name,
#include "sluice/circuit/ops.def"
#undef SLUICE_OP
};

class CircuitBuilder {
 public:
  CircuitBuilder(std::uint64_t seed, const RandomCircuitOptions& options)
      : generator_(seed), options_(options) {
    circuit_.name = fmt::format("random_{}", seed);
    circuit_.origins = {"dense 1", "relu/1", "3x3"};
  }

  Circuit build() {
    add_input_ports();
    for (int i = 0; i < options_.operations; ++i) {
      const auto drawn = static_cast<std::size_t>(pick(0, std::ssize(kAllOps) - 1));
      const auto each_once = static_cast<std::size_t>(i) % kAllOps.size();
      add_operation(kAllOps[i < std::ssize(kAllOps) ? each_once : drawn]);
    }
    add_output_ports();
    return std::move(circuit_);
  }

 private:
  std::int64_t pick(std::int64_t min, std::int64_t max) { return draw(generator_, min, max); }
  Function& function() { return circuit_.function; }
  OriginId origin() { return static_cast<OriginId>(pick(0, std::ssize(circuit_.origins) - 1)); }

  /// Any value, the recent ones more often, so that circuits grow deep.
  ValueId operand() {
    const std::int64_t count = std::ssize(function().instrs());
    const std::int64_t first = pick(0, 2) == 0 ? 0 : std::max<std::int64_t>(0, count - 12);
    return static_cast<ValueId>(pick(first, count - 1));
  }

  /// A value of at most `bits`, quantised to them where it must be.
  ValueId narrow_operand(int bits) {
    const ValueId any = operand();
    const Format format = function().instr(any).format;
    if (format.width <= bits) return any;
    return function().quantize(any, quantizer(format, static_cast<int>(pick(1, bits))), origin());
  }

  /// A format of `width` bits that overlaps `source`, in any mode.
  fixed::Quantizer quantizer(const Format& source, int width) {
    const int excess_bits = std::max(source.width - width, 0);
    const Format format{width, source.frac_bits - static_cast<int>(pick(-2, excess_bits + 2)),
                        pick(0, 2) != 0};
    return {format, fixed::kAllRoundings[static_cast<std::size_t>(pick(0, 6))],
            fixed::kAllOverflows[static_cast<std::size_t>(pick(0, 3))]};
  }

  void add_input_ports() {
    std::int64_t left = options_.input_elements;
    std::int64_t element = 0;
    while (left > 0) {
      const std::int64_t elements = pick(1, std::min<std::int64_t>(left, 3));
      const bool is_signed = pick(0, 3) != 0;
      const Format format{static_cast<int>(pick(1, 17)), static_cast<int>(pick(-3, 10)), is_signed};
      circuit_.inputs.push_back({fmt::format("x{}", circuit_.inputs.size()), {format}, elements});
      for (std::int64_t i = 0; i < elements; ++i) {
        function().input(element++, format, input_range(format), origin());
      }
      left -= elements;
    }
  }

  Interval input_range(const Format& format) {
    const Interval all = fixed::range_of(format);
    if (pick(0, 2) != 0) return all;
    const std::int64_t min = pick(all.min, all.max);
    return {min, pick(min, all.max)};
  }

  /// Draws operands until the result varies and stays within the widest format.
  void add_operation(Op op) {
    constexpr int kAttempts = 50;
    const bool may_be_constant = op == Op::constant || pick(0, 9) == 0;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      Function trial = function();
      std::swap(trial, function());
      try {
        add_operation_once(op);
        const Instr& made = function().instrs().back();
        const bool varies = may_be_constant || !made.range.is_constant();
        if (varies && made.format.width <= options_.widest_bits) return;
      } catch (const ModelError&) {
        // Beyond 64 bits: other operands will do.
      }
      std::swap(trial, function());
    }
  }

  void add_operation_once(Op op) {
    const auto shift = [&] { return static_cast<int>(pick(-4, 4)); };
    switch (op) {
      case Op::input:
        return;  // All inputs exist from the start.
      case Op::constant:
        function().constant(pick(-200, 200) * pick(0, 3), static_cast<int>(pick(-2, 8)), origin());
        return;
      case Op::add:
        function().add(operand(), operand(), shift(), origin());
        return;
      case Op::sub:
        function().sub(operand(), operand(), shift(), origin());
        return;
      case Op::add_add:
      case Op::add_sub:
      case Op::sub_sub:
        function().sum(op, {operand(), operand(), operand()}, shift(), shift(), origin());
        return;
      case Op::negate:
        function().negate(operand(), origin());
        return;
      case Op::scale:
        function().scale(operand(), shift(), origin());
        return;
      case Op::multiply:
        function().multiply(narrow_operand(12), narrow_operand(12), origin());
        return;
      case Op::max:
        function().max(operand(), operand(), origin());
        return;
      case Op::min:
        function().min(operand(), operand(), origin());
        return;
      case Op::quantize: {
        const ValueId value = operand();
        const int width = static_cast<int>(pick(0, 14));
        function().quantize(value, quantizer(function().instr(value).format, width), origin());
        return;
      }
      case Op::lookup:
        add_lookup();
        return;
    }
  }

  void add_lookup() {
    const ValueId value = narrow_operand(static_cast<int>(pick(1, 5)));
    const Interval range = function().instr(value).range;
    Table table{static_cast<int>(pick(-2, 6)), {}};
    if (range.max - range.min >= options_.table_entries) return;
    const std::int64_t low = pick(-300, 100);
    for (std::int64_t i = range.min; i <= range.max; ++i) table.mantissas.push_back(pick(low, 300));
    function().lookup(value, table, origin());
  }

  void add_output_ports() {
    std::vector<bool> is_read(function().instrs().size());
    for (const Instr& instr : function().instrs()) {
      for (int i = 0; i < operand_count(instr.op); ++i) {
        is_read[index(instr.operands[static_cast<std::size_t>(i)])] = true;
      }
    }
    for (std::size_t id = 0; id < is_read.size(); ++id) {
      if (is_read[id]) continue;
      Format format = function().instrs()[id].format;
      if (!format.is_signed && pick(0, 1) == 0) {
        format.is_signed = true;
        ++format.width;
      }
      format.width += static_cast<int>(pick(0, 3));
      circuit_.outputs.push_back({fmt::format("y{}", circuit_.outputs.size()), {format}, 1});
      function().add_output(static_cast<ValueId>(id));
    }
  }

  Generator generator_;
  RandomCircuitOptions options_;
  Circuit circuit_;
};

}  // namespace

std::int64_t draw(Generator& generator, std::int64_t min, std::int64_t max) {
  const std::uint64_t span = static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(min);
  const std::uint64_t offset = span == ~std::uint64_t{0} ? generator() : generator() % (span + 1);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(min) + offset);
}

Circuit random_circuit(std::uint64_t seed, const RandomCircuitOptions& options) {
  return CircuitBuilder(seed, options).build();
}

Schedule random_schedule(const Circuit& circuit, std::uint64_t seed, int latency_cycles) {
  Generator generator(seed);
  Schedule schedule{latency_cycles, {}};
  for (const Instr& instr : circuit.function.instrs()) {
    std::int32_t earliest = 0;
    for (int i = 0; i < operand_count(instr.op); ++i) {
      earliest =
          std::max(earliest, schedule.stages[index(instr.operands[static_cast<std::size_t>(i)])]);
    }
    const bool is_source = operand_count(instr.op) == 0;
    const bool moves = !is_source && draw(generator, 0, 3) == 0;
    schedule.stages.push_back(std::min(earliest + (moves ? 1 : 0), latency_cycles - 1));
  }
  return schedule;
}

std::vector<std::int64_t> corner_and_random_events(const Circuit& circuit, std::uint64_t seed,
                                                   int random_events) {
  std::vector<Interval> ranges;
  for (const Port& port : circuit.inputs) {
    ranges.insert(ranges.end(), static_cast<std::size_t>(port.elements),
                  fixed::range_of(port.quantizer.format));
  }
  for (const Instr& instr : circuit.function.instrs()) {
    if (instr.op == Op::input) ranges.at(static_cast<std::size_t>(instr.immediate)) = instr.range;
  }
  std::vector<std::int64_t> events;
  const auto add_event = [&](const std::function<std::int64_t(const Interval&)>& element) {
    for (const Interval& range : ranges) events.push_back(element(range));
  };
  add_event([](const Interval& range) { return range.min; });
  add_event([](const Interval& range) { return range.max; });
  for (const std::int64_t corner : {-1, 0, 1}) {
    add_event([&](const Interval& range) { return std::clamp(corner, range.min, range.max); });
  }
  Generator generator(seed);
  for (int i = 0; i < random_events; ++i) {
    // Every third event mixes ends of the ranges, where overflow and carries happen.
    add_event([&](const Interval& range) {
      const std::int64_t kind = i % 3 == 0 ? draw(generator, 0, 1) : 2;
      return kind == 0 ? range.min : kind == 1 ? range.max : draw(generator, range.min, range.max);
    });
  }
  return events;
}

}  // namespace sluice::circuit::testing
