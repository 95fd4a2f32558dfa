#include "sluice/synth/tick_products.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace sluice::synth {

using circuit::Source;
using fixed::Interval;
using network::Dense;
using network::Gather;
using network::LayerId;

Folding fold(const Dense& dense, std::int64_t reuse) {
  const std::int64_t units = (dense.units + reuse - 1) / reuse;
  const std::int64_t ticks = (dense.units + units - 1) / units;
  Folding folding{{units, dense.inputs, {}, dense.weight_frac_bits}, {}};
  folding.weights.mantissas.resize(static_cast<std::size_t>(ticks * units * dense.inputs));
  for (std::int64_t j = 0; j < dense.units; ++j) {
    folding.slots.push_back({j / units, j % units});
    for (std::int64_t i = 0; i < dense.inputs; ++i) {
      folding.weights.mantissas[static_cast<std::size_t>(j * dense.inputs + i)] =
          dense.weights[static_cast<std::size_t>(i * dense.units + j)];
    }
  }
  return folding;
}

TickWeights weights_by_position(const Dense& dense, const std::vector<Moved>& moved,
                                std::int64_t elements, std::int64_t vector_size) {
  TickWeights weights{dense.units, vector_size, {}, dense.weight_frac_bits};
  weights.mantissas.resize(static_cast<std::size_t>(elements * dense.units));
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

LayerId multiply_by_tick(Part& part, LayerId x, const TickWeights& weights, std::int64_t level,
                         std::size_t origin) {
  const std::int64_t ticks = weights.ticks();
  const std::int64_t pairs = weights.units * weights.inputs;
  const int bits = std::bit_width(static_cast<std::uint64_t>(ticks - 1));
  const LayerId tick = part.append_input({1}, {fixed::Format{bits, 0, false}},
                                         {{.kind = Source::Kind::tick, .element = level}}, origin);
  Gather spread{{weights.units, weights.inputs},
                std::vector<std::int64_t>(static_cast<std::size_t>(pairs), 0)};
  network::Lookup lookup{{}, weights.frac_bits};
  const std::int64_t entries = std::int64_t{1} << bits;
  for (std::int64_t i = 0; i < pairs; ++i) {
    network::Lookup::Table& table = lookup.tables.emplace_back();
    for (std::int64_t t = 0; t < entries; ++t) {
      const std::int64_t at = std::min(t, ticks - 1) * pairs + i;
      table.mantissas.push_back(weights.mantissas[static_cast<std::size_t>(at)]);
    }
  }
  const LayerId number = part.append(spread, {tick}, origin);
  const LayerId weight = part.append(std::move(lookup), {number}, origin);
  for (std::int64_t i = 0; i < pairs; ++i) {
    spread.indices[static_cast<std::size_t>(i)] = i % weights.inputs;
  }
  const LayerId repeated = part.append(std::move(spread), {x}, origin);
  const LayerId product =
      part.append(network::Merge{network::Merge::Kind::multiply}, {repeated, weight}, origin);
  return part.append(network::Reduce{network::Reduce::Kind::sum}, {product}, origin);
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

LayerId add_up(std::vector<Part>& parts, const network::Layer& layer, const Dense& dense,
               std::size_t from, LayerId sums, std::size_t origin) {
  const std::vector<std::int64_t> extents = parts[from].extents();
  const int frac_bits = layer.type.format.frac_bits;
  std::vector<std::int64_t> bias = dense.bias;
  Interval all{0, 0};
  for (std::int64_t& value : bias) {
    value = fixed::shift_left(value, frac_bits - dense.bias_frac_bits);
    all = hull(all, {value, value});
  }
  for (const Interval& range : layer.type.ranges) all = hull(all, range);
  const fixed::Format format = fixed::format_of(all, frac_bits);

  const std::int64_t first_sum = parts[from].output_of(sums);
  std::vector<Source> terms;
  std::vector<Source> states;
  for (std::int64_t j = 0; j < dense.units; ++j) {
    terms.push_back({.kind = Source::Kind::tap,
                     .process = static_cast<std::int32_t>(from),
                     .element = first_sum + j,
                     .offsets = std::vector<std::int64_t>(extents.size(), 0),
                     .strides = std::vector<std::int64_t>(extents.size(), 1)});
    states.push_back(
        {.kind = Source::Kind::state, .element = j, .initial = bias[static_cast<std::size_t>(j)]});
  }
  const fixed::Format term_format = parts[from].network().layer(sums).type.format;
  const std::size_t summing = parts.size();
  Part& part = parts.emplace_back(layer.name, extents);
  const LayerId term = part.append_input({dense.units}, {term_format}, std::move(terms), origin);
  const LayerId state = part.append_input({dense.units}, {format}, std::move(states), origin);
  const LayerId sum = part.append(network::Merge{network::Merge::Kind::add}, {state, term}, origin);
  // The end of the sum fits; what it passes on the way may wrap.
  const LayerId wrapped = part.append(
      network::Quantize{{{format, fixed::Rounding::trn, fixed::Overflow::wrap}}}, {sum}, origin);
  const std::int64_t first = part.output_of(wrapped);

  std::vector<Source> ends;
  std::vector<std::int64_t> last = extents;
  for (std::int64_t& i : last) --i;
  for (std::int64_t j = 0; j < dense.units; ++j) {
    ends.push_back({.kind = Source::Kind::tap,
                    .process = static_cast<std::int32_t>(summing),
                    .element = first + j,
                    .offsets = last,
                    .strides = std::vector<std::int64_t>(extents.size(), 0)});
  }
  Part& flat = parts.emplace_back(layer.name, std::vector<std::int64_t>{});
  return flat.append_input({dense.units}, {format}, std::move(ends), origin);
}

}  // namespace sluice::synth
