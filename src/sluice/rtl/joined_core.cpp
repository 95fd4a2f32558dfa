#include "sluice/rtl/joined_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "sluice/base/text_reader.hpp"
#include "sluice/rtl/layout.hpp"
#include "sluice/rtl/number.hpp"
#include "sluice/rtl/verilog.hpp"

namespace sluice::rtl {

namespace {

using circuit::Circuit;
using circuit::Instr;
using circuit::Op;
using circuit::Process;
using circuit::Schedule;
using circuit::Source;

int bits_to_count(std::int64_t values) {
  return std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(values - 1))));
}

Expr invert(Expr condition) { return unary(Operator::invert, std::move(condition)); }

/// When a process is where: what its counters say, registered, in the cycle of a tick.
struct Control {
  NetId tick{};                           ///< this cycle is a tick
  std::optional<NetId> first;             ///< it is the first one
  std::map<std::int64_t, NetId> numbers;  ///< of the tick, by the level from which it counts
  std::vector<NetId> indices;             ///< of the loops, one cycle early
};

/// Own indices of one level, from `low` to `high`.
struct Bound {
  std::size_t level;
  std::int64_t low;
  std::int64_t high;
  friend bool operator<(const Bound& x, const Bound& y) {
    return std::tie(x.level, x.low, x.high) < std::tie(y.level, y.low, y.high);
  }
};

class JoinedCoreWriter {
 public:
  JoinedCoreWriter(const Circuit& circuit, const Schedule& schedule, const CoreOptions& options)
      : circuit_(circuit),
        schedule_(schedule),
        options_(options),
        module_(options.name + "_core") {}

  std::string write() {
    clock_ = module_.add_port({"clk", 1, false, NetKind::input, {}});
    valid_ = module_.add_port({"valid", 1, false, NetKind::input, {}});
    x_ = module_.add_port({"x", event_bits(circuit_.inputs), false, NetKind::input, {}});
    y_ = module_.add_port({"y", event_bits(circuit_.outputs), false, NetKind::output, {}});
    module_.comment(fmt::format("Circuit {}, latency {} clock cycles, initiation interval {}",
                                quote(circuit_.name), schedule_.latency_cycles,
                                schedule_.interval_cycles));
    find_taps();
    write_pulses();
    for (std::size_t p = 0; p < circuit_.processes.size(); ++p) write_process(p);
    write_last();
    return module_.print() + parts_;
  }

 private:
  std::size_t last() const { return circuit_.processes.size(); }

  int start_of(std::size_t p) const {
    return p == last() ? schedule_.start_cycle : schedule_.processes[p].start_cycle;
  }

  const std::vector<Source>& sources_of(std::size_t p) const {
    return p == last() ? circuit_.sources : circuit_.processes[p].sources;
  }

  static bool loops(const Process& process) { return !process.extents.empty(); }

  /// Counters run a cycle ahead of the ticks, so that what they say is registered.
  int pulse_cycle(std::size_t p) const {
    return start_of(p) - (p != last() && loops(circuit_.processes[p]) ? 1 : 0);
  }

  /// Which outputs are read at which delays.
  void find_taps() {
    taps_.resize(last());
    for (std::size_t p = 0; p <= last(); ++p) {
      for (const Source& source : sources_of(p)) {
        if (source.kind != Source::Kind::tap || !bounds(p, source)) continue;
        taps_[static_cast<std::size_t>(source.process)][source.element].insert(
            tap_delay_cycles(schedule_, start_of(p), source));
      }
    }
  }

  NetId delayed(NetId net, std::int64_t cycles, const std::string& name) {
    if (cycles == 0) return net;
    const int width = module_.net(net).width;
    const NetId made = module_.add_wire(name, width);
    module_.instantiate({"sluice_delay",
                         name + "_delay",
                         {{"WIDTH", width}, {"DEPTH", cycles}},
                         {{"clk", clock_}, {"d", net}},
                         {{"q", made}}});
    return made;
  }

  /// One-cycle pulses at fixed cycles after an event's entry, each made from the one before.
  void write_pulses() {
    module_.heading("Starts");
    std::set<int> cycles;
    for (std::size_t p = 0; p <= last(); ++p) cycles.insert(pulse_cycle(p));
    NetId before = valid_;
    int at = 0;
    for (const int cycle : cycles) {
      before = delayed(before, cycle - at, fmt::format("at_{}", cycle));
      at = cycle;
      pulses_.emplace(cycle, before);
    }
  }

  NetId registered(const std::string& name, Expr value) {
    const NetId reg = module_.add_register(name, value.width, false);
    std::vector<RegisterUpdate> updates;
    updates.push_back({reg, std::move(value)});
    module_.clock_registers(module_.whole(clock_), std::move(updates));
    return reg;
  }

  bool has_source(const Process& process, Source::Kind kind) const {
    return std::ranges::any_of(process.sources,
                               [&](const Source& source) { return source.kind == kind; });
  }

  Control write_control(std::size_t p, const std::string& stem) {
    const Process& process = circuit_.processes[p];
    const NetId pulse = pulses_.at(pulse_cycle(p));
    Control control{pulse, {}, {}, {}};
    if (!loops(process)) return control;
    NetId tick = pulse;
    std::vector<NetId> starts;  // of the levels
    for (std::size_t l = 0; l < process.extents.size(); ++l) {
      const int bits = bits_to_count(process.extents[l]);
      const NetId next = module_.add_wire(fmt::format("{}_tick{}", stem, l), 1);
      const NetId index = module_.add_wire(fmt::format("{}_index{}", stem, l), bits);
      module_.instantiate({"sluice_loop",
                           fmt::format("{}_loop{}", stem, l),
                           {{"EXTENT", process.extents[l]},
                            {"INTERVAL", schedule_.processes[p].intervals[l]},
                            {"BITS", bits}},
                           {{"clk", clock_}, {"start", tick}},
                           {{"tick", next}, {"index", index}}});
      control.indices.push_back(index);
      starts.push_back(tick);
      tick = next;
    }
    control.tick = registered(stem + "_tick", module_.whole(tick));
    if (has_source(process, Source::Kind::state)) {
      control.first = registered(stem + "_first", module_.whole(pulse));
    }
    for (const Source& source : process.sources) {
      const std::int64_t level = source.element;
      const auto levels = std::ssize(process.extents);
      if (source.kind != Source::Kind::tick || level == levels) continue;
      if (control.numbers.contains(level)) continue;
      const int bits = bits_to_count(tick_count(process, static_cast<std::size_t>(level)));
      const NetId number =
          module_.add_register(fmt::format("{}_number{}", stem, level), bits, false);
      Expr next = binary(Operator::add, module_.whole(number), literal(1, bits));
      std::vector<RegisterUpdate> updates;
      updates.push_back(
          {number, choose(module_.whole(starts[static_cast<std::size_t>(level)]), literal(0, bits),
                          choose(module_.whole(tick), std::move(next), module_.whole(number)))});
      module_.clock_registers(module_.whole(clock_), std::move(updates));
      control.numbers.emplace(level, number);
    }
    return control;
  }

  std::int64_t extent(std::size_t p, std::size_t level) const {
    if (p == last() || level >= circuit_.processes[p].extents.size()) return 1;
    return circuit_.processes[p].extents[level];
  }

  /// Own indices at which a tap is inside of the loops that it reads, of the levels where these are
  /// not all; nothing if it never is.
  std::optional<std::vector<Bound>> bounds(std::size_t p, const Source& source) const {
    const Process& read = circuit_.processes[static_cast<std::size_t>(source.process)];
    std::vector<Bound> bounds;
    for (std::size_t l = 0; l < read.extents.size(); ++l) {
      Bound bound{l, extent(p, l), -1};
      for (std::int64_t i = 0; i < extent(p, l); ++i) {
        const std::int64_t at = source.offsets[l] + source.strides[l] * i;
        if (at < 0 || at >= read.extents[l]) continue;
        bound.low = std::min(bound.low, i);
        bound.high = i;
      }
      if (bound.high < 0) return std::nullopt;
      if (bound.low > 0 || bound.high < extent(p, l) - 1) bounds.push_back(bound);
    }
    return bounds;
  }

  /// A net that is set where a tap is within `bounds`.
  NetId inside(std::size_t p, const Control& control, const std::vector<Bound>& bounds,
               const std::string& stem) {
    const auto [known, is_new] = inside_.try_emplace({p, bounds});
    if (!is_new) return known->second;
    std::optional<Expr> all;
    const auto add = [&](Expr a, Expr b) {
      Expr condition = invert(binary(Operator::less, std::move(a), std::move(b)));
      all = all ? binary(Operator::bit_and, std::move(*all), std::move(condition))
                : std::move(condition);
    };
    for (const Bound& bound : bounds) {
      const NetId index = control.indices.at(bound.level);
      const int bits = module_.net(index).width;
      const auto number = [&](std::int64_t value) {
        return literal(static_cast<std::uint64_t>(value), bits);
      };
      if (bound.low > 0) add(module_.whole(index), number(bound.low));
      if (bound.high < extent(p, bound.level) - 1) add(number(bound.high), module_.whole(index));
    }
    known->second =
        registered(fmt::format("{}_inside{}", stem, inside_.size() - 1), std::move(*all));
    return known->second;
  }

  /// The event's elements in a register from which every tick takes the next ones.
  NetId write_port_reader(const Control& control, std::int64_t step_elements, int width) {
    const std::vector<ElementSlot> slots = event_layout(circuit_.inputs);
    std::vector<Expr> elements;  // most significant first
    for (std::size_t i = slots.size(); i-- > 0;) {
      const int known = std::min(width, slots[i].container_bits);
      if (known < width) elements.push_back(literal(0, width - known));
      elements.push_back(module_.select(x_, slots[i].low, known));
    }
    Expr event = concat(std::move(elements));
    const int bits = event.width;
    const auto step_bits = static_cast<int>(
        std::min<std::int64_t>(step_elements * width, static_cast<std::int64_t>(bits)));
    const NetId line = module_.add_register("event_line", bits, false);
    std::vector<Expr> moved;
    moved.push_back(literal(0, step_bits));
    if (step_bits < bits) moved.push_back(module_.select(line, step_bits, bits - step_bits));
    std::vector<RegisterUpdate> updates;
    updates.push_back({line, choose(module_.whole(valid_), std::move(event),
                                    choose(module_.whole(control.tick), concat(std::move(moved)),
                                           module_.whole(line)))});
    module_.clock_registers(module_.whole(clock_), std::move(updates));
    return line;
  }

  /// Widest format of the input ports: every element's bits, with room for its neighbours'.
  int port_width() const {
    int width = 1;
    for (const circuit::Port& port : circuit_.inputs) {
      width = std::max(width, port.quantizer.format.width);
    }
    return width;
  }

  Expr port_bits(const Source& source, std::optional<NetId> line, int width) const {
    if (!line) {
      const std::vector<ElementSlot> slots = event_layout(circuit_.inputs);
      return module_.select(x_, slots[static_cast<std::size_t>(source.element)].low, width);
    }
    return module_.select(*line, static_cast<int>(source.element) * port_width(), width);
  }

  /// An output of process `p` as it was `delay` cycles ago.
  Number output_number(std::int32_t p, std::int64_t element, std::int64_t delay) const {
    const circuit::Function& function = circuit_.processes[static_cast<std::size_t>(p)].function;
    const Instr& made = function.instr(function.outputs()[static_cast<std::size_t>(element)]);
    if (made.range.is_constant()) {
      return {made.range.min, made.format.width, made.format.is_signed, 0};
    }
    return {outputs_.at({p, element, delay}), made.format.width, made.format.is_signed, 0};
  }

  Expr source_bits(std::size_t p, const Control& control, const Source& source, int width,
                   std::optional<NetId> line, const std::string& stem) {
    const auto initial = [&] {
      return extract(module_, {source.initial, width, true, 0}, 0, width);
    };
    switch (source.kind) {
      case Source::Kind::port:
        return port_bits(source, line, width);
      case Source::Kind::tick: {
        const auto number = control.numbers.find(source.element);
        if (number == control.numbers.end()) return literal(0, width);
        const int bits = module_.net(number->second).width;
        return extract(module_, {number->second, bits, false, 0}, 0, width);
      }
      case Source::Kind::state: {
        if (!control.first) return initial();
        const Number latest = output_number(static_cast<std::int32_t>(p), source.element, 0);
        return choose(module_.whole(*control.first), initial(), extract(module_, latest, 0, width));
      }
      case Source::Kind::tap: {
        const std::int64_t delay = tap_delay_cycles(schedule_, start_of(p), source);
        const std::optional<std::vector<Bound>> where = bounds(p, source);
        if (!where) return initial();
        Expr value =
            extract(module_, output_number(source.process, source.element, delay), 0, width);
        if (where->empty()) return value;
        return choose(module_.whole(inside(p, control, *where, stem)), std::move(value), initial());
      }
    }
    return literal(0, width);
  }

  /// The input vector of part `p`: every element that its function reads, in its container.
  NetId write_inputs(std::size_t p, const Control& control, const Circuit& one,
                     std::optional<NetId> line, const std::string& stem) {
    const NetId x = module_.add_wire(stem + "_x", event_bits(one.inputs));
    const std::vector<ElementSlot> slots = event_layout(one.inputs);
    const std::vector<Source>& sources = sources_of(p);
    std::vector<int> widths(sources.size());
    for (const Instr& instr : one.function.instrs()) {
      if (instr.op != Op::input || instr.range.is_constant()) continue;
      widths[static_cast<std::size_t>(instr.immediate)] = instr.format.width;
    }
    for (std::size_t i = 0; i < sources.size(); ++i) {
      Expr bits = widths[i] == 0 ? literal(0, slots[i].container_bits)
                                 : source_bits(p, control, sources[i], widths[i], line, stem);
      const int missing = slots[i].container_bits - bits.width;
      std::vector<Expr> parts;
      if (missing > 0) parts.push_back(literal(0, missing));
      parts.push_back(std::move(bits));
      module_.assign(x, slots[i].low, concat(std::move(parts)));
    }
    return x;
  }

  void instantiate(const Circuit& one, std::size_t p, const std::string& stem, NetId valid, NetId x,
                   NetId y) {
    const CoreOptions options{.name = fmt::format("{}_{}", options_.name, stem),
                              .registers_per_block = options_.registers_per_block,
                              .family = options_.family,
                              .registers_outputs = p == last()};
    parts_ += emit_core(one, part(schedule_, p), options);
    module_.instantiate({options.name + "_core",
                         stem,
                         {},
                         {{"clk", clock_}, {"valid", valid}, {"x", x}},
                         {{"y", y}}});
  }

  void write_process(std::size_t p) {
    const Process& process = circuit_.processes[p];
    const std::string stem = fmt::format("p{}", p);
    module_.heading(fmt::format("Process {}", quote(process.function.name())));
    const Control control = write_control(p, stem);
    const Circuit one = part(circuit_, p);
    std::optional<NetId> line;
    const auto port = std::ranges::find(process.sources, Source::Kind::port, &Source::kind);
    if (loops(process) && port != process.sources.end()) {
      line = write_port_reader(control, port->strides.back(), port_width());
    }
    // A state reads the registers behind the function.
    const NetId y = module_.add_wire(stem + "_y", event_bits(one.outputs));
    const std::vector<NetId> latest = add_output_registers(p, stem);
    const NetId x = write_inputs(p, control, one, line, stem);
    instantiate(one, p, stem, control.tick, x, y);
    const NetId done =
        delayed(control.tick, schedule_.processes[p].latency_cycles - 1, stem + "_done");
    clock_outputs(one, y, done, latest);
    write_taps(p, stem);
  }

  bool is_kept(std::size_t p, std::size_t element) const {
    const Process& process = circuit_.processes[p];
    if (process.function.instr(process.function.outputs()[element]).range.is_constant()) {
      return false;
    }
    const bool is_state = std::ranges::any_of(process.sources, [&](const Source& source) {
      return source.kind == Source::Kind::state &&
             source.element == static_cast<std::int64_t>(element);
    });
    return is_state || taps_[p].contains(static_cast<std::int64_t>(element));
  }

  std::vector<NetId> add_output_registers(std::size_t p, const std::string& stem) {
    const circuit::Function& function = circuit_.processes[p].function;
    std::vector<NetId> registers(function.outputs().size(), kNone);
    for (std::size_t k = 0; k < registers.size(); ++k) {
      if (!is_kept(p, k)) continue;
      const fixed::Format& format = function.instr(function.outputs()[k]).format;
      registers[k] =
          module_.add_register(fmt::format("{}_{}", stem, k), format.width, format.is_signed);
      outputs_.emplace(std::tuple{static_cast<std::int32_t>(p), static_cast<std::int64_t>(k), 0},
                       registers[k]);
    }
    return registers;
  }

  /// Outputs stay until those of the next tick.
  void clock_outputs(const Circuit& one, NetId y, NetId done, const std::vector<NetId>& latest) {
    const std::vector<ElementSlot> slots = event_layout(one.outputs);
    std::vector<RegisterUpdate> updates;
    for (std::size_t k = 0; k < latest.size(); ++k) {
      if (latest[k] == kNone) continue;
      updates.push_back(
          {latest[k], choose(module_.whole(done),
                             module_.select(y, slots[k].low, module_.net(latest[k]).width),
                             module_.whole(latest[k]))});
    }
    if (!updates.empty()) module_.clock_registers(module_.whole(clock_), std::move(updates));
  }

  /// A chain of delays from one tapped cycle to the next, for all outputs that are read there or
  /// later.
  void write_taps(std::size_t p, const std::string& stem) {
    std::set<std::int64_t> delays;
    std::map<std::int64_t, NetId> nets;  // by output: at the delay reached so far
    const circuit::Function& function = circuit_.processes[p].function;
    for (const auto& [element, at] : taps_[p]) {
      const circuit::ValueId output = function.outputs()[static_cast<std::size_t>(element)];
      if (function.instr(output).range.is_constant()) continue;
      delays.insert(at.begin(), at.end());
      nets.emplace(element, outputs_.at({static_cast<std::int32_t>(p), element, 0}));
    }
    std::int64_t reached = 0;
    for (const std::int64_t delay : delays) {
      if (delay == 0) continue;
      std::erase_if(nets,
                    [&](const auto& net) { return *taps_[p].at(net.first).rbegin() < delay; });
      std::vector<Expr> parts;  // most significant first
      for (auto net = nets.rbegin(); net != nets.rend(); ++net) {
        parts.push_back(module_.whole(net->second));
      }
      const std::string name = fmt::format("{}_ago{}", stem, delay);
      const NetId before = module_.add_wire(name + "_d", false, concat(std::move(parts)));
      const NetId after = delayed(before, delay - reached, name);
      int low = 0;
      for (auto& [element, net] : nets) {
        const Net& as = module_.net(net);
        const int width = as.width;
        net = module_.add_wire(fmt::format("{}_{}_ago{}", stem, element, delay), as.is_signed,
                               module_.select(after, low, width));
        low += width;
        outputs_.emplace(std::tuple{static_cast<std::int32_t>(p), element, delay}, net);
      }
      reached = delay;
    }
  }

  void write_last() {
    module_.heading(fmt::format("Function {}", quote(circuit_.function.name())));
    const Control control{pulses_.at(start_of(last())), {}, {}, {}};
    const Circuit one = part(circuit_, last());
    const NetId x = write_inputs(last(), control, one, std::nullopt, "last");
    instantiate(one, last(), "last", control.tick, x, y_);
  }

  static constexpr NetId kNone{-1};

  const Circuit& circuit_;
  const Schedule& schedule_;
  const CoreOptions& options_;
  Module module_;
  std::string parts_;  ///< the other modules
  NetId clock_{}, valid_{}, x_{}, y_{};
  std::map<int, NetId> pulses_;  ///< by cycle
  /// By process, then output: the delays at which it is read.
  std::vector<std::map<std::int64_t, std::set<std::int64_t>>> taps_;
  /// By process, output and delay.
  std::map<std::tuple<std::int32_t, std::int64_t, std::int64_t>, NetId> outputs_;
  std::map<std::pair<std::size_t, std::vector<Bound>>, NetId> inside_;  ///< by process
};

}  // namespace

std::string emit_joined_core(const Circuit& circuit, const Schedule& schedule,
                             const CoreOptions& options) {
  return JoinedCoreWriter(circuit, schedule, options).write();
}

}  // namespace sluice::rtl
