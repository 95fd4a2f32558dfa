#include "sluice/synth/tick_products.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "sluice/synth/matrix.hpp"
#include "sluice/synth/pair_products.hpp"

namespace sluice::synth {

using circuit::Source;
using fixed::Interval;
using network::Dense;
using network::Gather;
using network::LayerId;

TickWeights weights_by_position(const Dense& dense, const std::vector<Moved>& moved,
                                std::int64_t elements, std::int64_t vector_size) {
  TickWeights weights{dense.units, vector_size, {}, dense.weight_frac_bits, {}, 0};
  weights.mantissas.resize(static_cast<std::size_t>(elements * dense.units));
  weights.bias.resize(static_cast<std::size_t>(elements / vector_size * dense.units));
  for (std::int64_t i = 0; i < dense.inputs; ++i) {
    const Moved& from = moved[static_cast<std::size_t>(i)];
    if (from.layer < 0) continue;
    for (std::int64_t j = 0; j < dense.units; ++j) {
      const std::int64_t at =
          (from.element / vector_size * dense.units + j) * vector_size + from.element % vector_size;
      weights.mantissas[static_cast<std::size_t>(at)] +=
          dense.weights[static_cast<std::size_t>(i * dense.units + j)];
    }
  }
  return weights;
}

namespace {

/// Makes the sums of one tick.
class TickProducts {
 public:
  TickProducts(Part& part, LayerId x, const TickWeights& weights, std::int64_t level,
               std::size_t origin, Next next)
      : part_(part), x_(x), weights_(weights), origin_(origin), next_(next) {
    const int bits = std::bit_width(static_cast<std::uint64_t>(weights.ticks() - 1));
    entries_ = std::int64_t{1} << bits;
    tick_ = part.append_input({1}, {fixed::Format{bits, 0, false}},
                              {{.kind = Source::Kind::tick, .element = level}}, origin);
    for (const Interval& range : ranges_of_x()) x_formats_.push_back(fixed::format_of(range, 0));
  }

  LayerId run() && {
    plan();
    std::vector<LayerId> terms{x_};
    if (!gates_.empty()) terms.push_back(gated());
    if (!chains_.empty()) terms.push_back(chained());
    std::vector<std::int64_t> matrix = std::move(constants_);
    for (const Gate& gate : gates_) {
      matrix.insert(matrix.end(), gate.factors.begin(), gate.factors.end());
    }
    for (const Chain& chain : chains_) {
      for (std::int64_t unit = 0; unit < weights_.units; ++unit) {
        matrix.push_back(unit == chain.unit ? 1 : 0);
      }
    }
    if (!varying_bias_.empty()) terms.push_back(biases());
    for (const std::int64_t of_unit : varying_bias_) {
      for (std::int64_t unit = 0; unit < weights_.units; ++unit) {
        matrix.push_back(unit == of_unit ? 1 : 0);
      }
    }
    const std::int64_t count = std::ssize(matrix) / weights_.units;
    std::vector<std::int64_t> in_order(static_cast<std::size_t>(count));
    std::iota(in_order.begin(), in_order.end(), 0);
    const LayerId all =
        part_.append(Gather{{count}, std::move(in_order)}, std::move(terms), origin_);
    return summed(all, count, std::move(matrix));
  }

 private:
  /// An input that counts at some ticks, and what it is multiplied by for each unit.
  struct Gate {
    std::int64_t input = 0;
    std::uint64_t ticks = 0;
    std::vector<std::int64_t> factors;
  };
  /// Products of a unit that multipliers make and add.
  struct Chain {
    std::int64_t unit = 0;
    std::vector<std::int64_t> inputs;
  };

  const std::vector<Interval>& ranges_of_x() const { return part_.network().layer(x_).type.ranges; }

  std::vector<std::int64_t> by_tick(std::int64_t unit, std::int64_t input) const {
    std::vector<std::int64_t> weights;
    for (std::int64_t t = 0; t < weights_.ticks(); ++t) {
      weights.push_back(weights_.at(t, unit, input));
    }
    return weights;
  }

  void plan() {
    constants_.resize(static_cast<std::size_t>(weights_.inputs * weights_.units));
    for (std::int64_t unit = 0; unit < weights_.units; ++unit) {
      std::vector<std::int64_t> multiplied;
      for (std::int64_t i = 0; i < weights_.inputs; ++i) {
        const PairProducts made =
            plan_products(by_tick(unit, i), x_formats_[static_cast<std::size_t>(i)]);
        constants_[static_cast<std::size_t>(i * weights_.units + unit)] = made.constant;
        for (const PairProducts::Gated& term : made.gated) add_gate(unit, i, term);
        if (made.takes_multiplier) multiplied.push_back(i);
      }
      add_chains(unit, multiplied);
      bool varies = false;
      for (std::int64_t t = 1; t < weights_.ticks(); ++t) {
        varies = varies || bias_at(t, unit) != bias_at(0, unit);
      }
      if (varies) varying_bias_.push_back(unit);
      constant_bias_.push_back(varies ? 0 : bias_at(0, unit));
    }
  }

  std::int64_t bias_at(std::int64_t tick, std::int64_t unit) const {
    return weights_.bias[static_cast<std::size_t>(tick * weights_.units + unit)];
  }

  void add_gate(std::int64_t unit, std::int64_t input, const PairProducts::Gated& term) {
    const auto [known, is_new] = gate_of_.emplace(std::pair(input, term.ticks), gates_.size());
    if (is_new) {
      gates_.push_back({input, term.ticks, {}});
      gates_.back().factors.resize(static_cast<std::size_t>(weights_.units));
    }
    gates_[known->second].factors[static_cast<std::size_t>(unit)] = term.weight;
  }

  /// As few as can be, and of one length.
  void add_chains(std::int64_t unit, const std::vector<std::int64_t>& inputs) {
    const std::size_t count = (inputs.size() + kLongestChain - 1) / kLongestChain;
    for (std::size_t k = 0; k < count; ++k) {
      chains_.push_back({unit, {}});
      for (std::size_t i = k; i < inputs.size(); i += count) {
        chains_.back().inputs.push_back(inputs[i]);
      }
    }
  }

  /// One entry per tick; those behind the last one do not occur.
  template <typename EntryAt>
  network::Lookup::Table table(EntryAt entry) const {
    network::Lookup::Table made;
    for (std::int64_t t = 0; t < entries_; ++t) {
      made.mantissas.push_back(entry(std::min(t, weights_.ticks() - 1)));
    }
    return made;
  }

  /// Elements of x, -1 for 0, times what tables say of the tick.
  LayerId products(network::Shape shape, std::vector<std::int64_t> elements,
                   network::Lookup lookup) {
    Gather ticks{shape, elements};
    for (std::int64_t& element : ticks.indices) element = std::min<std::int64_t>(element, 0);
    const LayerId number = part_.append(std::move(ticks), {tick_}, origin_);
    const LayerId weight = part_.append(std::move(lookup), {number}, origin_);
    const LayerId x = part_.append(Gather{std::move(shape), std::move(elements)}, {x_}, origin_);
    return part_.append(network::Merge{network::Merge::Kind::multiply}, {x, weight}, origin_);
  }

  LayerId gated() {
    std::vector<std::int64_t> elements;
    network::Lookup lookup;
    for (const Gate& gate : gates_) {
      elements.push_back(gate.input);
      lookup.tables.push_back(
          table([&](std::int64_t t) { return static_cast<std::int64_t>(gate.ticks >> t & 1); }));
    }
    return products({std::ssize(gates_)}, std::move(elements), std::move(lookup));
  }

  /// On the grid of x, as if weights were whole numbers.
  LayerId chained() {
    std::int64_t length = 0;
    for (const Chain& chain : chains_) length = std::max(length, std::ssize(chain.inputs));
    std::vector<std::int64_t> elements;
    network::Lookup lookup;
    std::vector<Interval> ranges;
    for (const Chain& chain : chains_) {
      for (std::int64_t k = 0; k < length; ++k) {
        const bool is_there = k < std::ssize(chain.inputs);
        const std::int64_t input = is_there ? chain.inputs[static_cast<std::size_t>(k)] : -1;
        elements.push_back(input);
        lookup.tables.push_back(table(
            [&](std::int64_t t) { return is_there ? weights_.at(t, chain.unit, input) : 0; }));
      }
      ranges.push_back(range_of(chain.unit, chain.inputs));
    }
    const LayerId made =
        products({std::ssize(chains_), length}, std::move(elements), std::move(lookup));
    return part_.append(network::Reduce{network::Reduce::Kind::sum}, {made}, origin_,
                        std::move(ranges));
  }

  /// Those that change, as if weights were whole numbers.
  LayerId biases() {
    network::Lookup lookup{{}, weights_.bias_frac_bits - weights_.frac_bits};
    for (const std::int64_t unit : varying_bias_) {
      lookup.tables.push_back(table([&](std::int64_t t) { return bias_at(t, unit); }));
    }
    const LayerId number = part_.append(
        Gather{{std::ssize(varying_bias_)}, std::vector<std::int64_t>(varying_bias_.size(), 0)},
        {tick_}, origin_);
    return part_.append(std::move(lookup), {number}, origin_);
  }

  /// Of the sum over some inputs at a tick.
  Interval sum_at(std::int64_t tick, std::int64_t unit,
                  const std::vector<std::int64_t>& inputs) const {
    Interval sum{0, 0};
    for (const std::int64_t i : inputs) {
      sum = sum + ranges_of_x()[static_cast<std::size_t>(i)] * weights_.at(tick, unit, i);
    }
    return sum;
  }

  Interval range_of(std::int64_t unit, const std::vector<std::int64_t>& inputs) const {
    Interval all = sum_at(0, unit, inputs);
    for (std::int64_t t = 1; t < weights_.ticks(); ++t) all = hull(all, sum_at(t, unit, inputs));
    return all;
  }

  LayerId summed(LayerId all, std::int64_t count, std::vector<std::int64_t> matrix) {
    const int product_frac_bits =
        part_.network().layer(x_).type.format.frac_bits + weights_.frac_bits;
    const int frac_bits = std::max(product_frac_bits, weights_.bias_frac_bits);
    std::vector<std::int64_t> inputs(static_cast<std::size_t>(weights_.inputs));
    std::iota(inputs.begin(), inputs.end(), 0);
    std::vector<Interval> ranges;
    for (std::int64_t unit = 0; unit < weights_.units; ++unit) {
      std::optional<Interval> range;
      for (std::int64_t t = 0; t < weights_.ticks(); ++t) {
        const std::int64_t bias =
            fixed::shift_left(bias_at(t, unit), frac_bits - weights_.bias_frac_bits);
        const Interval sum =
            fixed::shift_left(sum_at(t, unit, inputs), frac_bits - product_frac_bits) +
            Interval{bias, bias};
        range = range ? hull(*range, sum) : sum;
      }
      ranges.push_back(*range);
    }
    const Interval widest =
        std::accumulate(ranges.begin(), ranges.end(), Interval{0, 0}, fixed::hull);
    const LayerId sums =
        part_.append(network::Dense{count, weights_.units, std::move(matrix), weights_.frac_bits,
                                    std::move(constant_bias_), weights_.bias_frac_bits},
                     {all}, origin_, ranges);
    if (next_ == Next::quantiser) return sums;
    // The layer's type does not know that all weights of a tick belong together.
    return part_.append(network::Quantize{{{fixed::format_of(widest, frac_bits)}}}, {sums}, origin_,
                        std::move(ranges));
  }

  Part& part_;
  LayerId x_;
  const TickWeights& weights_;
  std::size_t origin_;
  Next next_;
  std::int64_t entries_ = 0;  // of a table that the tick addresses
  LayerId tick_{};
  std::vector<fixed::Format> x_formats_;
  std::vector<std::int64_t> constants_;  // [inputs][units]
  std::vector<Gate> gates_;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::size_t> gate_of_;  // by input and ticks
  std::vector<Chain> chains_;
  std::vector<std::int64_t> constant_bias_;  // by unit
  std::vector<std::int64_t> varying_bias_;   // units whose bias changes
};

}  // namespace

LayerId multiply_by_tick(Part& part, LayerId x, const TickWeights& weights, std::int64_t level,
                         std::size_t origin, Next next) {
  return TickProducts(part, x, weights, level, origin, next).run();
}

std::vector<Source> outputs_in_order(const Folding& folding, std::size_t process,
                                     std::int64_t first, std::size_t levels) {
  std::vector<Source> sources;
  for (const Folding::Slot& slot : folding.slots) {
    std::vector<std::int64_t> offsets(levels, 0);
    std::vector<std::int64_t> strides(levels, 1);
    offsets.push_back(slot.tick);
    strides.push_back(0);
    sources.push_back({.kind = Source::Kind::tap,
                       .process = static_cast<std::int32_t>(process),
                       .element = first + slot.unit,
                       .offsets = std::move(offsets),
                       .strides = std::move(strides)});
  }
  return sources;
}

}  // namespace sluice::synth
