#include "sluice/synth/accumulate.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::synth {

namespace {

using circuit::Source;
using fixed::Interval;
using network::LayerId;
using network::Merge;
using network::Reduce;

Merge::Kind merge_of(Reduce::Kind kind) {
  switch (kind) {
    case Reduce::Kind::maximum:
      return Merge::Kind::maximum;
    case Reduce::Kind::minimum:
      return Merge::Kind::minimum;
    case Reduce::Kind::sum:
      break;
  }
  return Merge::Kind::add;
}

/// One tap per element of `process`, from element `first`.
std::vector<Source> taps(std::size_t process, std::int64_t first, std::int64_t count,
                         const std::vector<std::int64_t>& offsets, std::int64_t stride) {
  std::vector<Source> sources;
  for (std::int64_t i = 0; i < count; ++i) {
    sources.push_back({.kind = Source::Kind::tap,
                       .process = static_cast<std::int32_t>(process),
                       .element = first + i,
                       .offsets = offsets,
                       .strides = std::vector<std::int64_t>(offsets.size(), stride)});
  }
  return sources;
}

}  // namespace

Beginning bias_of(const network::Dense& dense, const network::TensorType& sum) {
  Beginning bias;
  for (const std::int64_t value : dense.bias) {
    bias.push_back(fixed::shift_left(value, sum.format.frac_bits - dense.bias_frac_bits));
  }
  return bias;
}

LayerId accumulate(std::vector<Part>& parts, const network::Layer& layer, Reduce::Kind kind,
                   const Beginning& beginning, std::size_t from, LayerId terms,
                   std::size_t origin) {
  const std::int64_t count = std::ssize(beginning);
  const std::vector<std::int64_t> extents = parts[from].extents();
  Interval all{0, 0};
  for (const std::int64_t value : beginning) all = hull(all, {value, value});
  for (const Interval& range : layer.type.ranges) all = hull(all, range);
  const fixed::Format format = fixed::format_of(all, layer.type.format.frac_bits);

  const fixed::Format term_format = parts[from].network().layer(terms).type.format;
  std::vector<Source> term_sources = taps(from, parts[from].output_of(terms), count,
                                          std::vector<std::int64_t>(extents.size(), 0), 1);
  std::vector<Source> states;
  for (std::int64_t i = 0; i < count; ++i) {
    states.push_back({.kind = Source::Kind::state,
                      .element = i,
                      .initial = beginning[static_cast<std::size_t>(i)]});
  }
  const std::size_t process = parts.size();
  Part& part = parts.emplace_back(layer.name, extents);
  const LayerId term = part.append_input({count}, {term_format}, std::move(term_sources), origin);
  const LayerId state = part.append_input({count}, {format}, std::move(states), origin);
  const LayerId taken_in = part.append(Merge{merge_of(kind)}, {state, term}, origin);
  // The end fits; what a sum passes on the way may wrap.
  const LayerId wrapped =
      part.append(network::Quantize{{{format, fixed::Rounding::trn, fixed::Overflow::wrap}}},
                  {taken_in}, origin);
  std::vector<std::int64_t> last = extents;
  for (std::int64_t& i : last) --i;
  std::vector<Source> ends = taps(process, part.output_of(wrapped), count, last, 0);
  Part& flat = parts.emplace_back(layer.name, std::vector<std::int64_t>{});
  return flat.append_input({count}, {format}, std::move(ends), origin);
}

std::optional<network::Gather> taken_at_each_position(const std::vector<Moved>& elements,
                                                      std::int64_t outputs, std::int64_t positions,
                                                      std::int64_t vector_size) {
  network::Gather taken;
  const std::size_t group = elements.size() / static_cast<std::size_t>(outputs);
  for (std::size_t first = 0; first < elements.size(); first += group) {
    std::map<std::int64_t, std::vector<std::int64_t>> by_position;
    for (std::size_t i = first; i < first + group; ++i) {
      if (elements[i].layer != elements.front().layer || elements[i].layer < 0) return std::nullopt;
      by_position[elements[i].element / vector_size].push_back(elements[i].element % vector_size);
    }
    for (auto& [position, own] : by_position) std::ranges::sort(own);
    const std::vector<std::int64_t>& own = by_position.begin()->second;
    if (std::ssize(by_position) != positions ||
        std::ranges::any_of(by_position, [&](const auto& other) { return other.second != own; })) {
      return std::nullopt;
    }
    taken.indices.insert(taken.indices.end(), own.begin(), own.end());
  }
  taken.shape = {outputs, std::ssize(taken.indices) / outputs};
  return taken;
}

}  // namespace sluice::synth
