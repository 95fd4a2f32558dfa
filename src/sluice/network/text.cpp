#include "sluice/network/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "sluice/base/text_reader.hpp"

namespace sluice::network {

namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 28;

std::string text_of(const fixed::Quantizer& quantizer) {
  return fmt::format("{} {} {}", to_string(quantizer.format), to_string(quantizer.rounding),
                     to_string(quantizer.overflow));
}

class OpPrinter {
 public:
  std::string operator()(const Input& op) const {
    return fmt::format("shape [{}] as {}", fmt::join(op.shape, ", "), text_of(op.quantizer));
  }
  std::string operator()(const Dense& op) const {
    return fmt::format("inputs {} units {} weights {} [{}] bias {} [{}]", op.inputs, op.units,
                       op.weight_frac_bits, fmt::join(op.weights, ", "), op.bias_frac_bits,
                       fmt::join(op.bias, ", "));
  }
  std::string operator()(const Affine& op) const {
    return fmt::format("scale {} [{}] offset {} [{}]", op.scale_frac_bits,
                       fmt::join(op.scale, ", "), op.offset_frac_bits, fmt::join(op.offset, ", "));
  }
  std::string operator()(const Clamp& op) const {
    std::string text = fmt::format("frac {}", op.frac_bits);
    if (op.lower) text += fmt::format(" lower {}", *op.lower);
    if (op.upper) text += fmt::format(" upper {}", *op.upper);
    return text;
  }
  std::string operator()(const Quantize& op) const {
    std::string text = "as ";
    for (std::size_t i = 0; i < op.quantizers.size(); ++i) {
      text += (i == 0 ? "" : ", ") + text_of(op.quantizers[i]);
    }
    return text;
  }
  std::string operator()(const Reshape& op) const {
    return fmt::format("shape [{}]", fmt::join(op.shape, ", "));
  }
  std::string operator()(const Gather& op) const {
    return fmt::format("shape [{}] from [{}]", fmt::join(op.shape, ", "),
                       fmt::join(op.indices, ", "));
  }
  std::string operator()(const Merge& op) const { return std::string(to_string(op.kind)); }
  std::string operator()(const Reduce& op) const { return std::string(to_string(op.kind)); }
  std::string operator()(const Lookup& op) const {
    std::string text = fmt::format("frac {}", op.frac_bits);
    for (const Lookup::Table& table : op.tables) {
      text += fmt::format(" first {} [{}]", table.first, fmt::join(table.mantissas, ", "));
    }
    return text;
  }
};

class Parser {
 public:
  Parser(std::string_view text, std::string_view origin) : reader_(text, origin) {}

  Network parse() {
    reader_.expect("network");
    Network network(reader_.quoted());
    while (reader_.accept("layer")) parse_layer(network);
    while (reader_.accept("output")) network.add_output(operand(network));
    if (!reader_.at_end()) {
      throw reader_.error(fmt::format("expected a layer or an output, found '{}'", reader_.peek()));
    }
    if (network.outputs().empty()) throw reader_.error("the network has no output");
    return network;
  }

 private:
  void parse_layer(Network& network) {
    std::string name = reader_.quoted();
    reader_.expect("=");
    const std::string kind = reader_.word();
    std::vector<LayerId> operands;
    while (reader_.peek().starts_with('"')) operands.push_back(operand(network));
    network.append(std::move(name), parse_op(kind), std::move(operands));
  }

  LayerOp parse_op(const std::string& kind) {
    if (kind == "input") return parse_input();
    if (kind == "dense") return parse_dense();
    if (kind == "affine") return parse_affine();
    if (kind == "clamp") return parse_clamp();
    if (kind == "quantize") return parse_quantize();
    if (kind == "reshape") return Reshape{shape()};
    if (kind == "gather") return parse_gather();
    if (kind == "merge") return Merge{kind_of<Merge>(Merge::Kind::minimum)};
    if (kind == "reduce") return Reduce{kind_of<Reduce>(Reduce::Kind::minimum)};
    if (kind == "lookup") return parse_lookup();
    throw reader_.error(fmt::format("unknown layer kind '{}'", kind));
  }

  LayerOp parse_input() {
    Input op;
    op.shape = shape();
    reader_.expect("as");
    op.quantizer = quantizer();
    return op;
  }

  LayerOp parse_dense() {
    Dense op;
    reader_.expect("inputs");
    op.inputs = reader_.integer(1, kMostElements);
    reader_.expect("units");
    op.units = reader_.integer(1, kMostElements);
    reader_.expect("weights");
    op.weight_frac_bits = frac_bits();
    op.weights = list();
    reader_.expect("bias");
    op.bias_frac_bits = frac_bits();
    op.bias = list();
    return op;
  }

  LayerOp parse_affine() {
    Affine op;
    reader_.expect("scale");
    op.scale_frac_bits = frac_bits();
    op.scale = list();
    reader_.expect("offset");
    op.offset_frac_bits = frac_bits();
    op.offset = list();
    return op;
  }

  LayerOp parse_clamp() {
    Clamp op;
    reader_.expect("frac");
    op.frac_bits = frac_bits();
    if (reader_.accept("lower")) op.lower = reader_.integer();
    if (reader_.accept("upper")) op.upper = reader_.integer();
    return op;
  }

  LayerOp parse_quantize() {
    Quantize op;
    reader_.expect("as");
    do {
      op.quantizers.push_back(quantizer());
    } while (reader_.accept(","));
    return op;
  }

  LayerOp parse_gather() {
    Gather op;
    op.shape = shape();
    reader_.expect("from");
    op.indices = list();
    return op;
  }

  LayerOp parse_lookup() {
    Lookup op;
    reader_.expect("frac");
    op.frac_bits = frac_bits();
    while (reader_.accept("first")) {
      const std::int64_t first = reader_.integer();
      op.tables.push_back({first, list()});
    }
    if (op.tables.empty()) throw reader_.error("a lookup needs a table");
    return op;
  }

  /// The kind, up to `last`, whose name comes next.
  template <class Op>
  typename Op::Kind kind_of(typename Op::Kind last) {
    for (int i = 0; i <= static_cast<int>(last); ++i) {
      const auto kind = static_cast<typename Op::Kind>(i);
      if (reader_.accept(to_string(kind))) return kind;
    }
    throw reader_.error(fmt::format("unknown operation '{}'", reader_.peek()));
  }

  Shape shape() {
    reader_.expect("shape");
    return list();
  }

  fixed::Quantizer quantizer() {
    fixed::Quantizer to;
    to.format = fixed::parse_format(reader_.word());
    to.rounding = fixed::parse_rounding(reader_.word());
    to.overflow = fixed::parse_overflow(reader_.word());
    return to;
  }

  int frac_bits() { return static_cast<int>(reader_.integer(-1024, 1024)); }

  std::vector<std::int64_t> list() {
    std::vector<std::int64_t> values;
    reader_.expect("[");
    if (reader_.accept("]")) return values;
    do {
      values.push_back(reader_.integer());
    } while (reader_.accept(","));
    reader_.expect("]");
    return values;
  }

  LayerId operand(const Network& network) {
    const std::string name = reader_.quoted();
    const auto id = network.find(name);
    if (!id) throw reader_.error(fmt::format("there is no layer '{}' before this line", name));
    return *id;
  }

  TextReader reader_;
};

}  // namespace

std::string print(const Network& network) {
  std::string text = fmt::format("network {}\n", quote(network.name()));
  for (const Layer& layer : network.layers()) {
    text += fmt::format("layer {} = {}", quote(layer.name), op_name(layer.op));
    for (const LayerId operand : layer.operands) {
      text += ' ' + quote(network.layer(operand).name);
    }
    text += fmt::format(" {}  # [{}] {}\n", std::visit(OpPrinter{}, layer.op),
                        fmt::join(layer.type.shape, ", "), to_string(layer.type.format));
  }
  for (const LayerId id : network.outputs()) {
    text += fmt::format("output {}\n", quote(network.layer(id).name));
  }
  return text;
}

Network parse(std::string_view text, std::string_view origin) {
  return Parser(text, origin).parse();
}

}  // namespace sluice::network
