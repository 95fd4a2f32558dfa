#include <algorithm>
#include <cstdlib>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/scaled_builder.hpp"
#include "sluice/frontend/scaled_numbers.hpp"

namespace sluice::frontend {

namespace {

// Integers and the unit of each column.
struct WeightGrid {
  std::vector<std::int64_t> integers;
  std::vector<Rational> units;  // one, or one per column
};

// One unit for all weights, or else for each column, of which they are small multiples.
std::optional<WeightGrid> weight_grid(const DenseWeights& dense) {
  constexpr std::int64_t kMostOfTensor = std::int64_t{1} << 16;
  constexpr std::int64_t kMostOfColumn = std::int64_t{1} << 18;
  if (auto grid = common_grid(dense.weights, kMostOfTensor)) {
    return WeightGrid{std::move(grid->integers), {grid->unit}};
  }
  WeightGrid result;
  const auto units = static_cast<std::size_t>(dense.units);
  result.integers.resize(dense.weights.size());
  std::vector<double> column(static_cast<std::size_t>(dense.inputs));
  for (std::size_t unit = 0; unit < units; ++unit) {
    for (std::size_t i = 0; i < column.size(); ++i) column[i] = dense.weights[i * units + unit];
    const auto grid = common_grid(column, kMostOfColumn);
    if (!grid) return std::nullopt;
    for (std::size_t i = 0; i < column.size(); ++i) {
      result.integers[i * units + unit] = grid->integers[i];
    }
    result.units.push_back(grid->unit);
  }
  return result;
}

WeightGrid rounded_weights(const DenseWeights& dense, const fixed::Quantizer& to) {
  WeightGrid grid;
  for (const double weight : dense.weights) {
    grid.integers.push_back(fixed::quantize_real(weight, to));
  }
  grid.units = {power_of_two(-to.format.frac_bits)};
  return grid;
}

// Powers of two move from the units to the weights, so that columns share a unit where they can.
int normalize(WeightGrid& grid, std::size_t columns) {
  constexpr int kMostShift = 20;
  const Rational first = grid.units.front();
  std::vector<int> exponents;
  for (const Rational& unit : grid.units) {
    const auto exponent = log2_exact(Rational(unit / first));
    if (!exponent || std::abs(*exponent) > kMostShift) {
      exponents.clear();
      break;
    }
    exponents.push_back(*exponent);
  }
  Rational common = first;
  if (!exponents.empty()) {
    const int least = *std::ranges::min_element(exponents);
    for (std::size_t i = 0; i < grid.integers.size(); ++i) {
      const int exponent = exponents.size() == 1 ? exponents.front() : exponents[i % columns];
      grid.integers[i] *= std::int64_t{1} << (exponent - least);
    }
    common = first * power_of_two(least);
    grid.units = {common};
  }
  // The rest of the first unit's powers of two is the binary point of all weights.
  const auto parts = dyadic(common);
  const int frac_bits = parts ? parts->frac_bits : 0;
  for (Rational& unit : grid.units) unit *= power_of_two(frac_bits);
  return frac_bits;
}

}  // namespace

void ScaledBuilder::dense(ScaledTensor& x, const DenseWeights& weights, const std::string& name) {
  settle(x, name);
  const auto units = static_cast<std::size_t>(weights.units);
  const auto inputs = static_cast<std::size_t>(weights.inputs);
  if (x.axis && *x.axis + 1 != x.shape.size()) materialize(x, name);
  if (!all_are(x.factor, x.factor.front())) materialize(x, name);
  const Rational factor = x.factor.front();
  std::optional<WeightGrid> grid;
  if (weights.precision) {
    grid = rounded_weights(weights, *weights.precision);
  } else {
    grid = weight_grid(weights);
  }
  if (!grid) {
    throw ModelError(
        codes::kNoPrecision, "", "float32 weights without a quantizer",
        "let --calibrate events.npy choose its formats, give them one with "
        R"~(--default-precision 'ap_fixed<16,6,RND_CONV,SAT>', or by a configuration: )~"
        R"~({"Model": {"Precision": "ap_fixed<16,6,RND_CONV,SAT>"}})~");
  }
  std::vector<Rational> offset = weights.bias;
  if (x.has_offset()) {
    for (std::size_t i = 0; i < inputs; ++i) {
      const Rational& shift = of(x.offset, i);
      for (std::size_t unit = 0; unit < units && shift != 0; ++unit) {
        const std::int64_t weight = grid->integers[i * units + unit];
        if (weight != 0) offset[unit] += shift * of(grid->units, unit) * static_cast<long>(weight);
      }
    }
  }
  network::Dense dense;
  dense.inputs = weights.inputs;
  dense.units = weights.units;
  dense.weight_frac_bits = normalize(*grid, units);
  dense.weights = std::move(grid->integers);
  dense.bias.resize(units);
  x.factor.clear();
  for (const Rational& unit : grid->units) x.factor.push_back(factor * unit);
  stretch(x.factor, all_are(offset, offset.front()) ? 1 : units);
  // An offset that is a fixed-point number in units of the factor is the bias of the layer.
  constexpr int kMostBiasFracBits = 40;
  std::vector<Rational> bias;
  for (std::size_t unit = 0; unit < units; ++unit) {
    bias.emplace_back(offset[unit] / of(x.factor, unit));
  }
  const auto whole = mantissas(bias);
  x.offset.assign(x.factor.size(), 0);
  if (whole && whole->frac_bits <= kMostBiasFracBits) {
    dense.bias = whole->values;
    dense.bias_frac_bits = whole->frac_bits;
    if (all_are(x.factor, x.factor.front())) {
      x.factor.resize(1);
      x.offset.resize(1);
    }
  } else {
    for (std::size_t i = 0; i < x.offset.size(); ++i) x.offset[i] = offset[i];
  }
  x.layer = append(name, std::move(dense), {x.layer});
  x.shape.back() = weights.units;
  x.axis = x.factor.size() > 1 ? std::optional(x.shape.size() - 1) : std::nullopt;
}

}  // namespace sluice::frontend
