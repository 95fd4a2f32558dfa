#include "sluice/network/testing/random_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sluice/network/verify.hpp"

namespace sluice::network::testing {

namespace {

using fixed::Interval;
using fixed::Quantizer;

bool chance(Generator& generator, int percent) { return draw(generator, 0, 99) < percent; }

/// Kinds of layers but Input.
constexpr int kOperations = 9;

class RandomNetwork {
 public:
  RandomNetwork(std::uint64_t seed, const RandomNetworkOptions& options)
      : options_(options), generator_(seed), network_(fmt::format("random_{}", seed)) {}

  Network make() && {
    const std::int64_t inputs = draw(1, 2);
    for (std::int64_t i = 0; i < inputs; ++i) add_input();
    for (int i = 0; i < options_.layers; ++i) add_layer(i);
    add_outputs();
    verify(network_);
    return std::move(network_);
  }

 private:
  std::int64_t draw(std::int64_t min, std::int64_t max) {
    return testing::draw(generator_, min, max);
  }
  bool chance(int percent) { return testing::chance(generator_, percent); }
  std::int64_t extent() { return draw(1, options_.largest_extent); }

  std::string next_name(std::string_view op) {
    return fmt::format("{}_{}", op, network_.layers().size());
  }

  void append(LayerOp op, std::vector<LayerId> operands) {
    const std::string name = next_name(op_name(op));
    last_ = network_.append(name, std::move(op), std::move(operands));
  }

  void add_input() {
    Shape shape{extent()};
    if (chance(40)) shape.push_back(extent());
    append(Input{shape, quantizer(10)}, {});
  }

  void add_layer(int number) {
    LayerId x = chance(80) ? last_ : any_layer();
    if (type(x).shape.empty()) x = appended(Reshape{{1}}, x);
    if (type(x).format.width > options_.widest_bits) {
      x = appended(Quantize{{quantizer_near(type(x))}}, x);
    }
    // The first layers see every operation once.
    switch (number < kOperations ? number : draw(0, kOperations - 1)) {
      case 0:
        return append(dense(type(x)), {x});
      case 1:
        return append(clamp(type(x)), {x});
      case 2:
        return append(quantize(type(x)), {x});
      case 3:
        return append(affine(type(x)), {x});
      case 4:
        return add_gather(x);
      case 5:
        return add_merge(x);
      case 6:
        return add_reduce(x);
      case 7:
        return add_lookup(x);
      default:
        return append(Reshape{other_shape(type(x).shape)}, {x});
    }
  }

  /// From one to three operands, some elements several times, some never, some 0.
  void add_gather(LayerId x) {
    std::vector<LayerId> operands{x};
    if (chance(50)) operands.push_back(on_grid_near(any_layer(), x));
    if (chance(30)) operands.push_back(on_grid_near(any_layer(), x));
    std::int64_t elements = 0;
    for (const LayerId id : operands) elements += element_count(type(id).shape);
    Gather op{{extent()}, {}};
    if (chance(60)) op.shape.push_back(extent());
    for (std::int64_t i = 0; i < element_count(op.shape); ++i) {
      op.indices.push_back(chance(10) ? -1 : draw(0, elements - 1));
    }
    if (chance(30)) {
      // In order, as a window or a concatenation has them.
      for (std::size_t i = 0; i < op.indices.size(); ++i) {
        op.indices[i] = static_cast<std::int64_t>(i) % elements;
      }
    }
    append(std::move(op), std::move(operands));
  }

  void add_merge(LayerId x) {
    const auto kind = static_cast<Merge::Kind>(draw(0, 4));
    // A partner of the same shape: the same values in another order, or of another layer.
    const LayerId source = chance(50) ? x : any_layer();
    Gather partner{type(x).shape, {}};
    const std::int64_t elements = element_count(type(source).shape);
    for (std::int64_t i = 0; i < element_count(partner.shape); ++i) {
      partner.indices.push_back(draw(0, elements - 1));
    }
    const LayerId b = on_grid_near(appended(std::move(partner), source), x);
    append(Merge{kind}, {x, b});
  }

  /// `id`, quantised where an operation with `x` could need more than 64 bits.
  LayerId on_grid_near(LayerId id, LayerId x) {
    constexpr int kMostBits = 60;
    const fixed::Format& a = type(id).format;
    const fixed::Format& b = type(x).format;
    const int common_bits =
        std::max(a.integer_bits(), b.integer_bits()) + std::max(a.frac_bits, b.frac_bits);
    if (std::max(common_bits, a.width + b.width) <= kMostBits) return id;
    return appended(Quantize{{quantizer_near(type(x))}}, id);
  }

  LayerId appended(LayerOp op, LayerId operand) {
    append(std::move(op), {operand});
    return last_;
  }

  void add_reduce(LayerId x) { append(Reduce{static_cast<Reduce::Kind>(draw(0, 2))}, {x}); }

  void add_lookup(LayerId x) {
    constexpr int kWidest = 8;
    if (type(x).format.width > kWidest) {
      Quantizer to = quantizer_near(type(x));
      to.format.width = std::min(to.format.width, kWidest);
      x = appended(Quantize{{to}}, x);
    }
    const std::vector<Interval>& ranges = type(x).ranges;
    const std::array counts{std::size_t{1}, static_cast<std::size_t>(type(x).shape.back()),
                            ranges.size()};
    Lookup op;
    op.frac_bits = static_cast<int>(draw(-2, 8));
    op.tables.resize(counts[static_cast<std::size_t>(draw(0, 2))]);
    for (std::size_t i = 0; i < op.tables.size(); ++i) {
      Interval covered = ranges[i];
      for (std::size_t k = i; k < ranges.size(); k += op.tables.size()) {
        covered = hull(covered, ranges[k]);
      }
      op.tables[i].first = covered.min - draw(0, 1);
      for (std::int64_t m = op.tables[i].first; m <= covered.max; ++m) {
        op.tables[i].mantissas.push_back(draw(-300, 300));
      }
    }
    append(std::move(op), {x});
  }

  LayerId any_layer() {
    return static_cast<LayerId>(draw(0, static_cast<std::int64_t>(network_.layers().size()) - 1));
  }

  void add_outputs() {
    network_.add_output(last_);
    const auto layers = static_cast<std::int64_t>(network_.layers().size());
    for (std::int64_t i = draw(0, 2); i > 0; --i) {
      network_.add_output(static_cast<LayerId>(draw(0, layers - 1)));
    }
  }

  const TensorType& type(LayerId id) const { return network_.layer(id).type; }

  Quantizer quantizer(int widest) {
    const fixed::Format format{static_cast<int>(draw(1, widest)), static_cast<int>(draw(-3, 9)),
                               chance(60)};
    return {format, fixed::kAllRoundings[static_cast<std::size_t>(draw(0, 6))],
            fixed::kAllOverflows[static_cast<std::size_t>(draw(0, 3))]};
  }

  /// Keeps some of the value's bits: neither all zeros nor everything.
  Quantizer quantizer_near(const TensorType& x) {
    Quantizer result = quantizer(10);
    const auto dropped = static_cast<int>(draw(0, 3));
    const int top = x.format.integer_bits() - dropped;
    result.format.frac_bits = result.format.width - top;
    return result;
  }

  std::int64_t weight() {
    if (chance(options_.zero_percent)) return 0;
    const std::int64_t limit = std::int64_t{1} << draw(0, 7);
    return draw(-limit, limit);
  }

  Dense dense(const TensorType& x) {
    Dense op{.inputs = x.shape.back(), .units = extent()};
    op.weight_frac_bits = static_cast<int>(draw(-2, 8));
    op.bias_frac_bits = static_cast<int>(draw(-2, 10));
    const std::int64_t dead_unit = draw(0, 2 * op.units);
    const std::int64_t dead_input = draw(0, 2 * op.inputs);
    for (std::int64_t i = 0; i < op.inputs; ++i) {
      for (std::int64_t unit = 0; unit < op.units; ++unit) {
        op.weights.push_back(unit == dead_unit || i == dead_input ? 0 : weight());
      }
    }
    for (std::int64_t unit = 0; unit < op.units; ++unit) op.bias.push_back(weight());
    return op;
  }

  Affine affine(const TensorType& x) {
    Affine op;
    op.scale_frac_bits = static_cast<int>(draw(-2, 8));
    op.offset_frac_bits = static_cast<int>(draw(-2, 10));
    for (std::int64_t i = 0; i < x.shape.back(); ++i) {
      op.scale.push_back(weight());
      op.offset.push_back(weight());
    }
    return op;
  }

  Clamp clamp(const TensorType& x) {
    if (chance(40)) return {.lower = 0};
    Clamp op{.frac_bits = x.format.frac_bits + static_cast<int>(draw(-2, 2))};
    const std::int64_t limit = std::int64_t{1} << std::min(x.format.width, 20);
    op.lower = draw(-limit, 0);
    op.upper = draw(0, limit);
    if (chance(30)) op.lower.reset();
    if (chance(30)) op.upper.reset();
    return op;
  }

  Quantize quantize(const TensorType& x) {
    if (chance(50)) return {{quantizer_near(x)}};
    Quantize op;
    for (std::size_t i = 0; i < x.ranges.size(); ++i) op.quantizers.push_back(quantizer_near(x));
    return op;
  }

  Shape other_shape(const Shape& shape) {
    const std::int64_t count = element_count(shape);
    if (shape.size() > 1) return {count};
    const std::int64_t rows = draw(1, 3);
    return count % rows == 0 ? Shape{rows, count / rows} : Shape{count, 1};
  }

  const RandomNetworkOptions& options_;
  Generator generator_;
  Network network_;
  LayerId last_{};
};

/// A sum of twelve uniform draws: normal enough, and exact in integers.
std::int64_t draw_normal(Generator& generator, std::int64_t sigma) {
  constexpr int kDraws = 12;
  constexpr std::int64_t kUnit = 1 << 16;
  std::int64_t sum = 0;
  for (int i = 0; i < kDraws; ++i) sum += draw(generator, -kUnit / 2, kUnit / 2 - 1);
  return sum * sigma / kUnit;
}

std::vector<std::int64_t> normal_weights(Generator& generator, const RandomMlpOptions& options,
                                         std::int64_t count, int zero_percent) {
  std::vector<std::int64_t> weights;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t weight =
        std::clamp(draw_normal(generator, options.weight_sigma), options.weight.min_mantissa(),
                   options.weight.max_mantissa());
    weights.push_back(chance(generator, zero_percent) ? 0 : weight);
  }
  return weights;
}

}  // namespace

std::int64_t draw(Generator& generator, std::int64_t min, std::int64_t max) {
  const std::uint64_t last = static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(min);
  const std::uint64_t offset = last == ~std::uint64_t{0} ? generator() : generator() % (last + 1);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(min) + offset);
}

Network random_network(std::uint64_t seed, const RandomNetworkOptions& options) {
  return RandomNetwork(seed, options).make();
}

Network random_mlp(std::uint64_t seed, const RandomMlpOptions& options) {
  Generator generator(seed);
  Network network("mlp");
  LayerId x = network.append("input", Input{{options.units.front()}, options.input}, {});
  for (std::size_t i = 1; i < options.units.size(); ++i) {
    const bool is_last = i + 1 == options.units.size();
    Dense dense{.inputs = options.units[i - 1], .units = options.units[i]};
    dense.weight_frac_bits = options.weight.frac_bits;
    dense.bias_frac_bits = options.weight.frac_bits;
    dense.weights =
        normal_weights(generator, options, dense.inputs * dense.units, options.zero_percent);
    dense.bias = normal_weights(generator, options, dense.units, 0);
    x = network.append(fmt::format("dense_{}", i), std::move(dense), {x});
    if (!is_last) x = network.append(fmt::format("relu_{}", i), Clamp{.lower = 0}, {x});
    const Quantizer& to = is_last ? options.output : options.activation;
    x = network.append(is_last ? "output" : fmt::format("quantize_{}", i), Quantize{{to}}, {x});
  }
  network.add_output(x);
  return network;
}

std::vector<std::int64_t> corner_and_random_events(const Network& network, std::uint64_t seed,
                                                   int random_events) {
  std::vector<Interval> ranges;
  for (const LayerId id : network.inputs()) {
    const std::vector<Interval>& input = network.layer(id).type.ranges;
    ranges.insert(ranges.end(), input.begin(), input.end());
  }
  std::vector<std::int64_t> events;
  constexpr std::size_t kCorners = 5;
  events.reserve(ranges.size() * (kCorners + static_cast<std::size_t>(random_events)));
  for (const Interval& range : ranges) events.push_back(range.min);
  for (const Interval& range : ranges) events.push_back(range.max);
  for (const std::int64_t corner : {-1, 0, 1}) {
    for (const Interval& range : ranges) {
      events.push_back(std::clamp(corner, range.min, range.max));
    }
  }
  Generator generator(seed);
  for (int event = 0; event < random_events; ++event) {
    for (const Interval& range : ranges) events.push_back(draw(generator, range.min, range.max));
  }
  return events;
}

}  // namespace sluice::network::testing
