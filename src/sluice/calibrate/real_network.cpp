#include "sluice/calibrate/real_network.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sluice/base/check.hpp"
#include "sluice/base/overloaded.hpp"

namespace sluice::calibrate {

namespace {

using network::Layer;
using network::LayerId;

double rounded(double value, const fixed::Quantizer& to) {
  return fixed::to_double(fixed::quantize_real(value, to), to.format.frac_bits);
}

void apply(Rounding& rounding, std::vector<double>& values) {
  const double step = std::ldexp(1.0, -rounding.to.format.frac_bits);
  for (double& value : values) {
    const double before = std::exchange(value, rounded(value, rounding.to));
    if (std::abs(value - before) >= step) ++rounding.saturated;
  }
}

}  // namespace

RealNetwork::RealNetwork(frontend::Imported imported) : imported_(std::move(imported)) {
  const std::size_t layers = network().layers().size();
  left_out_.resize(layers);
  functions_.resize(layers);
  weights_.resize(layers);
  values_.resize(layers);
  const auto at = [&](const std::string& name) { return index(network().find(name).value()); };
  for (const frontend::FormatUse& use : imported_.formats) {
    if (use.network_layer.empty()) continue;
    const network::LayerOp& op = network().layers()[at(use.network_layer)].op;
    if (std::holds_alternative<network::Quantize>(op) ||
        std::holds_alternative<network::Input>(op)) {
      left_out_[at(use.network_layer)] = true;
    }
  }
  for (const frontend::TabulatedFunction& table : imported_.functions) {
    left_out_[at(table.clamp)] = true;
    functions_[at(table.lookup)] = &table.function;
  }
  for (std::size_t i = 0; i < layers; ++i) {
    const Layer& layer = network().layers()[i];
    if (const auto* const dense = std::get_if<network::Dense>(&layer.op)) {
      for (const std::int64_t weight : dense->weights) {
        weights_[i].push_back(fixed::to_double(weight, dense->weight_frac_bits));
      }
      work_ += static_cast<double>(layer.type.ranges.size()) * static_cast<double>(dense->inputs);
    }
    work_ += static_cast<double>(layer.type.ranges.size());
  }
  for (const LayerId id : network().inputs()) {
    input_elements_ += network().layer(id).type.ranges.size();
  }
  for (const LayerId id : network().outputs()) {
    output_elements_ += network().layer(id).type.ranges.size();
  }
}

void RealNetwork::run(std::span<const double> event, Rounding* rounding) {
  SLUICE_CHECK(event.size() == input_elements_, "an event of {} elements, expected {}",
               event.size(), input_elements_);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    values_[i] = evaluate(network().layers()[i], event);
    if (rounding != nullptr &&
        std::ranges::find(rounding->at, static_cast<LayerId>(i)) != rounding->at.end()) {
      apply(*rounding, values_[i]);
    }
  }
}

std::vector<double> RealNetwork::outputs() const {
  std::vector<double> all;
  for (const LayerId id : network().outputs()) {
    const std::span<const double> part = values(id);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

RealNetwork::Values RealNetwork::evaluate(const Layer& layer,
                                          std::span<const double>& event) const {
  const std::size_t i = number_of(layer);
  return std::visit(
      Overloaded{[&](const network::Input& input) {
                   const auto own = event.first(layer.type.ranges.size());
                   event = event.subspan(own.size());
                   Values values(own.begin(), own.end());
                   if (left_out_[i]) return values;
                   for (double& value : values) value = rounded(value, input.quantizer);
                   return values;
                 },
                 [&](const network::Dense& op) { return dense(layer, op); },
                 [&](const network::Affine& op) { return affine(layer, op); },
                 [&](const network::Clamp& op) {
                   Values values = operand(layer);
                   if (left_out_[i]) return values;
                   for (double& value : values) {
                     if (op.lower)
                       value = std::max(value, fixed::to_double(*op.lower, op.frac_bits));
                     if (op.upper)
                       value = std::min(value, fixed::to_double(*op.upper, op.frac_bits));
                   }
                   return values;
                 },
                 [&](const network::Quantize& op) {
                   Values values = operand(layer);
                   if (left_out_[i]) return values;
                   for (std::size_t e = 0; e < values.size(); ++e) {
                     values[e] = rounded(values[e], op.of(e));
                   }
                   return values;
                 },
                 [&](const network::Reshape&) { return operand(layer); },
                 [&](const network::Gather& op) { return gather(layer, op); },
                 [&](const network::Merge& op) { return merge(layer, op); },
                 [&](const network::Reduce& op) { return reduce(layer, op); },
                 [&](const network::Lookup& op) {
                   if (functions_[i] == nullptr) return lookup(layer, op);
                   Values values = operand(layer);
                   std::ranges::transform(values, values.begin(), *functions_[i]);
                   return values;
                 }},
      layer.op);
}

RealNetwork::Values RealNetwork::dense(const Layer& layer, const network::Dense& dense) const {
  const Values& x = operand(layer);
  const std::vector<double>& weights = weights_[number_of(layer)];
  const auto inputs = static_cast<std::size_t>(dense.inputs);
  const auto units = static_cast<std::size_t>(dense.units);
  Values values(x.size() / inputs * units);
  for (std::size_t row = 0; row < x.size() / inputs; ++row) {
    double* const sums = &values[row * units];
    for (std::size_t unit = 0; unit < units; ++unit) {
      sums[unit] = fixed::to_double(dense.bias[unit], dense.bias_frac_bits);
    }
    for (std::size_t i = 0; i < inputs; ++i) {
      const double value = x[row * inputs + i];
      if (value == 0) continue;
      const double* const of_input = &weights[i * units];
      for (std::size_t unit = 0; unit < units; ++unit) sums[unit] += value * of_input[unit];
    }
  }
  return values;
}

RealNetwork::Values RealNetwork::affine(const Layer& layer, const network::Affine& affine) const {
  Values values = operand(layer);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t channel = i % affine.scale.size();
    values[i] = values[i] * fixed::to_double(affine.scale[channel], affine.scale_frac_bits) +
                fixed::to_double(affine.offset[channel], affine.offset_frac_bits);
  }
  return values;
}

RealNetwork::Values RealNetwork::gather(const Layer& layer, const network::Gather& gather) const {
  Values elements;
  for (std::size_t i = 0; i < layer.operands.size(); ++i) {
    elements.insert(elements.end(), operand(layer, i).begin(), operand(layer, i).end());
  }
  Values values;
  values.reserve(gather.indices.size());
  for (const std::int64_t from : gather.indices) {
    values.push_back(from < 0 ? 0.0 : elements[static_cast<std::size_t>(from)]);
  }
  return values;
}

RealNetwork::Values RealNetwork::merge(const Layer& layer, const network::Merge& merge) const {
  Values values = operand(layer, 0);
  const Values& other = operand(layer, 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double a = values[i];
    const double b = other[i];
    switch (merge.kind) {
      case network::Merge::Kind::add:
        values[i] = a + b;
        break;
      case network::Merge::Kind::subtract:
        values[i] = a - b;
        break;
      case network::Merge::Kind::multiply:
        values[i] = a * b;
        break;
      case network::Merge::Kind::maximum:
        values[i] = std::max(a, b);
        break;
      case network::Merge::Kind::minimum:
        values[i] = std::min(a, b);
        break;
    }
  }
  return values;
}

RealNetwork::Values RealNetwork::reduce(const Layer& layer, const network::Reduce& reduce) const {
  const Values& x = operand(layer);
  const std::size_t results = layer.type.ranges.size();
  const std::size_t count = x.size() / results;
  Values values(results);
  for (std::size_t i = 0; i < results; ++i) {
    const std::span<const double> group = std::span(x).subspan(i * count, count);
    switch (reduce.kind) {
      case network::Reduce::Kind::sum:
        values[i] = std::accumulate(group.begin(), group.end(), 0.0);
        break;
      case network::Reduce::Kind::maximum:
        values[i] = std::ranges::max(group);
        break;
      case network::Reduce::Kind::minimum:
        values[i] = std::ranges::min(group);
        break;
    }
  }
  return values;
}

// A table of the model's own: its operand is on a grid, which float64 may miss by its rounding.
RealNetwork::Values RealNetwork::lookup(const Layer& layer, const network::Lookup& lookup) const {
  Values values = operand(layer);
  const int frac_bits = network().layer(layer.operands.front()).type.format.frac_bits;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const network::Lookup::Table& table = lookup.of(i);
    const auto last = static_cast<std::int64_t>(table.mantissas.size()) - 1;
    const double entry =
        std::nearbyint(std::ldexp(values[i], frac_bits)) - static_cast<double>(table.first);
    const auto place = static_cast<std::int64_t>(std::clamp(entry, 0.0, static_cast<double>(last)));
    values[i] =
        fixed::to_double(table.mantissas[static_cast<std::size_t>(place)], lookup.frac_bits);
  }
  return values;
}

}  // namespace sluice::calibrate
