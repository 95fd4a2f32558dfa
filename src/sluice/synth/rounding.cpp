#include "sluice/synth/rounding.hpp"

#include <algorithm>
#include <variant>

#include "sluice/fixed/interval.hpp"

namespace sluice::synth {

namespace {

using fixed::Interval;
using fixed::Overflow;
using fixed::Quantizer;
using fixed::Rounding;
using network::Clamp;
using network::Layer;
using network::LayerId;
using network::Network;

bool saturates(const Quantizer& to) {
  return to.overflow == Overflow::sat || to.overflow == Overflow::sat_sym;
}

bool is_void(const Clamp& clamp, const Interval& range, int frac_bits, const Quantizer& to) {
  return (!clamp.lower ||
          is_void_clamp({*clamp.lower, clamp.frac_bits, false}, range, frac_bits, to)) &&
         (!clamp.upper ||
          is_void_clamp({*clamp.upper, clamp.frac_bits, true}, range, frac_bits, to));
}

class SoleUsers {
 public:
  explicit SoleUsers(const Network& network)
      : network_(network), users_(network.layers().size()), counts_(users_.size()) {
    for (std::size_t id = 0; id < users_.size(); ++id) {
      for (const LayerId operand : network.layers()[id].operands) {
        users_[index(operand)] = id;
        ++counts_[index(operand)];
      }
    }
    for (const LayerId output : network.outputs()) counts_[index(output)] += 2;
  }

  /// The layer that alone reads layer `id`; null where there is none.
  const Layer* of(std::size_t id) const {
    return counts_[id] == 1 ? &network_.layers()[users_[id]] : nullptr;
  }
  std::size_t index_of(const Layer& layer) const {
    return static_cast<std::size_t>(&layer - network_.layers().data());
  }

 private:
  const Network& network_;
  std::vector<std::size_t> users_;  // the last one
  std::vector<int> counts_;
};

std::vector<const Quantizer*> quantizers_behind(std::size_t id, const Network& network,
                                                const SoleUsers& users) {
  const network::TensorType& sum = network.layers()[id].type;
  std::vector<const Clamp*> clamps;
  const Layer* user = users.of(id);
  while (user != nullptr && !std::holds_alternative<network::Quantize>(user->op)) {
    const auto* clamp = std::get_if<Clamp>(&user->op);
    if (clamp == nullptr && !std::holds_alternative<network::Reshape>(user->op)) return {};
    if (clamp != nullptr) clamps.push_back(clamp);
    user = users.of(users.index_of(*user));
  }
  if (user == nullptr) return {};
  std::vector<const Quantizer*> quantizers;
  for (std::size_t i = 0; i < sum.ranges.size(); ++i) {
    const Quantizer& to = std::get<network::Quantize>(user->op).of(i);
    const bool reads_sum = std::ranges::all_of(clamps, [&](const Clamp* clamp) {
      return is_void(*clamp, sum.ranges[i], sum.format.frac_bits, to);
    });
    quantizers.push_back(reads_sum ? &to : nullptr);
  }
  return quantizers;
}

}  // namespace

bool is_monotonic(const Interval& range, int frac_bits, const Quantizer& to) {
  if (saturates(to)) return true;
  const Quantizer unlimited{{64, to.format.frac_bits, true}, to.rounding, Overflow::sat};
  return fixed::range_of(to.format).contains(fixed::quantize(range, frac_bits, unlimited));
}

bool is_void_clamp(const ClampBound& bound, const Interval& range, int frac_bits,
                   const Quantizer& to) {
  if (!is_monotonic(range, frac_bits, to)) return false;
  const std::int64_t limit = fixed::quantize(bound.mantissa, bound.frac_bits, to);
  const Interval result = fixed::quantize(range, frac_bits, to);
  return bound.is_upper ? limit >= result.max : limit <= result.min;
}

Rounding simplest_rounding(const Interval& range, int frac_bits, const Quantizer& to) {
  const int dropped_bits = frac_bits - to.format.frac_bits;
  if (dropped_bits <= 0) return Rounding::trn;
  // What is negative becomes 0 however it is rounded, where that is what overflow makes of it.
  const bool no_sign = range.min >= 0 || (!to.format.is_signed && to.overflow != Overflow::wrap);
  const Rounding rounding = [&] {
    if (!no_sign) return to.rounding;
    if (to.rounding == Rounding::trn_zero) return Rounding::trn;
    if (to.rounding == Rounding::rnd_zero) return Rounding::rnd_min_inf;
    return to.rounding == Rounding::rnd_inf ? Rounding::rnd : to.rounding;
  }();
  return rounding == Rounding::rnd_min_inf && dropped_bits == 1 ? Rounding::trn : rounding;
}

std::optional<FoldedRounding> folded_rounding(Rounding rounding, int dropped_bits, int zero_bits) {
  const std::int64_t half = std::int64_t{1} << (dropped_bits - 1);
  const std::int64_t unit = std::int64_t{1} << zero_bits;
  switch (rounding) {
    case Rounding::rnd:
      return FoldedRounding{half};
    case Rounding::rnd_conv:
      return FoldedRounding{half, true};
    case Rounding::rnd_min_inf:
      if (half == unit) return std::nullopt;
      return FoldedRounding{half - unit};
    case Rounding::trn:
    case Rounding::trn_zero:
    case Rounding::rnd_zero:
    case Rounding::rnd_inf:
      break;
  }
  return std::nullopt;
}

std::vector<std::vector<const Quantizer*>> sole_quantizers(const Network& network) {
  const SoleUsers users(network);
  std::vector<std::vector<const Quantizer*>> found;
  for (std::size_t id = 0; id < network.layers().size(); ++id) {
    const network::LayerOp& op = network.layers()[id].op;
    const bool is_linear =
        std::holds_alternative<network::Dense>(op) || std::holds_alternative<network::Affine>(op);
    found.push_back(is_linear ? quantizers_behind(id, network, users)
                              : std::vector<const Quantizer*>{});
    found.back().resize(network.layers()[id].type.ranges.size());
  }
  return found;
}

}  // namespace sluice::synth
