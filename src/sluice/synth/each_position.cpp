#include "sluice/synth/each_position.hpp"

#include <utility>
#include <variant>

namespace sluice::synth {

namespace {

using fixed::Interval;

/// Moves the values of a function of the vector's elements at all positions to those of one.
template <typename Value>
std::optional<std::vector<Value>> same_everywhere(const std::vector<Value>& values,
                                                  std::int64_t vector_size) {
  const auto size = static_cast<std::size_t>(vector_size);
  if (values.size() <= size) return values;
  for (std::size_t i = size; i < values.size(); ++i) {
    if (!(values[i] == values[i - size])) return std::nullopt;
  }
  return std::vector<Value>(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(size));
}

}  // namespace

std::vector<Interval> over_positions(const network::TensorType& type, std::int64_t size) {
  std::vector<Interval> ranges(type.ranges.begin(),
                               type.ranges.begin() + static_cast<std::ptrdiff_t>(size));
  for (std::size_t i = static_cast<std::size_t>(size); i < type.ranges.size(); ++i) {
    Interval& range = ranges[i % static_cast<std::size_t>(size)];
    range = hull(range, type.ranges[i]);
  }
  return ranges;
}

std::optional<network::LayerOp> at_each_position(const network::Layer& layer,
                                                 const network::TensorType& x) {
  const std::int64_t size = std::ssize(x.ranges);
  const bool takes_last_axis = std::holds_alternative<network::Dense>(layer.op) ||
                               std::holds_alternative<network::Reduce>(layer.op) ||
                               std::holds_alternative<network::Affine>(layer.op);
  if (takes_last_axis && x.shape.empty()) return std::nullopt;
  if (const auto* quantize = std::get_if<network::Quantize>(&layer.op)) {
    auto quantizers = same_everywhere(quantize->quantizers, size);
    if (!quantizers) return std::nullopt;
    return network::Quantize{std::move(*quantizers)};
  }
  if (const auto* lookup = std::get_if<network::Lookup>(&layer.op)) {
    auto tables = same_everywhere(lookup->tables, size);
    if (!tables) return std::nullopt;
    return covering({std::move(*tables), lookup->frac_bits}, x.ranges);
  }
  return layer.op;
}

network::Lookup covering(network::Lookup lookup, const std::vector<Interval>& ranges) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    network::Lookup::Table& table = lookup.tables[i % lookup.tables.size()];
    while (table.first > ranges[i].min) {
      table.mantissas.insert(table.mantissas.begin(), table.mantissas.front());
      --table.first;
    }
    while (table.first + std::ssize(table.mantissas) <= ranges[i].max) {
      table.mantissas.push_back(table.mantissas.back());
    }
  }
  return lookup;
}

}  // namespace sluice::synth
