#include "sluice/synth/pair_products.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <optional>

#include "sluice/circuit/multipliers.hpp"
#include "sluice/fixed/interval.hpp"
#include "sluice/synth/signed_digits.hpp"

namespace sluice::synth {

namespace {

using Gated = PairProducts::Gated;

// LUTs that a multiplier saves in the committed muon network: docs/design/estimate.md.
constexpr std::int64_t kMultiplierPrice = 34;

// Of what gates are considered for: their ticks are bits of a word, and differences do not
// overflow.
constexpr std::size_t kMostTicks = 64;
constexpr int kWidestWeight = 60;

// Weights as those of binary and ternary networks never take multipliers.
constexpr int kFewBits = 2;

/// Of another term in a sum: an adder of three operands takes two terms more.
std::int64_t term_price(std::int64_t weight, int width) {
  return (std::int64_t{canonical_digits(weight).count()} * width + 1) / 2;
}

/// What is left of the weights beside a constant, as bits of two's complement. Bits that are set at
/// the same ticks are one term, and those that are always set belong to the constant.
class GatedTerms {
 public:
  GatedTerms(std::span<const std::int64_t> weights, std::int64_t constant) : constant_(constant) {
    std::uint64_t below_sign = 0;
    for (const std::int64_t weight : weights) {
      const std::int64_t rest = weight - constant;
      below_sign |= static_cast<std::uint64_t>(rest < 0 ? ~rest : rest);
    }
    const int sign = std::bit_width(below_sign);
    for (int bit = 0; bit <= sign; ++bit) {
      std::uint64_t ticks = 0;
      for (std::size_t t = 0; t < weights.size(); ++t) {
        ticks |= static_cast<std::uint64_t>((weights[t] - constant) >> bit & 1) << t;
      }
      const std::int64_t value = std::int64_t{1} << bit;
      add(ticks, bit == sign ? -value : value, weights.size());
    }
  }

  std::int64_t constant() const { return constant_; }
  std::span<const Gated> terms() const { return std::span(terms_).first(count_); }

  std::int64_t price(int width) const {
    std::int64_t sum = term_price(constant_, width);
    for (const Gated& term : terms()) {
      if (term.weight != 0) sum += width + term_price(term.weight, width);
    }
    return sum;
  }

 private:
  void add(std::uint64_t ticks, std::int64_t weight, std::size_t all_ticks) {
    if (ticks == 0) return;
    if (std::popcount(ticks) == static_cast<int>(all_ticks)) {
      constant_ += weight;
      return;
    }
    for (std::size_t k = 0; k < count_; ++k) {
      if (terms_[k].ticks != ticks) continue;
      terms_[k].weight += weight;
      return;
    }
    terms_[count_++] = {ticks, weight};
  }

  std::int64_t constant_;
  std::array<Gated, kWidestWeight + 2> terms_;  // one per bit
  std::size_t count_ = 0;
};

/// Of the differences from `least`, without the zeros that all of them end in.
int varying_bits(std::span<const std::int64_t> weights, std::int64_t least) {
  std::uint64_t ones = 0;
  for (const std::int64_t weight : weights) ones |= static_cast<std::uint64_t>(weight - least);
  return ones == 0 ? 0 : std::bit_width(ones) - std::countr_zero(ones);
}

struct Choice {
  std::optional<GatedTerms> gated;  // none: a multiplier
  std::int64_t price = 0;
};

Choice cheapest(std::span<const std::int64_t> weights, const fixed::Format& x) {
  const auto [least, most] = std::ranges::minmax(weights);
  const fixed::Format format = fixed::format_of({least, most}, 0);
  Choice best{{}, kMultiplierPrice};
  if (!circuit::suits_multiplier(x, format)) best.price = std::int64_t{2} * x.width * format.width;
  if (weights.size() > kMostTicks || format.width > kWidestWeight) return best;
  if (varying_bits(weights, least) <= kFewBits)
    best.price = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t constant : std::array{std::int64_t{0}, least, most}) {
    const GatedTerms gated(weights, constant);
    const std::int64_t price = gated.price(x.width);
    if (price < best.price) best = {gated, price};
  }
  return best;
}

bool all_equal(std::span<const std::int64_t> weights) {
  return std::ranges::adjacent_find(weights, std::not_equal_to()) == weights.end();
}

}  // namespace

PairProducts plan_products(std::span<const std::int64_t> weights, const fixed::Format& x) {
  if (all_equal(weights)) return {.constant = weights.front()};
  const Choice choice = cheapest(weights, x);
  if (!choice.gated) return {.takes_multiplier = true};
  PairProducts made{.constant = choice.gated->constant()};
  for (const Gated& term : choice.gated->terms()) {
    if (term.weight != 0) made.gated.push_back(term);
  }
  return made;
}

std::int64_t price_of_products(std::span<const std::int64_t> weights, const fixed::Format& x) {
  return all_equal(weights) ? term_price(weights.front(), x.width) : cheapest(weights, x).price;
}

}  // namespace sluice::synth
