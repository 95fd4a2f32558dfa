#include "sluice/rtl/verilog.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "sluice/base/check.hpp"
#include "sluice/base/overloaded.hpp"

namespace sluice::rtl {

namespace {

std::uint64_t mask(int width) {
  return width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

bool is_one_bit(Operator op) {
  return op == Operator::reduce_and || op == Operator::reduce_or || op == Operator::less ||
         op == Operator::less_signed;
}

std::string_view symbol(Operator op) {
  switch (op) {
    case Operator::negate:
    case Operator::subtract:
      return "-";
    case Operator::invert:
      return "~";
    case Operator::reduce_and:
    case Operator::bit_and:
      return "&";
    case Operator::reduce_or:
    case Operator::bit_or:
      return "|";
    case Operator::add:
      return "+";
    case Operator::multiply:
    case Operator::multiply_signed:
      return "*";
    case Operator::less:
    case Operator::less_signed:
      return "<";
    case Operator::choose:
      return "?";
  }
  return "";
}

bool is_signed(Operator op) {
  return op == Operator::multiply_signed || op == Operator::less_signed;
}

std::string text_of(const Literal& value, int width) {
  constexpr std::uint64_t kLargestDecimal = 9999;
  return value.bits <= kLargestDecimal ? fmt::format("{}'d{}", width, value.bits)
                                       : fmt::format("{}'h{:x}", width, value.bits);
}

std::string range_text(int width) { return width == 1 ? "" : fmt::format("[{}:0] ", width - 1); }

}  // namespace

Expr literal(std::uint64_t bits, int width) {
  SLUICE_CHECK(width > 0 && (width <= 64 || bits == 0), "a literal of {} bits", width);
  return {Literal{bits & mask(width)}, width};
}

bool is_zero(const Expr& expr) noexcept {
  const auto* value = std::get_if<Literal>(&expr.node);
  return value != nullptr && value->bits == 0;
}

Expr concat(std::vector<Expr> parts) {
  std::erase_if(parts, [](const Expr& part) { return part.width == 0; });
  SLUICE_CHECK(!parts.empty(), "an empty concatenation");
  if (parts.size() == 1) return std::move(parts.front());
  int width = 0;
  for (const Expr& part : parts) width += part.width;
  return {Concat{std::move(parts)}, width};
}

Expr repeat(Expr bit, int count) {
  SLUICE_CHECK(bit.width == 1 && count > 0, "{} copies of {} bits", count, bit.width);
  if (count == 1) return bit;
  return {Repeat{{std::move(bit)}}, count};
}

Expr unary(Operator op, Expr operand) {
  const int width = is_one_bit(op) ? 1 : operand.width;
  return {Operation{op, {std::move(operand)}}, width};
}

Expr binary(Operator op, Expr left, Expr right) {
  SLUICE_CHECK(left.width == right.width, "{} bits {} {} bits", left.width, symbol(op),
               right.width);
  const int width = is_one_bit(op) ? 1 : left.width;
  return {Operation{op, {std::move(left), std::move(right)}}, width};
}

Expr choose(Expr condition, Expr if_set, Expr if_not) {
  SLUICE_CHECK(condition.width == 1 && if_set.width == if_not.width, "{} ? {} : {} bits",
               condition.width, if_set.width, if_not.width);
  const int width = if_set.width;
  return {Operation{Operator::choose, {std::move(condition), std::move(if_set), std::move(if_not)}},
          width};
}

NetId Module::add_net(Net net) {
  SLUICE_CHECK(net.width > 0, "net {} of {} bits", net.name, net.width);
  read_.emplace_back(static_cast<std::size_t>(net.width));
  nets_.push_back(std::move(net));
  return static_cast<NetId>(nets_.size() - 1);
}

NetId Module::add_port(Net net) {
  const bool is_read_outside = net.kind == NetKind::output;
  const NetId id = add_net(std::move(net));
  ports_.push_back(id);
  if (is_read_outside) mark_read(id, 0, this->net(id).width);
  return id;
}

NetId Module::add_wire(std::string name, bool is_signed, Expr value) {
  mark_read(value);
  const NetId id = add_net({std::move(name), value.width, is_signed, NetKind::wire, {}});
  items_.emplace_back(Declaration{id, {std::move(value)}});
  return id;
}

NetId Module::add_wire(std::string name, int width) {
  const NetId id = add_net({std::move(name), width, false, NetKind::wire, {}});
  items_.emplace_back(Declaration{id, {}});
  return id;
}

NetId Module::add_ternary_sum(std::string name, TernarySum sum) {
  const int width = sum.operands.front().width;
  for (const Expr& operand : sum.operands) {
    SLUICE_CHECK(operand.width == width, "{}: {} bits in a sum of {}", name, operand.width, width);
    mark_read(operand);
  }
  const NetId id = add_net({std::move(name), width, false, NetKind::wire, {}});
  items_.emplace_back(TernaryAdder{id, std::move(sum)});
  return id;
}

NetId Module::add_register(std::string name, int width, bool is_signed) {
  const NetId id = add_net({std::move(name), width, is_signed, NetKind::reg, {}});
  items_.emplace_back(Declaration{id, {}});
  return id;
}

TableId Module::add_table(CaseTable table) {
  items_.emplace_back(table);
  tables_.push_back(std::move(table));
  return static_cast<TableId>(tables_.size() - 1);
}

void Module::assign(NetId net, int low, Expr value) {
  SLUICE_CHECK(low >= 0 && low + value.width <= this->net(net).width, "{} bits to {} from bit {}",
               value.width, this->net(net).name, low);
  mark_read(value);
  items_.emplace_back(Assignment{net, low, std::move(value)});
}

void Module::clock_registers(Expr clock, std::vector<RegisterUpdate> updates) {
  SLUICE_CHECK(clock.width == 1, "a clock of {} bits", clock.width);
  mark_read(clock);
  for (const RegisterUpdate& update : updates) {
    SLUICE_CHECK(
        net(update.reg).kind == NetKind::reg && net(update.reg).width == update.value.width,
        "{} bits to register {}", update.value.width, net(update.reg).name);
  }
  items_.emplace_back(AlwaysBlock{std::move(clock), std::move(updates)});
}

// `valid` counts as unread: hardware does not read it.
NetId Module::add_stage_clocks(NetId clock, NetId valid, int stages) {
  mark_read(clock, 0, 1);
  const NetId clocks = add_net({"stage_clk", stages, false, NetKind::wire, {}});
  items_.emplace_back(StageClocks{clocks, clock, valid});
  return clocks;
}

void Module::instantiate(Instance instance) {
  for (const auto& [port, net] : instance.connections) mark_read(net, 0, this->net(net).width);
  items_.emplace_back(std::move(instance));
}

void Module::comment(std::string text) { items_.emplace_back(Comment{std::move(text), false}); }

void Module::heading(std::string text) { items_.emplace_back(Comment{std::move(text), true}); }

Expr Module::select(NetId net, int low, int width) const {
  SLUICE_CHECK(low >= 0 && width > 0 && low + width <= this->net(net).width,
               "{} bits of {} from bit {}", width, this->net(net).name, low);
  return {Select{net, low}, width};
}

Expr Module::whole(NetId net) const { return select(net, 0, this->net(net).width); }

Expr Module::call(TableId table, Expr argument) const {
  const CaseTable& called = tables_.at(index(table));
  SLUICE_CHECK(argument.width == called.argument_width, "{} bits for table {}", argument.width,
               called.name);
  return {TableCall{table, {std::move(argument)}}, called.width};
}

void Module::mark_read(NetId net, int low, int width) {
  std::fill_n(read_[index(net)].begin() + low, width, true);
}

void Module::mark_read(const Expr& expr) {
  const auto mark_all = [this](const std::vector<Expr>& operands) {
    for (const Expr& operand : operands) mark_read(operand);
  };
  std::visit(Overloaded{
                 [](const Literal&) {},
                 [&](const Select& select) { mark_read(select.net, select.low, expr.width); },
                 [&](const Concat& node) { mark_all(node.parts); },
                 [&](const Repeat& node) { mark_all(node.bit); },
                 [&](const Operation& node) { mark_all(node.operands); },
                 [&](const TableCall& node) { mark_all(node.argument); },
             },
             expr.node);
}

/// Prints a module. The only place that writes Verilog text.
class Printer {
 public:
  explicit Printer(const Module& module) : module_(module) {}

  std::string print() {
    write("`default_nettype none\nmodule {} (\n", module_.name_);
    for (const NetId port : module_.ports_) print_port(port);
    write(");\n");
    for (const Module::Item& item : module_.items_) std::visit(*this, item);
    print_unread_bits();
    write("endmodule\n`default_nettype wire\n");
    return std::move(text_);
  }

  void operator()(const Module::Comment& comment) {
    write("{}  // {}\n", comment.is_heading ? "\n" : "", comment.text);
  }

  void operator()(const Module::Declaration& declaration) {
    const Net& net = module_.net(declaration.net);
    write("  {} {}{}{}", net.kind == NetKind::reg ? "reg" : "wire", net.is_signed ? "signed " : "",
          range_text(net.width), net.name);
    if (!declaration.value.empty()) write(" = {}", text_of(declaration.value.front()));
    write(";\n");
  }

  void operator()(const Module::Assignment& assignment) {
    write("  assign {} = {};\n",
          select_text(assignment.net, assignment.low, assignment.value.width),
          text_of(assignment.value));
  }

  void operator()(const Module::TernaryAdder& adder) {
    const Net& net = module_.net(adder.sum);
    const TernarySum& sum = adder.value;
    const auto& [a, b, c] = sum.operands;
    const Expr value = binary(sum.subtract_c ? Operator::subtract : Operator::add,
                              binary(sum.subtract_b ? Operator::subtract : Operator::add, a, b), c);
    write("  wire {}{};\n", range_text(net.width), net.name);
    if (sum.carry_bits > 0) {
      write(
          "`ifdef SYNTHESIS\n  sluice_ternary_adder #(.WIDTH({}), .SUBTRACT_B({}), "
          ".SUBTRACT_C({}), .CARRY_BITS({}), .WIRED({}), .DISTINCT({})) {}_adder (\n"
          "      .a({}), .b({}), .c({}), .sum({})\n  );\n`else\n",
          net.width, int{sum.subtract_b}, int{sum.subtract_c}, sum.carry_bits,
          text_of(literal(sum.wired, net.width)), sum.distinct_bits, net.name, text_of(a),
          text_of(b), text_of(c), net.name);
    }
    write("  assign {} = {};\n", net.name, text_of(value));
    if (sum.carry_bits > 0) write("`endif\n");
  }

  void operator()(const Module::AlwaysBlock& block) {
    write("  always @(posedge {}) begin\n", text_of(block.clock));
    for (const RegisterUpdate& update : block.updates) {
      write("    {} <= {};\n", module_.net(update.reg).name, text_of(update.value));
    }
    write("  end\n");
  }

  // `moves` is a latch that is open while the clock is low, so the stage clocks have no glitches.
  void operator()(const Module::StageClocks& gate) {
    const Net& clocks = module_.net(gate.clocks);
    const std::string& clock = module_.net(gate.clock).name;
    const std::string& valid = module_.net(gate.valid).name;
    const std::string range = range_text(clocks.width);
    const std::string next = clocks.width == 1 ? valid : fmt::format("{{follows, {}}}", valid);
    write("  wire {}{};\n`ifdef SYNTHESIS\n", range, clocks.name);
    write("  assign {} = {{{}{{{}}}}};\n`else\n", clocks.name, clocks.width, clock);
    write("  reg {}moves;\n", range);
    if (clocks.width > 1) {
      write("  reg {}follows;\n", range_text(clocks.width - 1));
      write("  always @(posedge {}) follows <= moves[{}:0];\n", clock, clocks.width - 2);
    }
    write("  /* verilator lint_off LATCH */\n");
    write("  always @* if (!{}) moves = {};\n", clock, next);
    write("  /* verilator lint_on LATCH */\n");
    write("  assign {} = moves & {{{}{{{}}}}};\n`endif\n", clocks.name, clocks.width, clock);
  }

  void operator()(const CaseTable& table) {
    write("  function {}{};\n    input {}argument;\n    case (argument)\n", range_text(table.width),
          table.name, range_text(table.argument_width));
    for (const auto& [argument, result] : table.entries) {
      write("      {}: {} = {};\n", text_of(literal(argument, table.argument_width)), table.name,
            text_of(literal(result, table.width)));
    }
    const bool is_full =
        table.argument_width < 63 && table.entries.size() == std::size_t{1} << table.argument_width;
    if (!is_full) write("      default: {} = {};\n", table.name, text_of(literal(0, table.width)));
    write("    endcase\n  endfunction\n");
  }

  void operator()(const Instance& instance) {
    write("  {} ", instance.module);
    if (!instance.parameters.empty()) {
      std::vector<std::string> parameters;
      for (const auto& [name, value] : instance.parameters) {
        parameters.push_back(fmt::format("      .{}({})", name, value));
      }
      write("#(\n{}\n  ) ", fmt::join(parameters, ",\n"));
    }
    std::vector<std::string> connections;
    for (const auto& ports : {instance.connections, instance.driven}) {
      for (const auto& [port, net] : ports) {
        connections.push_back(fmt::format("      .{}({})", port, module_.net(net).name));
      }
    }
    write("{} (\n{}\n  );\n", instance.name, fmt::join(connections, ",\n"));
  }

 private:
  template <class... Args>
  void write(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void print_port(NetId id) {
    const Net& net = module_.net(id);
    if (!net.waived_lint.empty()) write("    /* verilator lint_off {} */\n", net.waived_lint);
    write("    {} wire {}{}{}\n", net.kind == NetKind::input ? "input" : "output",
          range_text(net.width), net.name, id == module_.ports_.back() ? "" : ",");
    if (!net.waived_lint.empty()) write("    /* verilator lint_on {} */\n", net.waived_lint);
  }

  std::string select_text(NetId id, int low, int width) const {
    const Net& net = module_.net(id);
    if (width == net.width) return net.name;
    if (width == 1) return fmt::format("{}[{}]", net.name, low);
    return fmt::format("{}[{}:{}]", net.name, low + width - 1, low);
  }

  std::string text_of(const Expr& expr) const {
    return std::visit([&](const auto& node) { return node_text(node, expr.width); }, expr.node);
  }

  std::string node_text(const Literal& node, int width) const { return rtl::text_of(node, width); }
  std::string node_text(const Select& node, int width) const {
    return select_text(node.net, node.low, width);
  }
  std::string node_text(const Concat& node, int) const {
    std::vector<std::string> parts;
    for (const Expr& part : node.parts) parts.push_back(text_of(part));
    return fmt::format("{{{}}}", fmt::join(parts, ", "));
  }
  std::string node_text(const Repeat& node, int width) const {
    return fmt::format("{{{}{{{}}}}}", width, text_of(node.bit.front()));
  }
  std::string node_text(const TableCall& node, int) const {
    return fmt::format("{}({})", module_.tables_.at(index(node.table)).name,
                       text_of(node.argument.front()));
  }
  std::string node_text(const Operation& node, int) const {
    if (node.op == Operator::choose) {
      return fmt::format("{} ? {} : {}", operand_text(node, 0), operand_text(node, 1),
                         operand_text(node, 2));
    }
    if (node.operands.size() == 1) {
      return fmt::format("{}{}", symbol(node.op), operand_text(node, 0));
    }
    return fmt::format("{} {} {}", operand_text(node, 0), symbol(node.op), operand_text(node, 1));
  }
  std::string operand_text(const Operation& node, std::size_t i) const {
    const Expr& operand = node.operands[i];
    if (is_signed(node.op)) return fmt::format("$signed({})", text_of(operand));
    const bool is_nested = std::holds_alternative<Operation>(operand.node);
    return is_nested ? fmt::format("({})", text_of(operand)) : text_of(operand);
  }

  /// Bits that nothing reads are read here, so that lint shows only those nobody thought of.
  void print_unread_bits() {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < module_.nets_.size(); ++i) {
      const std::vector<bool>& read = module_.read_[i];
      for (auto bit = std::ranges::find(read, false); bit != read.end();) {
        const auto end = std::find(bit, read.end(), true);
        parts.push_back(select_text(static_cast<NetId>(i), static_cast<int>(bit - read.begin()),
                                    static_cast<int>(end - bit)));
        bit = std::find(end, read.end(), false);
      }
    }
    if (!parts.empty()) write("\n  wire unused = &{{1'b0, {}}};\n", fmt::join(parts, ", "));
  }

  const Module& module_;
  std::string text_;
};

std::string Module::print() const { return Printer(*this).print(); }

}  // namespace sluice::rtl
