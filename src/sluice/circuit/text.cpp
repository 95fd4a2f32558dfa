#include "sluice/circuit/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "sluice/base/text_reader.hpp"
#include "sluice/circuit/verify.hpp"

namespace sluice::circuit {

namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 24;
constexpr int kMostCycles = 1 << 20;

std::string text_of(const Port& port, std::string_view direction) {
  return fmt::format("{} {} elements {} as {} {} {}\n", direction, quote(port.name), port.elements,
                     to_string(port.quantizer.format), to_string(port.quantizer.rounding),
                     to_string(port.quantizer.overflow));
}

std::string operands_of(const Instr& instr) {
  std::string text;
  for (int i = 0; i < operand_count(instr.op); ++i) {
    text += fmt::format("{}%{}", i == 0 ? " " : ", ", index(instr.operands[std::size_t(i)]));
  }
  return text;
}

/// What the operation needs beside its operands.
std::string attributes_of(const Instr& instr) {
  switch (instr.op) {
    case Op::input:
    case Op::constant:
    case Op::lookup:
      return fmt::format(" {}", instr.immediate);
    case Op::add:
    case Op::sub:
    case Op::scale:
      return instr.shift == 0 ? "" : fmt::format(" << {}", instr.shift);
    case Op::add_add:
    case Op::add_sub:
    case Op::sub_sub:
      if (instr.shift == 0 && instr.third_shift == 0) return "";
      return fmt::format(" << {}, {}", instr.shift, instr.third_shift);
    case Op::quantize:
      return fmt::format(" {} {}", to_string(instr.rounding), to_string(instr.overflow));
    case Op::negate:
    case Op::multiply:
    case Op::max:
    case Op::min:
      return "";
  }
  return "";
}

std::string text_of(const Circuit& circuit, std::size_t id) {
  const Instr& instr = circuit.function.instrs()[id];
  return fmt::format("%{} = {}{}{} : {} {} @{}", id, to_string(instr.op), operands_of(instr),
                     attributes_of(instr), to_string(instr.format), to_string(instr.range),
                     quote(circuit.origins.at(index(instr.origin))));
}

constexpr std::array kAllOps{
#define SLUICE_OP(name, operands) Op::name,
#include "sluice/circuit/ops.def"
#undef SLUICE_OP
};

class Parser {
 public:
  Parser(std::string_view text, std::string_view origin) : reader_(text, origin) {}

  Parsed parse() {
    reader_.expect("circuit");
    circuit_.name = reader_.quoted();
    if (reader_.accept("latency")) {
      schedule_.emplace().latency_cycles = static_cast<int>(reader_.integer(1, kMostCycles));
    }
    while (reader_.accept("input")) circuit_.inputs.push_back(port());
    while (reader_.accept("output")) circuit_.outputs.push_back(port());
    while (reader_.accept("origin")) circuit_.origins.push_back(reader_.quoted());
    reader_.expect("function");
    circuit_.function = Function(reader_.quoted());
    while (reader_.accept("table")) parse_table();
    while (reader_.peek().starts_with('%')) parse_instr();
    while (reader_.accept("result")) circuit_.function.add_output(value());
    if (!reader_.at_end()) {
      throw reader_.error(fmt::format("expected a value or a result, found '{}'", reader_.peek()));
    }
    check(find_violation(circuit_));
    if (schedule_) check(find_violation(circuit_, *schedule_));
    return {std::move(circuit_), std::move(schedule_)};
  }

 private:
  void check(const std::optional<std::string>& violation) const {
    if (violation) throw reader_.error(*violation);
  }

  Port port() {
    Port port;
    port.name = reader_.quoted();
    reader_.expect("elements");
    port.elements = reader_.integer(1, kMostElements - elements_);
    elements_ += port.elements;
    reader_.expect("as");
    port.quantizer.format = fixed::parse_format(reader_.word());
    port.quantizer.rounding = fixed::parse_rounding(reader_.word());
    port.quantizer.overflow = fixed::parse_overflow(reader_.word());
    return port;
  }

  void parse_table() {
    Table table;
    reader_.expect("frac");
    table.frac_bits = static_cast<int>(reader_.integer(-1024, 1024));
    reader_.expect("[");
    do {
      table.mantissas.push_back(reader_.integer());
    } while (reader_.accept(","));
    reader_.expect("]");
    circuit_.function.add_table(std::move(table));
  }

  void parse_instr() {
    reader_.expect(fmt::format("%{}", circuit_.function.instrs().size()));
    reader_.expect("=");
    Instr instr;
    instr.op = op();
    for (int i = 0; i < operand_count(instr.op); ++i) {
      if (i > 0) reader_.expect(",");
      instr.operands[static_cast<std::size_t>(i)] = value();
    }
    parse_attributes(instr);
    reader_.expect(":");
    instr.format = fixed::parse_format(reader_.word());
    instr.range = interval();
    instr.origin = origin();
    if (schedule_) {
      reader_.expect("stage");
      schedule_->stages.push_back(static_cast<std::int32_t>(reader_.integer(0, kMostCycles)));
    }
    append(instr);
  }

  void append(const Instr& instr) {
    try {
      const Instr& made = circuit_.function.instr(circuit_.function.append(instr));
      if (made != instr) {
        throw reader_.error(fmt::format("the result is {} {}, not {} {}", to_string(made.format),
                                        to_string(made.range), to_string(instr.format),
                                        to_string(instr.range)));
      }
    } catch (const ModelError& error) {
      if (error.code() == "E-TEXT-001") throw;
      throw reader_.error(fmt::format("{}: {}", error.subject(), error.message()));
    }
  }

  void parse_attributes(Instr& instr) {
    switch (instr.op) {
      case Op::input:
      case Op::constant:
      case Op::lookup:
        instr.immediate = reader_.integer();
        break;
      case Op::add:
      case Op::sub:
      case Op::scale:
        if (reader_.accept("<<")) instr.shift = shift();
        break;
      case Op::add_add:
      case Op::add_sub:
      case Op::sub_sub:
        if (reader_.accept("<<")) {
          instr.shift = shift();
          reader_.expect(",");
          instr.third_shift = shift();
        }
        break;
      case Op::quantize:
        instr.rounding = fixed::parse_rounding(reader_.word());
        instr.overflow = fixed::parse_overflow(reader_.word());
        break;
      case Op::negate:
      case Op::multiply:
      case Op::max:
      case Op::min:
        break;
    }
  }

  std::int32_t shift() { return static_cast<std::int32_t>(reader_.integer(-(1 << 20), 1 << 20)); }

  Op op() {
    const auto found =
        std::ranges::find(kAllOps, reader_.peek(), [](Op op) { return to_string(op); });
    if (found == kAllOps.end()) {
      throw reader_.error(fmt::format("unknown operation '{}'", reader_.peek()));
    }
    reader_.expect(to_string(*found));
    return *found;
  }

  /// `%7`, the id of an earlier value.
  ValueId value() {
    const std::size_t known = circuit_.function.instrs().size();
    const std::string_view token = reader_.peek();
    std::size_t id = 0;
    const bool is_id =
        token.size() > 1 && token.size() < 12 && token.front() == '%' &&
        std::ranges::all_of(token.substr(1), [](char c) { return c >= '0' && c <= '9'; });
    for (const char digit : is_id ? token.substr(1) : "") {
      id = id * 10 + static_cast<std::size_t>(digit - '0');
    }
    if (!is_id || id >= known) {
      throw reader_.error(
          fmt::format("expected one of the {} values before this, found '{}'", known, token));
    }
    reader_.word();
    return static_cast<ValueId>(id);
  }

  fixed::Interval interval() {
    fixed::Interval range;
    reader_.expect("[");
    range.min = reader_.integer();
    reader_.expect(",");
    range.max = reader_.integer();
    reader_.expect("]");
    return range;
  }

  OriginId origin() {
    reader_.expect("@");
    const std::string name = reader_.quoted();
    const auto found = std::ranges::find(circuit_.origins, name);
    if (found == circuit_.origins.end()) {
      throw reader_.error(fmt::format("there is no origin '{}'", name));
    }
    return static_cast<OriginId>(found - circuit_.origins.begin());
  }

  TextReader reader_;
  std::int64_t elements_ = 0;
  Circuit circuit_;
  std::optional<Schedule> schedule_;
};

}  // namespace

std::string print(const Circuit& circuit, const Schedule* schedule) {
  std::string text = fmt::format("circuit {}", quote(circuit.name));
  if (schedule != nullptr) text += fmt::format(" latency {}", schedule->latency_cycles);
  text += '\n';
  for (const Port& port : circuit.inputs) text += text_of(port, "input");
  for (const Port& port : circuit.outputs) text += text_of(port, "output");
  for (const std::string& origin : circuit.origins) {
    text += fmt::format("origin {}\n", quote(origin));
  }
  text += fmt::format("function {}\n", quote(circuit.function.name()));
  for (const Table& table : circuit.function.tables()) {
    text += fmt::format("table frac {} [{}]\n", table.frac_bits, fmt::join(table.mantissas, ", "));
  }
  for (std::size_t id = 0; id < circuit.function.instrs().size(); ++id) {
    text += text_of(circuit, id);
    if (schedule != nullptr) text += fmt::format(" stage {}", schedule->stages.at(id));
    text += '\n';
  }
  for (const ValueId id : circuit.function.outputs()) {
    text += fmt::format("result %{}\n", index(id));
  }
  return text;
}

Parsed parse(std::string_view text, std::string_view origin) {
  return Parser(text, origin).parse();
}

}  // namespace sluice::circuit
