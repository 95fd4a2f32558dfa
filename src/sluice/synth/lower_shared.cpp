#include "sluice/synth/lower_shared.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/synth/accumulate.hpp"
#include "sluice/synth/at_once.hpp"
#include "sluice/synth/each_position.hpp"
#include "sluice/synth/event_order.hpp"
#include "sluice/synth/parts.hpp"
#include "sluice/synth/sharing.hpp"
#include "sluice/synth/taps.hpp"
#include "sluice/synth/tick_products.hpp"
#include "sluice/synth/uniform_layers.hpp"

namespace sluice::synth {

namespace {

using circuit::Source;
using fixed::Interval;
using network::Dense;
using network::Gather;
using network::Layer;
using network::LayerId;
using network::Network;
using network::Shape;
using network::TensorType;

class SharedLowering {
 public:
  SharedLowering(const Network& network, const LowerOptions& options)
      : network_(network),
        options_(options),
        streams_(streams(network, options)),
        places_(network.layers().size()),
        moved_(network.layers().size()),
        is_placed_(network.layers().size()) {}

  circuit::Circuit run() && {
    place_all();
    return join(std::move(parts_), network_, options_);
  }

  std::vector<Diagnostic> warnings() && {
    place_all();
    return at_once_.warnings(network_);
  }

 private:
  void place_all() {
    for (std::size_t i = 0; i < network_.layers().size(); ++i) {
      if (is_placed_[i]) continue;
      layer_ = i;
      const Layer& layer = network_.layers()[i];
      if (const auto* input = std::get_if<network::Input>(&layer.op)) {
        add_reader(*input);
      } else if (moves(layer)) {
        if (!places_[i]) moved_[i] = follow(layer);
      } else {
        place(layer);
      }
    }
    const std::size_t last = flat_part(network_.outputs(), true);
    for (const LayerId id : network_.outputs()) {
      const LayerId here = bring(id, last);
      parts_[last].add_output(here);
    }
  }

  /// Where a layer's values are: at every tick of a part, those of one position.
  struct Place {
    std::size_t part = 0;
    LayerId layer{};
  };

  static bool moves(const Layer& layer) {
    return std::holds_alternative<Gather>(layer.op) ||
           std::holds_alternative<network::Reshape>(layer.op);
  }

  const Layer& layer_at(std::int32_t i) const {
    return network_.layers()[static_cast<std::size_t>(i)];
  }
  const TensorType& type(LayerId id) const { return network_.layer(id).type; }
  std::int64_t vector_size(std::int32_t layer) const {
    const Place& place = *places_[static_cast<std::size_t>(layer)];
    return parts_[place.part].vector_size(place.layer);
  }

  // ---- The event's elements

  void add_reader(const network::Input& input) {
    if (!parts_.empty()) {
      throw ModelError("E-SYNTH-004", network_.layers()[layer_].name,
                       "is a second input; processes read one",
                       "join the inputs into one tensor, or leave reuse and streaming out");
    }
    EventOrder order{.layer = layer_};
    if (streams_) {
      order = event_order(network_, layer_);
    } else {
      order.first.resize(static_cast<std::size_t>(network::element_count(input.shape)));
      std::iota(order.first.begin(), order.first.end(), 0);
    }
    std::vector<std::int64_t> strides(order.extents.size(), order.step);
    for (std::size_t l = order.extents.size(); l-- > 1;) {
      strides[l - 1] = strides[l] * order.extents[l];
    }
    std::vector<Source> sources;
    for (const std::int64_t element : order.first) {
      sources.push_back({.kind = Source::Kind::port, .element = element, .strides = strides});
    }
    const Shape inner = order.extents.empty() ? input.shape : Shape{std::ssize(sources)};
    parts_.emplace_back(network_.layers()[layer_].name, std::move(order.extents));
    places_[order.layer] =
        Place{0, parts_[0].append_input(inner, input.quantizer, std::move(sources), layer_)};
  }

  // ---- Data that only moves

  std::vector<Moved> follow(const Layer& layer) const {
    std::vector<Moved> operands;
    for (const LayerId id : layer.operands) {
      if (!moved_[index(id)].empty()) {
        operands.insert(operands.end(), moved_[index(id)].begin(), moved_[index(id)].end());
        continue;
      }
      for (std::int64_t i = 0; i < std::ssize(type(id).ranges); ++i) {
        operands.push_back({static_cast<std::int32_t>(index(id)), i});
      }
    }
    const auto* gather = std::get_if<Gather>(&layer.op);
    if (gather == nullptr) return operands;
    std::vector<Moved> elements;
    for (const std::int64_t from : gather->indices) {
      elements.push_back(from < 0 ? Moved{} : operands[static_cast<std::size_t>(from)]);
    }
    return elements;
  }

  /// The layers that moved data comes from, each once.
  std::vector<std::int32_t> bases_of(const std::vector<Moved>& elements) const {
    std::vector<std::int32_t> bases;
    for (const Moved& moved : elements) {
      if (moved.layer < 0 || (!bases.empty() && bases.back() == moved.layer)) continue;
      if (std::ranges::find(bases, moved.layer) == bases.end()) bases.push_back(moved.layer);
    }
    return bases;
  }

  std::optional<TapPattern> pattern_of(LayerId id, Outside outside = Outside::zero) const {
    const std::vector<Moved>& elements = moved_[index(id)];
    const std::vector<std::int32_t> bases = bases_of(elements);
    if (bases.empty()) return std::nullopt;
    const std::vector<std::int64_t>& extents = extents_of(bases.front());
    int frac_bits = layer_at(bases.front()).type.format.frac_bits;
    for (const std::int32_t base : bases) {
      if (extents_of(base) != extents) return std::nullopt;
      frac_bits = std::max(frac_bits, layer_at(base).type.format.frac_bits);
    }
    if (frac_bits != type(id).format.frac_bits) return std::nullopt;
    return find_taps(
        type(id).shape, elements, extents, [this](std::int32_t base) { return vector_size(base); },
        outside);
  }

  const std::vector<std::int64_t>& extents_of(std::int32_t base) const {
    return parts_[places_[static_cast<std::size_t>(base)]->part].extents();
  }

  /// The moved data `id` as a vector of `part`, which has the positions of `pattern`. `outside`: by
  /// element, what it is where there is no such position, on the grid of `id`; none: zero.
  LayerId add_taps(std::size_t part, LayerId id, const TapPattern& pattern,
                   const std::vector<std::int64_t>& outside = {}) {
    std::vector<LayerId> inputs;
    std::vector<std::int64_t> order(pattern.taps.size(), -1);
    std::int64_t elements = 0;
    for (const std::int32_t base : bases_of(moved_[index(id)])) {
      std::vector<Source> sources;
      for (std::size_t e = 0; e < pattern.taps.size(); ++e) {
        const TapShape& tap = pattern.taps[e];
        if (tap.layer != base) continue;
        order[e] = elements++;
        sources.push_back(tap_of(base, tap.element, tap.offsets, pattern.strides));
        if (outside.empty()) continue;
        sources.back().initial =
            outside[e] >> (type(id).format.frac_bits - layer_at(base).type.format.frac_bits);
      }
      const Shape shape{std::ssize(sources)};
      inputs.push_back(parts_[part].append_input(shape, {layer_at(base).type.format},
                                                 std::move(sources), index(id)));
    }
    Shape inner(type(id).shape.begin() + static_cast<std::ptrdiff_t>(pattern.extents.size()),
                type(id).shape.end());
    return parts_[part].append(Gather{std::move(inner), std::move(order)}, std::move(inputs),
                               index(id), over_positions(type(id), std::ssize(pattern.taps)));
  }

  Source tap_of(std::int32_t base, std::int64_t element, std::vector<std::int64_t> offsets,
                std::vector<std::int64_t> strides) {
    const Place& place = *places_[static_cast<std::size_t>(base)];
    return {.kind = Source::Kind::tap,
            .process = static_cast<std::int32_t>(place.part),
            .element = parts_[place.part].output_of(place.layer) + element,
            .offsets = std::move(offsets),
            .strides = std::move(strides)};
  }

  /// Where the operand is at every position, made a process of its own if it must be.
  std::optional<Place> streamed(LayerId id) {
    if (places_[index(id)] || moved_[index(id)].empty()) return places_[index(id)];
    const std::optional<TapPattern> pattern = pattern_of(id);
    if (!pattern) return std::nullopt;
    const std::vector<std::int32_t> bases = bases_of(moved_[index(id)]);
    const std::size_t first = places_[static_cast<std::size_t>(bases.front())]->part;
    const bool in_one_part = std::ranges::all_of(bases, [&](std::int32_t base) {
      return places_[static_cast<std::size_t>(base)]->part == first;
    });
    if (pattern->is_aligned && in_one_part) return places_[index(id)] = reordered(id, *pattern);
    if (pattern->extents.empty()) return std::nullopt;
    const std::size_t part = parts_.size();
    parts_.emplace_back(network_.layer(id).name, pattern->extents);
    return places_[index(id)] = Place{part, add_taps(part, id, *pattern)};
  }

  /// Windows with repeated edges, for a maximum or minimum of each: beyond an edge is what never
  /// wins.
  std::optional<Place> streamed_windows(LayerId id, network::Reduce::Kind kind) {
    if (moved_[index(id)].empty() || kind == network::Reduce::Kind::sum) return std::nullopt;
    const std::optional<TapPattern> pattern = pattern_of(id, Outside::repeated);
    if (!pattern || pattern->extents.empty()) return std::nullopt;
    std::vector<std::int64_t> outside;
    for (const Interval& range : over_positions(type(id), std::ssize(pattern->taps))) {
      outside.push_back(kind == network::Reduce::Kind::maximum ? range.min : range.max);
    }
    const std::size_t part = parts_.size();
    parts_.emplace_back(network_.layer(id).name, pattern->extents);
    return Place{part, add_taps(part, id, *pattern, outside)};
  }

  /// Movement within the vector of one position.
  Place reordered(LayerId id, const TapPattern& pattern) {
    std::vector<LayerId> operands;
    std::vector<std::int64_t> first;
    const std::vector<std::int32_t> bases = bases_of(moved_[index(id)]);
    std::int64_t elements = 0;
    for (const std::int32_t base : bases) {
      operands.push_back(places_[static_cast<std::size_t>(base)]->layer);
      first.push_back(elements);
      elements += vector_size(base);
    }
    std::vector<std::int64_t> order;
    for (const TapShape& tap : pattern.taps) {
      const auto base = std::ranges::find(bases, tap.layer) - bases.begin();
      order.push_back(first[static_cast<std::size_t>(base)] + tap.element);
    }
    const std::size_t part = places_[static_cast<std::size_t>(bases.front())]->part;
    Shape inner(type(id).shape.begin() + static_cast<std::ptrdiff_t>(pattern.extents.size()),
                type(id).shape.end());
    const LayerId layer =
        parts_[part].append(Gather{std::move(inner), std::move(order)}, std::move(operands),
                            index(id), over_positions(type(id), std::ssize(pattern.taps)));
    return {part, layer};
  }

  // ---- Layers that compute

  void place(const Layer& layer) {
    if (const auto* dense = std::get_if<Dense>(&layer.op)) {
      if (place_with_reuse(layer, *dense) || place_summing(layer, *dense)) return;
    }
    const auto* reduce = std::get_if<network::Reduce>(&layer.op);
    if (reduce != nullptr && place_over_positions(layer, *reduce)) return;
    std::vector<Place> operands;
    for (const LayerId id : layer.operands) {
      std::optional<Place> place = streamed(id);
      if (!place && reduce != nullptr) place = streamed_windows(id, reduce->kind);
      if (!place) return place_flat(layer, Obstacle::movement, moved_otherwise(id));
      operands.push_back(*place);
    }
    std::size_t part = operands.front().part;
    const std::vector<std::int64_t> extents = parts_[part].extents();
    const bool same_extents = std::ranges::all_of(
        operands, [&](const Place& place) { return parts_[place.part].extents() == extents; });
    if (!same_extents) return place_flat(layer, Obstacle::positions, layer_);
    const std::optional<network::LayerOp> op =
        at_each_position(layer, parts_[part].network().layer(operands.front().layer).type);
    if (!op) return place_flat(layer, Obstacle::differs, layer_);
    const bool same_part =
        std::ranges::all_of(operands, [&](const Place& place) { return place.part == part; });
    std::vector<LayerId> here;
    if (!same_part) {
      if (extents.empty()) {
        return place_flat(layer, Obstacle::movement, moved_otherwise(layer.operands.front()));
      }
      part = parts_.size();
      parts_.emplace_back(layer.name, extents);
    }
    for (std::size_t k = 0; k < operands.size(); ++k) {
      here.push_back(same_part ? operands[k].layer : tap_all(layer.operands[k], part));
    }
    if (extents.empty())
      note_at_once(layer, Obstacle::movement, moved_otherwise(layer.operands.front()));
    append(layer, part, *op, std::move(here));
  }

  void append(const Layer& layer, std::size_t part, const network::LayerOp& op,
              std::vector<LayerId> operands) {
    const std::int64_t size = std::ssize(layer.type.ranges) / parts_[part].ticks();
    places_[layer_] = Place{part, parts_[part].append(op, std::move(operands), layer_,
                                                      over_positions(layer.type, size))};
  }

  /// The operand at the same position, in a part with the same loops and perhaps more inside.
  LayerId tap_all(LayerId id, std::size_t part) {
    const Place place = *places_[index(id)];
    const std::size_t levels = parts_[place.part].extents().size();
    std::vector<Source> sources;
    for (std::int64_t e = 0; e < parts_[place.part].vector_size(place.layer); ++e) {
      sources.push_back(tap_of(static_cast<std::int32_t>(index(id)), e,
                               std::vector<std::int64_t>(levels, 0),
                               std::vector<std::int64_t>(levels, 1)));
    }
    const network::Layer& made = parts_[place.part].network().layer(place.layer);
    const Shape shape = made.type.shape;
    return parts_[part].append_input(shape, {type(id).format}, std::move(sources), index(id));
  }

  // ---- Layers of all positions at once

  /// A part without loops that comes after all operands.
  std::size_t flat_part(const std::vector<LayerId>& operands, bool is_last) {
    std::size_t after = 0;
    for (const LayerId id : operands) {
      if (places_[index(id)]) after = std::max(after, places_[index(id)]->part);
      for (const std::int32_t base : bases_of(moved_[index(id)])) {
        after = std::max(after, places_[static_cast<std::size_t>(base)]->part);
      }
    }
    const bool fits = flat_ && *flat_ >= after && (!is_last || *flat_ + 1 == parts_.size());
    if (!fits) {
      flat_ = parts_.size();
      parts_.emplace_back(is_last ? "outputs" : network_.layers()[layer_].name,
                          std::vector<std::int64_t>{});
    }
    return *flat_;
  }

  /// Layers whose values this one takes, behind those that only move them.
  std::vector<std::int32_t> taken_by(const Layer& layer) const {
    std::vector<std::int32_t> taken;
    for (const LayerId id : layer.operands) {
      const std::vector<std::int32_t> bases = bases_of(moved_[index(id)]);
      taken.insert(taken.end(), bases.begin(), bases.end());
      if (moved_[index(id)].empty()) taken.push_back(static_cast<std::int32_t>(index(id)));
    }
    return taken;
  }

  /// The first layer on the way to moved data behind which it is no pattern of taps.
  std::size_t moved_otherwise(LayerId id) const {
    for (const LayerId operand : network_.layer(id).operands) {
      if (!moved_[index(operand)].empty() && !pattern_of(operand)) return moved_otherwise(operand);
    }
    return index(id);
  }

  /// A layer that is computed for all its positions at once, and has several.
  void note_at_once(const Layer& layer, Obstacle obstacle, std::size_t subject) {
    if (!streams_) return;
    const auto* dense = std::get_if<Dense>(&layer.op);
    const std::int64_t rows = dense == nullptr ? 0 : positions_of(network_, layer, *dense);
    const bool is_head = rows == 1;
    if (is_head && std::ssize(dense->weights) <= options_.most_parallel_weights) return;
    const std::vector<std::int32_t> taken = taken_by(layer);
    if (at_once_.follow(network_, layer_, taken)) return;
    if (std::ranges::any_of(taken, [&](std::int32_t base) { return !extents_of(base).empty(); })) {
      at_once_.add(network_, layer_, is_head ? Obstacle::joined : obstacle,
                   is_head ? layer_ : subject);
    } else if (rows > 1) {
      at_once_.add(network_, layer_, Obstacle::whole, layer_);
    }
  }

  void place_flat(const Layer& layer, Obstacle obstacle, std::size_t subject) {
    note_at_once(layer, obstacle, subject);
    const std::size_t part = flat_part(layer.operands, false);
    std::vector<LayerId> operands;
    for (const LayerId id : layer.operands) operands.push_back(bring(id, part));
    network::LayerOp op = layer.op;
    if (const auto* lookup = std::get_if<network::Lookup>(&op)) {
      op = covering(*lookup, parts_[part].network().layer(operands.front()).type.ranges);
    }
    places_[layer_] = Place{
        part, parts_[part].append(std::move(op), std::move(operands), layer_, layer.type.ranges)};
  }

  /// The whole tensor in a part without loops.
  LayerId bring(LayerId id, std::size_t part) {
    const auto known = brought_.find({index(id), part});
    if (known != brought_.end()) return known->second;
    const Layer& layer = network_.layer(id);
    LayerId made{};
    if (places_[index(id)] && places_[index(id)]->part == part) {
      made = places_[index(id)]->layer;
    } else if (!moved_[index(id)].empty()) {
      std::vector<LayerId> operands;
      for (const LayerId operand : layer.operands) operands.push_back(bring(operand, part));
      made = parts_[part].append(layer.op, std::move(operands), index(id), layer.type.ranges);
    } else {
      made = parts_[part].append_input(layer.type.shape, {layer.type.format}, taps_of_all_ticks(id),
                                       index(id));
    }
    return brought_[{index(id), part}] = made;
  }

  std::vector<Source> taps_of_all_ticks(LayerId id) {
    const std::vector<std::int64_t>& extents = parts_[places_[index(id)]->part].extents();
    const std::int64_t size = vector_size(static_cast<std::int32_t>(index(id)));
    std::vector<Source> sources;
    for (std::int64_t i = 0; i < std::ssize(type(id).ranges); ++i) {
      std::vector<std::int64_t> at(extents.size());
      std::int64_t tick = i / size;
      for (std::size_t l = extents.size(); l-- > 0;) {
        at[l] = tick % extents[l];
        tick /= extents[l];
      }
      sources.push_back(tap_of(static_cast<std::int32_t>(index(id)), i % size, std::move(at),
                               std::vector<std::int64_t>(extents.size(), 0)));
    }
    return sources;
  }

  // ---- Blocks that several ticks share

  /// A few outputs per tick, one tick after the other.
  bool place_with_reuse(const Layer& layer, const Dense& dense) {
    const std::int64_t reuse = reuse_of(layer, options_);
    if (reuse <= kNoReuse) return false;
    const LayerId operand = layer.operands.front();
    std::vector<std::int64_t> extents;
    std::optional<TapPattern> pattern;
    if (places_[index(operand)]) {
      extents = parts_[places_[index(operand)]->part].extents();
    } else if ((pattern = pattern_of(operand))) {
      extents = pattern->extents;
    } else {
      place_in_flat(operand);
    }
    // One row of the matrix product per position.
    if (type(operand).shape.size() <= extents.size() ||
        network::element_count(extents) * dense.inputs != std::ssize(type(operand).ranges)) {
      if (streams_) at_once_.decline_reuse(layer_);
      return false;
    }
    std::vector<fixed::Format> formats;
    for (const Interval& range : over_positions(type(operand), dense.inputs)) {
      formats.push_back(fixed::format_of(range, 0));
    }
    const Folding folding = fold(dense, reuse, formats);
    std::vector<std::int64_t> loops = extents;
    loops.push_back(folding.weights.ticks());
    const std::size_t part = parts_.size();
    parts_.emplace_back(layer.name, std::move(loops));
    const LayerId x = pattern ? add_taps(part, operand, *pattern) : tap_all(operand, part);
    const std::vector<std::size_t> after = uniform_layers_after(network_, layer_);
    const bool is_quantised = std::ranges::any_of(after, [&](std::size_t k) {
      return std::holds_alternative<network::Quantize>(network_.layers()[k].op);
    });
    LayerId made = multiply_by_tick(parts_[part], x, folding.weights, std::ssize(extents), layer_,
                                    is_quantised ? Next::quantiser : Next::wires);
    for (const std::size_t k : after) {
      made = parts_[part].append(for_any_element(network_.layers()[k]), {made}, k);
      is_placed_[k] = true;
      layer_ = k;
    }
    collect(part, made, folding);
    return true;
  }

  /// Makes a tensor that is spread over positions, or moved, one vector.
  void place_in_flat(LayerId operand) {
    const std::size_t part = flat_part({operand}, false);
    places_[index(operand)] = Place{part, bring(operand, part)};
  }

  /// What the ticks of the inner loop gave out, as the values of the present layer.
  void collect(std::size_t from, LayerId made, const Folding& folding) {
    const Layer& layer = network_.layers()[layer_];
    std::vector<std::int64_t> extents = parts_[from].extents();
    extents.pop_back();
    std::vector<Source> sources =
        outputs_in_order(folding, from, parts_[from].output_of(made), extents.size());
    const std::size_t part = parts_.size();
    if (extents.empty()) flat_ = part;
    const network::Shape shape(layer.type.shape.begin() + std::ssize(extents),
                               layer.type.shape.end());
    parts_.emplace_back(layer.name, std::move(extents));
    const fixed::Format format = parts_[from].network().layer(made).type.format;
    const LayerId x = parts_[part].append_input(shape, {format}, std::move(sources), layer_);
    append(layer, part, network::Reshape{shape}, {x});
  }

  /// A dense layer over all positions adds what each of them contributes.
  bool place_summing(const Layer& layer, const Dense& dense) {
    const LayerId operand = layer.operands.front();
    const std::vector<Moved>& elements = moved_[index(operand)];
    const std::vector<std::int32_t> bases = bases_of(elements);
    if (std::ssize(dense.weights) <= options_.most_parallel_weights ||
        std::ssize(elements) != dense.inputs || bases.size() != 1) {
      return false;
    }
    const std::int32_t base = bases.front();
    const TensorType& x_type = layer_at(base).type;
    const std::vector<std::int64_t> extents = extents_of(base);
    if (extents.empty() || x_type.format.frac_bits != type(operand).format.frac_bits) return false;
    const TickWeights weights =
        weights_by_position(dense, elements, std::ssize(x_type.ranges), vector_size(base));
    const std::size_t part = parts_.size();
    parts_.emplace_back(layer.name, extents);
    const LayerId x = tap_all(static_cast<LayerId>(base), part);
    const LayerId sums = multiply_by_tick(parts_[part], x, weights, 0, layer_, Next::wires);
    finish(layer, network::Reduce::Kind::sum, bias_of(dense, layer.type), part, sums);
    return true;
  }

  /// A reduction over all positions takes in one of them after the other.
  bool place_over_positions(const Layer& layer, const network::Reduce& reduce) {
    const std::vector<Moved>& elements = moved_[index(layer.operands.front())];
    if (elements.empty() || elements.front().layer < 0) return false;
    const std::int32_t base = elements.front().layer;
    const Place place = *places_[static_cast<std::size_t>(base)];
    Part& part = parts_[place.part];
    const bool is_scaled =
        layer_at(base).type.format.frac_bits != type(layer.operands.front()).format.frac_bits;
    if (part.extents().empty() || is_scaled) return false;
    const auto taken = taken_at_each_position(elements, std::ssize(layer.type.ranges), part.ticks(),
                                              vector_size(base));
    if (!taken) return false;
    const LayerId chosen = part.append(*taken, {place.layer}, layer_);
    const LayerId terms = part.append(reduce, {chosen}, layer_);
    const Interval range = fixed::range_of(part.network().layer(terms).type.format);
    const std::int64_t neutral = reduce.kind == network::Reduce::Kind::sum       ? 0
                                 : reduce.kind == network::Reduce::Kind::maximum ? range.min
                                                                                 : range.max;
    finish(layer, reduce.kind, Beginning(layer.type.ranges.size(), neutral), place.part, terms);
    return true;
  }

  /// The end of what all ticks of part `from` contribute.
  void finish(const Layer& layer, network::Reduce::Kind kind, const Beginning& beginning,
              std::size_t from, LayerId terms) {
    const LayerId end = accumulate(parts_, layer, kind, beginning, from, terms, layer_);
    flat_ = parts_.size() - 1;
    append(layer, *flat_, network::Reshape{layer.type.shape}, {end});
  }

  const Network& network_;
  const LowerOptions& options_;
  bool streams_;
  std::size_t layer_ = 0;  // that is being placed
  std::vector<Part> parts_;
  std::vector<std::optional<Place>> places_;                        // by layer
  std::vector<std::vector<Moved>> moved_;                           // by layer that only moves data
  std::map<std::pair<std::size_t, std::size_t>, LayerId> brought_;  // by layer and part
  std::vector<bool> is_placed_;  // by layer: together with one before it
  AtOnce at_once_;
  std::optional<std::size_t> flat_;  // the latest part without loops, the first left out
};

}  // namespace

std::vector<Diagnostic> sharing_warnings(const Network& network, const LowerOptions& options) {
  if (!shares_hardware(network, options)) return {};
  return SharedLowering(network, options).warnings();
}

circuit::Circuit lower_shared(const Network& network, const LowerOptions& options) {
  LowerOptions without_multipliers = options;
  without_multipliers.multipliers = 0;
  try {
    return SharedLowering(network, without_multipliers).run();
  } catch (const ModelError& error) {
    const std::vector<Diagnostic> warnings = sharing_warnings(network, options);
    if (error.code() != "E-SYNTH-003" || warnings.empty()) throw;
    throw ModelError(error.code(), error.subject(),
                     fmt::format("{}; `{}` {}", error.message(), warnings.front().subject,
                                 warnings.front().message),
                     error.hint());
  }
}

}  // namespace sluice::synth
