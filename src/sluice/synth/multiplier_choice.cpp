#include "sluice/synth/multiplier_choice.hpp"

#include <algorithm>
#include <bit>
#include <span>
#include <tuple>

#include "sluice/base/overloaded.hpp"
#include "sluice/circuit/multipliers.hpp"

namespace sluice::synth {

namespace {

using fixed::Interval;
using network::Layer;

struct Candidate {
  std::int64_t saved_bits = 0;  // of adders, by one multiplier
  std::size_t layer = 0;
  std::size_t output = 0;
  std::size_t weight = 0;
  std::int64_t positions = 0;
};

/// Non-zero signed digits: an adder for each.
int signed_digits(std::int64_t weight) {
  const auto magnitude = static_cast<std::uint64_t>(weight < 0 ? -weight : weight);
  return std::popcount(magnitude ^ (3 * magnitude));
}

class Candidates {
 public:
  explicit Candidates(const network::Network& network) : network_(network) {}

  std::vector<Candidate> find() && {
    for (layer_ = 0; layer_ < network_.layers().size(); ++layer_) {
      std::visit(
          Overloaded{[&](const network::Dense& dense) { add(dense); },
                     [&](const network::Affine& affine) { add(affine); }, [](const auto&) {}},
          layer().op);
    }
    return std::move(found_);
  }

 private:
  const Layer& layer() const { return network_.layers()[layer_]; }
  std::span<const Interval> operand_ranges() const {
    return network_.layer(layer().operands.front()).type.ranges;
  }

  void add(const network::Dense& dense) {
    for (std::int64_t input = 0; input < dense.inputs; ++input) {
      for (std::int64_t unit = 0; unit < dense.units; ++unit) {
        const auto weight = static_cast<std::size_t>(input * dense.units + unit);
        add(dense.weights[weight], weight, input, dense.inputs, unit);
      }
    }
  }

  void add(const network::Affine& affine) {
    const auto channels = static_cast<std::int64_t>(affine.scale.size());
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      const auto weight = static_cast<std::size_t>(channel);
      add(affine.scale[weight], weight, channel, channels, channel);
    }
  }

  /// `mantissa` meets every `step`th element of the operand from `first`.
  void add(std::int64_t mantissa, std::size_t weight, std::int64_t first, std::int64_t step,
           std::int64_t output) {
    const std::span<const Interval> ranges = operand_ranges();
    std::int64_t positions = 0;
    std::int64_t bits = 0;
    for (auto i = static_cast<std::size_t>(first); i < ranges.size();
         i += static_cast<std::size_t>(step)) {
      const fixed::Format format = fixed::format_of(ranges[i], 0);
      if (ranges[i].is_constant() || !circuit::suits_multiplier(format, mantissa)) continue;
      ++positions;
      bits += format.width;
    }
    if (mantissa == 0 || positions == 0) return;
    found_.push_back({signed_digits(mantissa) * bits / positions, layer_,
                      static_cast<std::size_t>(output), weight, positions});
  }

  const network::Network& network_;
  std::size_t layer_ = 0;
  std::vector<Candidate> found_;
};

}  // namespace

std::int64_t usable_multipliers(const network::Network& network) {
  std::int64_t usable = 0;
  for (const Candidate& candidate : Candidates(network).find()) usable += candidate.positions;
  return usable;
}

MultiplierChoice choose_multipliers(const network::Network& network, std::int64_t budget) {
  MultiplierChoice choice(network.layers().size());
  std::vector<Candidate> candidates = Candidates(network).find();
  // Outputs one after the other: what is left of a row whose products are in multipliers is small.
  std::ranges::sort(candidates, {}, [](const Candidate& candidate) {
    return std::tuple(-candidate.saved_bits, candidate.layer, candidate.output, candidate.weight);
  });
  for (const Candidate& candidate : candidates) {
    if (candidate.positions > budget) continue;
    budget -= candidate.positions;
    std::vector<bool>& weights = choice[candidate.layer];
    weights.resize(std::max(weights.size(), candidate.weight + 1));
    weights[candidate.weight] = true;
  }
  return choice;
}

}  // namespace sluice::synth
