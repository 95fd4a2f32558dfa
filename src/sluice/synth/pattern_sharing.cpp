#include "sluice/synth/pattern_sharing.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <queue>
#include <tuple>
#include <utility>

#include "sluice/base/check.hpp"
#include "sluice/synth/signed_digits.hpp"

namespace sluice::synth {

namespace {

using fixed::Interval;

/// Signed digits of one node in one output row: bit p of `plus` stands for +node * 2^p.
struct Digits {
  std::int32_t node = 0;
  std::uint64_t plus = 0;
  std::uint64_t minus = 0;

  bool empty() const noexcept { return (plus | minus) == 0; }
  int count() const noexcept { return std::popcount(plus) + std::popcount(minus); }
};

/// `a + b * 2^shift`, or `a - b * 2^shift`, with a <= b; the shift of b against a may be negative.
struct Pattern {
  std::int32_t a = 0;
  std::int32_t b = 0;
  std::int32_t shift = 0;
  bool subtract = false;

  // clang-tidy 14 takes the 0 inside a defaulted comparison for a null pointer.
  friend auto operator<=>(const Pattern&,
                          const Pattern&) = default;  // NOLINT(modernize-use-nullptr)
};

/// Bits of the low operand at which a pattern stands, once as it is and once negated.
struct Places {
  std::uint64_t plus = 0;
  std::uint64_t minus = 0;

  int count() const noexcept { return std::popcount(plus) + std::popcount(minus); }
};

std::uint64_t shifted_down(std::uint64_t mask, int shift) {
  return shift >= 0 ? mask >> shift : mask << -shift;
}

/// The position above the highest bit of low + high * 2^shift, or minus, without regard to what the
/// two have in common.
int sum_top(const Interval& low, const Interval& high, int shift, bool subtract) {
  __extension__ using Wide = __int128;
  const Wide high_min = Wide{subtract ? -high.max : high.min} << shift;
  const Wide high_max = Wide{subtract ? -high.min : high.max} << shift;
  const Wide min = low.min + high_min;
  Wide magnitude = std::max(low.max + high_max, -min - 1);
  int top = min < 0 ? 1 : 0;
  for (; magnitude > 0; magnitude >>= 1) ++top;
  return top;
}

/// Drops places that use a digit of another place: only a pattern of one node with itself can.
std::uint64_t without_overlaps(std::uint64_t places, int shift) {
  std::uint64_t kept = 0;
  for (std::uint64_t rest = places; rest != 0; rest &= rest - 1) {
    const std::uint64_t bit = rest & (~rest + 1);
    if ((kept & (bit >> shift)) == 0) kept |= bit;
  }
  return kept;
}

Places find_places(const Pattern& pattern, const Digits& a, const Digits& b) {
  const std::uint64_t b_plus = shifted_down(pattern.subtract ? b.minus : b.plus, pattern.shift);
  const std::uint64_t b_minus = shifted_down(pattern.subtract ? b.plus : b.minus, pattern.shift);
  Places places{a.plus & b_plus, a.minus & b_minus};
  if (pattern.a == pattern.b) {
    const std::uint64_t kept = without_overlaps(places.plus | places.minus, pattern.shift);
    places.plus &= kept;
    places.minus &= kept;
  }
  return places;
}

/// Greedy two-term sharing over the signed digits of a matrix.
///
/// A pattern's count is found when the pattern appears, and only falls after that. So the heap
/// holds upper bounds, and a pattern is counted again only when it is on top: rows that an
/// extraction touches need no update of their pairs.
class PatternSharing {
 public:
  PatternSharing(AdderGraphBuilder& builder, const SumRows& sums, std::uint64_t variation)
      : builder_(builder), variation_(variation), rows_(sums.bias.size()) {
    load_digits(sums);
    set_depth_limits(sums);
  }

  std::vector<AdderTerm> build(const SumRows& sums) && {
    for (const std::int32_t node : sums.nodes) add_candidates_up_to(node);
    while (!heap_.empty()) share_best();
    std::vector<AdderTerm> terms;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      terms.push_back(sum_row(row, sums.bias[row]));
    }
    return terms;
  }

 private:
  struct Row {
    std::vector<Digits> digits;  // none empty, ascending nodes
    /// Sum of 2^depth over the terms: a tree of height h exists if and only if it is <= 2^h.
    std::uint64_t depth_weight = 0;
    std::uint64_t largest_depth_weight = 0;
  };

  struct Candidate {
    std::int64_t score = 0;
    std::int32_t depth = 0;
    std::int32_t cost = 0;  // of the adder that each use saves
    Pattern pattern;

    // The heap's top: highest score, then the shallowest, then the smallest pattern.
    friend bool operator<(const Candidate& x, const Candidate& y) {
      return std::tie(x.score, y.depth, y.pattern) < std::tie(y.score, x.depth, x.pattern);
    }
  };

  static constexpr std::int64_t kFactorUnit = 1024;
  static constexpr int kDigitPositions = 64;
  // Depth weights are sums in 64 bits.
  static constexpr int kDeepestTree = 56;

  void load_digits(const SumRows& sums) {
    std::vector<std::size_t> order(sums.nodes.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return sums.nodes[i]; });
    for (const std::size_t i : order) {
      const std::int32_t node = sums.nodes[i];
      rows_of(node);
      for (std::size_t row = 0; row < rows_.size(); ++row) {
        const std::int64_t weight = sums.matrix[i * rows_.size() + row];
        if (weight == 0) continue;
        const SignedDigits digits = canonical_digits(weight);
        rows_of(node).push_back(static_cast<std::int32_t>(row));
        rows_[row].digits.push_back({node, digits.plus, digits.minus});
        rows_[row].depth_weight += static_cast<std::uint64_t>(digits.count())
                                   << builder_.node(node).depth;
      }
    }
  }

  /// Rows with digits of the node, ascending.
  std::vector<std::int32_t>& rows_of(std::int32_t node) {
    const auto needed = static_cast<std::size_t>(node) + 1;
    if (rows_of_.size() < needed) rows_of_.resize(needed);
    return rows_of_[needed - 1];
  }

  static Digits* find(Row& row, std::int32_t node) {
    const auto at = std::ranges::lower_bound(row.digits, node, {}, &Digits::node);
    return at != row.digits.end() && at->node == node ? &*at : nullptr;
  }

  void set_depth_limits(const SumRows& sums) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      Row& row = rows_[i];
      if (sums.bias[i] != 0) ++row.depth_weight;
      const std::uint64_t weight = std::max<std::uint64_t>(row.depth_weight, 1);
      const int least_depth = std::bit_width(weight - 1);
      const int depth = std::max(least_depth, std::min(sums.depth_limits[i], kDeepestTree));
      row.largest_depth_weight = std::uint64_t{1} << depth;
    }
  }

  std::int32_t depth_of(const Pattern& pattern) const {
    return std::max(builder_.node(pattern.a).depth, builder_.node(pattern.b).depth) + 1;
  }

  /// By how much one use of the pattern raises a row's depth weight.
  std::uint64_t depth_weight_growth(const Pattern& pattern) const {
    const auto weight = [&](std::int32_t depth) { return std::uint64_t{1} << depth; };
    return weight(depth_of(pattern)) - weight(builder_.node(pattern.a).depth) -
           weight(builder_.node(pattern.b).depth);
  }

  /// Calls `visit(row, digits of a, digits of b, places)` for every row in which the pattern may be
  /// used.
  template <class Visit>
  void for_each_use(const Pattern& pattern, Visit&& visit) {
    const std::uint64_t growth = depth_weight_growth(pattern);
    const bool a_is_rarer = rows_of(pattern.a).size() < rows_of(pattern.b).size();
    for (const std::int32_t row_index : rows_of(a_is_rarer ? pattern.a : pattern.b)) {
      Row& row = rows_[static_cast<std::size_t>(row_index)];
      Digits* const a = find(row, pattern.a);
      Digits* const b = find(row, pattern.b);
      if (a == nullptr || b == nullptr) continue;
      Places places = find_places(pattern, *a, *b);
      if (places.count() == 0) continue;
      const std::uint64_t slack = row.largest_depth_weight - row.depth_weight;
      while (places.count() > 0 && growth * static_cast<std::uint64_t>(places.count()) > slack) {
        std::uint64_t& mask = places.plus > places.minus ? places.plus : places.minus;
        mask &= ~std::bit_floor(mask);
      }
      if (places.count() > 0) visit(row_index, *a, *b, places);
    }
  }

  int count_uses(const Pattern& pattern) {
    int uses = 0;
    for_each_use(pattern, [&](std::int32_t, Digits&, Digits&, const Places& places) {
      uses += places.count();
    });
    return uses;
  }

  /// Queues the patterns of the node with itself and with nodes before it that occur at least
  /// twice.
  void add_candidates_up_to(std::int32_t node) {
    add_candidates(node, [&](std::int32_t partner) { return partner <= node; });
  }

  /// Queues the patterns of the node with any other that occur at least twice: only rows with
  /// digits of the node are looked at.
  void add_candidates_with(std::int32_t node) {
    add_candidates(node, [](std::int32_t) { return true; });
  }

  template <class Eligible>
  void add_candidates(std::int32_t node, Eligible&& eligible) {
    partners_.clear();
    pairs_.resize(rows_of_.size());
    for (const std::int32_t row : rows_of(node)) {
      const Digits& own = *find(rows_[static_cast<std::size_t>(row)], node);
      for (const Digits& other : rows_[static_cast<std::size_t>(row)].digits) {
        if (!eligible(other.node)) continue;
        std::int32_t& pairs = pairs_[static_cast<std::size_t>(other.node)];
        if (pairs == 0) partners_.push_back(other.node);
        pairs += own.count() * other.count();
      }
    }
    std::ranges::sort(partners_);
    for (const std::int32_t partner : partners_) {
      const std::int32_t pairs = std::exchange(pairs_[static_cast<std::size_t>(partner)], 0);
      if (pairs >= 2) add_candidates(std::min(partner, node), std::max(partner, node));
    }
  }

  /// Counts every pattern of two nodes, a <= b, and queues those that occur at least twice.
  void add_candidates(std::int32_t a, std::int32_t b) {
    int lowest = kDigitPositions;
    int highest = -kDigitPositions;
    const bool a_is_rarer = rows_of(a).size() < rows_of(b).size();
    for (const std::int32_t row_index : rows_of(a_is_rarer ? a : b)) {
      Row& row = rows_[static_cast<std::size_t>(row_index)];
      const Digits* const x = find(row, a);
      const Digits* const y = find(row, b);
      if (x == nullptr || y == nullptr) continue;
      for (std::uint64_t xs = x->plus | x->minus; xs != 0; xs &= xs - 1) {
        const int p = std::countr_zero(xs);
        for (std::uint64_t ys = y->plus | y->minus; ys != 0; ys &= ys - 1) {
          const int q = std::countr_zero(ys);
          if (a == b && q <= p) continue;
          const bool subtract = ((x->minus >> p) & 1) != ((y->minus >> q) & 1);
          ++counts_[subtract ? 1 : 0][static_cast<std::size_t>(q - p + kDigitPositions)];
          lowest = std::min(lowest, q - p);
          highest = std::max(highest, q - p);
        }
      }
    }
    for (int shift = lowest; shift <= highest; ++shift) {
      for (const bool subtract : {false, true}) {
        const auto column = static_cast<std::size_t>(shift + kDigitPositions);
        const std::int32_t count = std::exchange(counts_[subtract ? 1 : 0][column], 0);
        if (count >= 2) add_candidate({a, b, shift, subtract}, count);
      }
    }
  }

  void add_candidate(const Pattern& pattern, int uses) {
    const int cost = cost_of(pattern);
    heap_.push({score(uses, cost, pattern), depth_of(pattern), cost, pattern});
  }

  /// Of the pattern's sum, its low operand not negated.
  int cost_of(const Pattern& pattern) const {
    const Interval& a = builder_.node(pattern.a).range;
    const Interval& b = builder_.node(pattern.b).range;
    const std::array operands{bit_span(a, std::max(0, -pattern.shift)),
                              bit_span(b, std::max(0, pattern.shift))};
    const bool a_is_high = pattern.shift < 0;
    const Interval& low = a_is_high ? b : a;
    const Interval& high = a_is_high ? a : b;
    return adder_cost(operands, sum_top(low, high, std::abs(pattern.shift), pattern.subtract),
                      pattern.subtract);
  }

  std::int64_t score(int uses, int cost, const Pattern& pattern) const {
    return std::int64_t{uses} * cost * factor(pattern);
  }

  /// 1, or for a variation something up to an eighth more.
  std::int64_t factor(const Pattern& pattern) const {
    if (variation_ == 0) return kFactorUnit;
    std::uint64_t hash = variation_;
    for (const std::int64_t part : {std::int64_t{pattern.a}, std::int64_t{pattern.b},
                                    std::int64_t{pattern.shift}, std::int64_t{pattern.subtract}}) {
      hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9E3779B97F4A7C15ULL;
      hash ^= hash >> 29;
    }
    return kFactorUnit + static_cast<std::int64_t>(hash % (kFactorUnit / 8));
  }

  void share_best() {
    Candidate best = heap_.top();
    heap_.pop();
    const int uses = count_uses(best.pattern);
    if (uses < 2) return;
    if (const std::int64_t now = score(uses, best.cost, best.pattern); now < best.score) {
      best.score = now;
      if (!heap_.empty() && best < heap_.top()) {
        heap_.push(best);
        return;
      }
    }
    share(best.pattern);
  }

  void share(const Pattern& pattern) {
    const int base = std::max(0, -pattern.shift);
    const AdderTerm shared =
        builder_.sum(std::array{AdderTerm{pattern.a, base, false},
                                AdderTerm{pattern.b, base + pattern.shift, pattern.subtract}});
    const std::int32_t node = shared.node;
    const std::uint64_t growth = depth_weight_growth(pattern);
    const int offset = shared.shift - base;  // of the new digit against a's
    std::vector<std::pair<std::int32_t, Digits>> made;
    for_each_use(pattern, [&](std::int32_t row, Digits& a, Digits& b, const Places& places) {
      a.plus &= ~places.plus;
      a.minus &= ~places.minus;
      const std::uint64_t b_plus = shifted_down(places.plus, -pattern.shift);
      const std::uint64_t b_minus = shifted_down(places.minus, -pattern.shift);
      b.plus &= ~(pattern.subtract ? b_minus : b_plus);
      b.minus &= ~(pattern.subtract ? b_plus : b_minus);
      Digits digits{node, shifted_down(places.plus, -offset), shifted_down(places.minus, -offset)};
      if (shared.negative) std::swap(digits.plus, digits.minus);
      made.emplace_back(row, digits);
      rows_[static_cast<std::size_t>(row)].depth_weight +=
          growth * static_cast<std::uint64_t>(places.count());
    });
    remove_empty(pattern.a);
    if (pattern.b != pattern.a) remove_empty(pattern.b);
    for (const auto& [row, digits] : made) add_digits(row, digits);
    add_candidates_with(node);
  }

  void remove_empty(std::int32_t node) {
    std::erase_if(rows_of(node), [&](std::int32_t row_index) {
      Row& row = rows_[static_cast<std::size_t>(row_index)];
      const auto at = std::ranges::lower_bound(row.digits, node, {}, &Digits::node);
      if (!at->empty()) return false;
      row.digits.erase(at);
      return true;
    });
  }

  // A pattern that was shared before, up to the depth limit of a row, may be shared again.
  void add_digits(std::int32_t row_index, const Digits& digits) {
    Row& row = rows_[static_cast<std::size_t>(row_index)];
    const auto at = std::ranges::lower_bound(row.digits, digits.node, {}, &Digits::node);
    if (at != row.digits.end() && at->node == digits.node) {
      SLUICE_CHECK(((at->plus | at->minus) & (digits.plus | digits.minus)) == 0,
                   "node {} twice at one place of row {}", digits.node, row_index);
      at->plus |= digits.plus;
      at->minus |= digits.minus;
      return;
    }
    row.digits.insert(at, digits);
    std::vector<std::int32_t>& rows = rows_of(digits.node);
    rows.insert(std::ranges::upper_bound(rows, row_index), row_index);
  }

  struct Item {
    AdderTerm term;
    int top = 0;  // position above the highest bit
    int depth = 0;
  };

  Item make_item(const AdderTerm& term) const {
    const AdderNode& node = builder_.node(term.node);
    const int width = fixed::format_of(node.range, 0).width;
    return {term, width + term.shift, node.depth};
  }

  static bool narrower(const Item& x, const Item& y) {
    return std::tie(x.top, x.depth, x.term.shift, x.term.node) <
           std::tie(y.top, y.depth, y.term.shift, y.term.node);
  }

  std::vector<Item> row_items(std::size_t row, std::int64_t bias) {
    std::vector<Item> items;
    for (const Digits& digits : rows_[row].digits) {
      for (int p = 0; p < kDigitPositions; ++p) {
        const bool minus = ((digits.minus >> p) & 1) != 0;
        if (minus || ((digits.plus >> p) & 1) != 0)
          items.push_back(make_item({digits.node, p, minus}));
      }
    }
    if (bias != 0) items.push_back(make_item(builder_.constant(bias)));
    return items;
  }

  /// Sums the terms of a row: always the two narrowest whose sum leaves a tree within the depth
  /// limit. Each adder costs about its top position less its operands' larger shift; the shifts
  /// add up to the same in every tree, so only the tops matter.
  AdderTerm sum_row(std::size_t row, std::int64_t bias) {
    std::vector<Item> items = row_items(row, bias);
    if (items.empty()) return {};
    std::ranges::sort(items, narrower);
    std::uint64_t weight = rows_[row].depth_weight;
    const auto weight_of = [](const Item& item) { return std::uint64_t{1} << item.depth; };
    while (items.size() > 1) {
      const auto [i, j] = narrowest_pair(items, weight, rows_[row].largest_depth_weight);
      const SumForm form = items.size() == 2 ? SumForm::positive : SumForm::narrowest;
      const Item merged = make_item(builder_.sum(std::array{items[i].term, items[j].term}, form));
      weight += weight_of(merged) - weight_of(items[i]) - weight_of(items[j]);
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(j));
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
      items.insert(std::ranges::upper_bound(items, merged, narrower), merged);
    }
    return items.front().term;
  }

  static std::pair<std::size_t, std::size_t> narrowest_pair(const std::vector<Item>& items,
                                                            std::uint64_t weight,
                                                            std::uint64_t largest_weight) {
    for (std::size_t j = 1; j < items.size(); ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        const int deeper = std::max(items[i].depth, items[j].depth);
        const int shallower = std::min(items[i].depth, items[j].depth);
        const std::uint64_t growth = (std::uint64_t{1} << deeper) - (std::uint64_t{1} << shallower);
        if (weight + growth <= largest_weight) return {i, j};
      }
    }
    SLUICE_CHECK(false, "no pair of {} terms fits the depth limit", items.size());
    return {};
  }

  AdderGraphBuilder& builder_;
  std::uint64_t variation_;
  std::vector<Row> rows_;
  std::vector<std::vector<std::int32_t>> rows_of_;  // by node
  std::vector<std::int32_t> pairs_;  // by node, all 0 between calls; and whose are not
  std::vector<std::int32_t> partners_;
  // By sign and shift of a pattern, all 0 between calls.
  std::array<std::array<std::int32_t, 2 * std::size_t{kDigitPositions}>, 2> counts_{};
  std::priority_queue<Candidate> heap_;
};

}  // namespace

std::vector<AdderTerm> build_sums(AdderGraphBuilder& graph, const SumRows& sums,
                                  std::uint64_t variation) {
  SLUICE_CHECK(sums.matrix.size() == sums.nodes.size() * sums.bias.size() &&
                   sums.depth_limits.size() == sums.bias.size(),
               "a matrix of {} for {} x {}", sums.matrix.size(), sums.nodes.size(),
               sums.bias.size());
  return PatternSharing(graph, sums, variation).build(sums);
}

}  // namespace sluice::synth
