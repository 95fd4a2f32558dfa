#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// A small tree for the Verilog-2001 that we write, and its one printer.
///
/// Every expression carries its width, and operands of an operation have equal widths. So none of
/// Verilog's rules for context-determined widths and signedness ever applies.
namespace sluice::rtl {

enum class NetId : std::int32_t {};
constexpr std::size_t index(NetId id) noexcept { return static_cast<std::size_t>(id); }

enum class TableId : std::int32_t {};
constexpr std::size_t index(TableId id) noexcept { return static_cast<std::size_t>(id); }

enum class Operator : std::uint8_t {
  negate,
  invert,
  reduce_and,  ///< one bit: all set
  reduce_or,   ///< one bit: any set
  add,
  subtract,
  multiply,
  multiply_signed,
  bit_and,
  bit_or,
  less,         ///< one bit
  less_signed,  ///< one bit
  choose,       ///< operands: condition (one bit), value if set, value if not
};

struct Expr;

struct Literal {
  std::uint64_t bits = 0;
};
/// Expr::width bits of a net, from bit `low`.
struct Select {
  NetId net{};
  int low = 0;
};
struct Concat {
  std::vector<Expr> parts;  ///< most significant first
};
/// Expr::width copies of one bit.
struct Repeat {
  std::vector<Expr> bit;  ///< one element
};
struct Operation {
  Operator op{};
  std::vector<Expr> operands;
};
struct TableCall {
  TableId table{};
  std::vector<Expr> argument;  ///< one element
};

struct Expr {
  std::variant<Literal, Select, Concat, Repeat, Operation, TableCall> node;
  int width = 0;
};

/// The low `width` bits of `bits`; above 64 bits only zero is possible.
Expr literal(std::uint64_t bits, int width);
bool is_zero(const Expr& expr) noexcept;
/// Parts of width 0 vanish; one part stands for itself.
Expr concat(std::vector<Expr> parts);
Expr repeat(Expr bit, int count);
Expr unary(Operator op, Expr operand);
Expr binary(Operator op, Expr left, Expr right);
Expr choose(Expr condition, Expr if_set, Expr if_not);

enum class NetKind : std::uint8_t { input, output, wire, reg };

struct Net {
  std::string name;
  int width = 1;
  bool is_signed = false;  ///< for those who read the code or its waves
  NetKind kind = NetKind::wire;
  std::string waived_lint;  ///< a Verilator warning that the name would cause, for example
};

struct RegisterUpdate {
  NetId reg{};
  Expr value;
};

/// A function by enumeration: entries[i] is the result for the argument entry_arguments[i]; other
/// arguments do not occur.
struct CaseTable {
  std::string name;
  int argument_width = 1;
  int width = 1;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> entries;  ///< argument, result
};

/// a +- b +- c modulo 2^width, in one carry chain of primitives of `carry_bits`.
struct TernarySum {
  std::array<Expr, 3> operands;  ///< of equal width
  bool subtract_b = false;
  bool subtract_c = false;
  int carry_bits = 0;       ///< 0: the tools find the chain
  std::uint64_t wired = 0;  ///< of the primitive: positions at which at most one bit varies
  int distinct_bits = 0;    ///< of the primitive: later positions repeat the last of these
};

struct Instance {
  std::string module;
  std::string name;
  std::vector<std::pair<std::string, std::int64_t>> parameters;
  std::vector<std::pair<std::string, NetId>> connections;
  std::vector<std::pair<std::string, NetId>> driven{};  ///< connections that only drive their nets
};

/// One module. Declaration order is printing order, so a net is added before it is read.
/// A wrong width or bit range is our own bug: InternalError.
class Module {
 public:
  explicit Module(std::string name) : name_(std::move(name)) {}

  NetId add_port(Net net);
  /// A wire that is driven by `value`.
  NetId add_wire(std::string name, bool is_signed, Expr value);
  /// A wire that an instance drives.
  NetId add_wire(std::string name, int width);
  /// In synthesis a `sluice_ternary_adder`, and an expression otherwise.
  NetId add_ternary_sum(std::string name, TernarySum sum);
  NetId add_register(std::string name, int width, bool is_signed);
  TableId add_table(CaseTable table);
  void assign(NetId net, int low, Expr value);
  /// One `always @(posedge clock)` block; `clock` is one bit of a net.
  void clock_registers(Expr clock, std::vector<RegisterUpdate> updates);
  /// A net whose bit k clocks the registers at the end of stage k of a pipeline: `clock` itself in
  /// hardware. In simulation it has only the edges at which stage k ends its work on an event that
  /// came with `valid`, so that the others cost no time.
  NetId add_stage_clocks(NetId clock, NetId valid, int stages);
  void instantiate(Instance instance);
  /// A line of comment; a heading has an empty line before it.
  void comment(std::string text);
  void heading(std::string text);

  /// `width` bits of a net from bit `low`.
  Expr select(NetId net, int low, int width) const;
  Expr whole(NetId net) const;
  Expr call(TableId table, Expr argument) const;

  const Net& net(NetId id) const { return nets_.at(index(id)); }
  std::string print() const;

 private:
  struct Comment {
    std::string text;
    bool is_heading;
  };
  struct Declaration {
    NetId net;
    std::vector<Expr> value;  ///< empty or one element
  };
  struct Assignment {
    NetId net;
    int low;
    Expr value;
  };
  struct TernaryAdder {
    NetId sum;
    TernarySum value;
  };
  struct AlwaysBlock {
    Expr clock;
    std::vector<RegisterUpdate> updates;
  };
  struct StageClocks {
    NetId clocks;
    NetId clock;
    NetId valid;
  };
  using Item = std::variant<Comment, Declaration, Assignment, TernaryAdder, AlwaysBlock,
                            StageClocks, CaseTable, Instance>;
  friend class Printer;

  NetId add_net(Net net);
  void mark_read(NetId net, int low, int width);
  void mark_read(const Expr& expr);

  std::string name_;
  std::vector<Net> nets_;
  std::vector<std::vector<bool>> read_;  ///< per net and bit; what is never read is named as such
  std::vector<NetId> ports_;
  std::vector<CaseTable> tables_;
  std::vector<Item> items_;
};

}  // namespace sluice::rtl
