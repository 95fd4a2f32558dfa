#include "sluice/network/testing/reference_evaluate.hpp"

#include <algorithm>
#include <numeric>

#include "sluice/base/check.hpp"

namespace sluice::network::testing {

namespace {

__extension__ typedef __int128 Wide;
using WideVector = std::vector<Wide>;

Wide shifted(Wide mantissa, int bits) { return mantissa * (Wide{1} << bits); }

class Evaluation {
 public:
  Evaluation(const Network& network, std::span<const std::int64_t> event)
      : network_(network), unread_(event) {}

  std::vector<std::vector<std::int64_t>> run() && {
    for (const Layer& layer : network_.layers()) {
      layer_ = &layer;
      const WideVector values = std::visit([&](const auto& op) { return evaluate(op); }, layer.op);
      layers_.push_back(checked(values));
    }
    SLUICE_CHECK(unread_.empty(), "the event has {} elements too many", unread_.size());
    return std::move(layers_);
  }

 private:
  const std::vector<std::int64_t>& x() const { return layers_[index(layer_->operands.front())]; }
  int x_frac_bits() const { return network_.layer(layer_->operands.front()).type.format.frac_bits; }
  int frac_bits() const { return layer_->type.format.frac_bits; }

  WideVector evaluate(const Input&) {
    const std::size_t count = layer_->type.ranges.size();
    SLUICE_CHECK(unread_.size() >= count, "the event has too few elements");
    WideVector values(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(count));
    unread_ = unread_.subspan(count);
    return values;
  }

  WideVector evaluate(const Dense& dense) const {
    const auto inputs = static_cast<std::size_t>(dense.inputs);
    const auto units = static_cast<std::size_t>(dense.units);
    WideVector values;
    for (std::size_t row = 0; row < x().size() / inputs; ++row) {
      for (std::size_t unit = 0; unit < units; ++unit) {
        Wide sum = 0;
        for (std::size_t i = 0; i < inputs; ++i) {
          sum += Wide{x()[row * inputs + i]} * dense.weights[i * units + unit];
        }
        values.push_back(shifted(sum, frac_bits() - x_frac_bits() - dense.weight_frac_bits) +
                         shifted(dense.bias[unit], frac_bits() - dense.bias_frac_bits));
      }
    }
    return values;
  }

  WideVector evaluate(const Affine& affine) const {
    WideVector values;
    for (std::size_t i = 0; i < x().size(); ++i) {
      const std::size_t channel = i % affine.scale.size();
      const Wide product = Wide{x()[i]} * affine.scale[channel];
      values.push_back(shifted(product, frac_bits() - x_frac_bits() - affine.scale_frac_bits) +
                       shifted(affine.offset[channel], frac_bits() - affine.offset_frac_bits));
    }
    return values;
  }

  WideVector evaluate(const Clamp& clamp) const {
    WideVector values;
    for (const std::int64_t element : x()) {
      Wide value = shifted(element, frac_bits() - x_frac_bits());
      const int bound_shift = frac_bits() - clamp.frac_bits;
      if (clamp.lower) value = std::max(value, shifted(*clamp.lower, bound_shift));
      if (clamp.upper) value = std::min(value, shifted(*clamp.upper, bound_shift));
      values.push_back(value);
    }
    return values;
  }

  WideVector evaluate(const Quantize& quantize) const {
    WideVector values;
    for (std::size_t i = 0; i < x().size(); ++i) {
      const fixed::Quantizer& to = quantize.of(i);
      values.push_back(
          shifted(fixed::quantize(x()[i], x_frac_bits(), to), frac_bits() - to.format.frac_bits));
    }
    return values;
  }

  WideVector evaluate(const Reshape&) const { return {x().begin(), x().end()}; }

  /// Mantissas of an operand on the grid of the result.
  WideVector on_grid(LayerId operand) const {
    const int zeros = frac_bits() - network_.layer(operand).type.format.frac_bits;
    WideVector values;
    for (const std::int64_t value : layers_[index(operand)]) {
      values.push_back(shifted(value, zeros));
    }
    return values;
  }

  WideVector evaluate(const Gather& gather) const {
    WideVector elements;
    for (const LayerId operand : layer_->operands) {
      const WideVector part = on_grid(operand);
      elements.insert(elements.end(), part.begin(), part.end());
    }
    WideVector values;
    for (const std::int64_t from : gather.indices) {
      values.push_back(from < 0 ? Wide{0} : elements.at(static_cast<std::size_t>(from)));
    }
    return values;
  }

  WideVector evaluate(const Merge& merge) const {
    const bool multiplies = merge.kind == Merge::Kind::multiply;
    const auto operand = [&](std::size_t number) {
      const LayerId id = layer_->operands[number];
      const std::vector<std::int64_t>& mantissas = layers_[index(id)];
      return multiplies ? WideVector(mantissas.begin(), mantissas.end()) : on_grid(id);
    };
    WideVector values = operand(0);
    const WideVector b = operand(1);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = merged(merge.kind, values[i], b[i]);
    return values;
  }

  static Wide merged(Merge::Kind kind, Wide a, Wide b) {
    switch (kind) {
      case Merge::Kind::add:
        return a + b;
      case Merge::Kind::subtract:
        return a - b;
      case Merge::Kind::multiply:
        return a * b;
      case Merge::Kind::maximum:
        return std::max(a, b);
      case Merge::Kind::minimum:
        return std::min(a, b);
    }
    return 0;
  }

  WideVector evaluate(const Reduce& reduce) const {
    const auto count =
        static_cast<std::size_t>(network_.layer(layer_->operands.front()).type.shape.back());
    WideVector values;
    for (auto first = x().begin(); first != x().end();
         first += static_cast<std::ptrdiff_t>(count)) {
      const auto last = first + static_cast<std::ptrdiff_t>(count);
      switch (reduce.kind) {
        case Reduce::Kind::sum:
          values.push_back(std::accumulate(first, last, Wide{0}));
          break;
        case Reduce::Kind::maximum:
          values.push_back(*std::max_element(first, last));
          break;
        case Reduce::Kind::minimum:
          values.push_back(*std::min_element(first, last));
          break;
      }
    }
    return values;
  }

  WideVector evaluate(const Lookup& lookup) const {
    WideVector values;
    for (std::size_t i = 0; i < x().size(); ++i) {
      const Lookup::Table& table = lookup.of(i);
      values.push_back(table.mantissas.at(static_cast<std::size_t>(x()[i] - table.first)));
    }
    return values;
  }

  std::vector<std::int64_t> checked(const WideVector& values) const {
    const std::vector<fixed::Interval>& ranges = layer_->type.ranges;
    SLUICE_CHECK(values.size() == ranges.size(), "{}: {} values", layer_->name, values.size());
    std::vector<std::int64_t> mantissas;
    for (std::size_t i = 0; i < values.size(); ++i) {
      SLUICE_CHECK(values[i] >= ranges[i].min && values[i] <= ranges[i].max,
                   "{}: element {} is outside of its range {}", layer_->name, i,
                   to_string(ranges[i]));
      mantissas.push_back(static_cast<std::int64_t>(values[i]));
    }
    return mantissas;
  }

  const Network& network_;
  std::span<const std::int64_t> unread_;
  const Layer* layer_ = nullptr;
  std::vector<std::vector<std::int64_t>> layers_;
};

}  // namespace

std::vector<std::vector<std::int64_t>> evaluate_layers(const Network& network,
                                                       std::span<const std::int64_t> event) {
  return Evaluation(network, event).run();
}

std::vector<std::int64_t> reference_evaluate(const Network& network,
                                             std::span<const std::int64_t> event) {
  const std::vector<std::vector<std::int64_t>> layers = evaluate_layers(network, event);
  std::vector<std::int64_t> outputs;
  for (const LayerId id : network.outputs()) {
    outputs.insert(outputs.end(), layers[index(id)].begin(), layers[index(id)].end());
  }
  return outputs;
}

}  // namespace sluice::network::testing
