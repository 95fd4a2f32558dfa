#include "sluice/synth/pattern_sharing.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <optional>
#include <queue>
#include <tuple>
#include <utility>

#include "sluice/base/check.hpp"
#include "sluice/synth/node_digits.hpp"
#include "sluice/synth/signed_digits.hpp"

namespace sluice::synth {

namespace {

using fixed::Interval;

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

  bool any() const noexcept { return (plus | minus) != 0; }
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

Places find_places(const Pattern& pattern, const SignedDigits& a, const SignedDigits& b) {
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
    add_initial_candidates(sums.nodes);
    while (!queue_.empty()) share_best();
    std::vector<AdderTerm> terms;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      terms.push_back(sum_row(row, sums.bias[row]));
    }
    return terms;
  }

 private:
  struct Row {
    std::vector<std::int32_t> nodes;  // with digits in this row, ascending
    /// Sum of 2^depth over the terms: a tree of height h exists if and only if it is <= 2^h.
    std::uint64_t depth_weight = 0;
    std::uint64_t largest_depth_weight = 0;
  };

  static constexpr std::int64_t kFactorUnit = 1024;

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

  /// Candidates in buckets of nearly the same score, of which only the best one is in order: most
  /// candidates are of low scores, and those that are still of use there come up together.
  class Queue {
   public:
    bool empty() const noexcept { return size_ == 0; }

    void push(const Candidate& candidate) {
      const auto bucket = static_cast<std::size_t>(candidate.score / kScoresPerBucket);
      ++size_;
      if (bucket >= current_) {
        recent_.push(candidate);
        return;
      }
      if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
      buckets_[bucket].push_back(candidate);
    }

    /// Not of an empty queue; nor is pop().
    const Candidate& top() {
      while (sorted_.empty() && recent_.empty()) {
        current_ = std::min(current_, buckets_.size()) - 1;
        sorted_ = std::move(buckets_[current_]);
        buckets_.resize(current_);
        std::ranges::sort(sorted_, std::less<>());
      }
      return is_recent_next() ? recent_.top() : sorted_.back();
    }

    Candidate pop() {
      const Candidate best = top();
      is_recent_next() ? recent_.pop() : sorted_.pop_back();
      --size_;
      return best;
    }

   private:
    static constexpr std::int64_t kScoresPerBucket = 8 * kFactorUnit;

    bool is_recent_next() const {
      return sorted_.empty() || (!recent_.empty() && sorted_.back() < recent_.top());
    }

    std::size_t size_ = 0;
    std::vector<std::vector<Candidate>> buckets_;
    // Buckets from this one up are in the two members below.
    std::size_t current_ = std::numeric_limits<std::size_t>::max();
    std::vector<Candidate> sorted_;  // best last
    std::priority_queue<Candidate> recent_;
  };

  // Depth weights are sums in 64 bits.
  static constexpr int kDeepestTree = 56;

  void load_digits(const SumRows& sums) {
    std::vector<std::size_t> order(sums.nodes.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return sums.nodes[i]; });
    for (const std::size_t i : order) {
      const std::int32_t node = sums.nodes[i];
      NodeDigits& own = digits_of(node);
      own = NodeDigits(rows_.size());
      for (std::size_t row = 0; row < rows_.size(); ++row) {
        const std::int64_t weight = sums.matrix[i * rows_.size() + row];
        if (weight == 0) continue;
        const SignedDigits digits = canonical_digits(weight);
        own.insert(static_cast<std::int32_t>(row), digits);
        rows_[row].nodes.push_back(node);
        rows_[row].depth_weight += static_cast<std::uint64_t>(digits.count())
                                   << builder_.node(node).depth;
      }
    }
  }

  NodeDigits& digits_of(std::int32_t node) {
    const auto needed = static_cast<std::size_t>(node) + 1;
    if (digits_.size() < needed) digits_.resize(needed);
    return digits_[needed - 1];
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

  /// Calls `visit(row, digits of a, digits of b)` for every row that has both; a <= b.
  template <class Visit>
  void for_each_common_row(std::int32_t a, std::int32_t b, Visit&& visit) {
    // The later one first, as its digits may be a new entry.
    const NodeDigits& of_b = digits_of(b);
    const NodeDigits& of_a = digits_of(a);
    if (of_a.is_dense() || of_b.is_dense()) {
      const bool by_a = !of_a.is_dense() || (of_b.is_dense() && of_a.size() < of_b.size());
      const NodeDigits& rarer = by_a ? of_a : of_b;
      const NodeDigits& other = by_a ? of_b : of_a;
      for (std::size_t i = 0; i < rarer.size(); ++i) {
        const std::int32_t row = rarer.rows()[i];
        const SignedDigits* const y = other.find(row);
        if (y == nullptr) continue;
        const SignedDigits& x = rarer.digits_at(i);
        visit(row, by_a ? x : *y, by_a ? *y : x);
      }
      return;
    }
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < of_a.size() && j < of_b.size()) {
      const std::int32_t row = of_a.rows()[i];
      const std::int32_t other = of_b.rows()[j];
      if (row == other) visit(row, of_a.digits_at(i), of_b.digits_at(j));
      i += row <= other ? 1 : 0;
      j += other <= row ? 1 : 0;
    }
  }

  /// Calls `visit(row, places)` for every row in which the pattern may be
  /// used.
  template <class Visit>
  void for_each_use(const Pattern& pattern, Visit&& visit) {
    const std::uint64_t growth = depth_weight_growth(pattern);
    for_each_common_row(
        pattern.a, pattern.b,
        [&](std::int32_t row_index, const SignedDigits& a, const SignedDigits& b) {
          Places places = find_places(pattern, a, b);
          if (!places.any()) return;
          const Row& row = rows_[static_cast<std::size_t>(row_index)];
          const std::uint64_t slack = row.largest_depth_weight - row.depth_weight;
          while (places.any() && growth * static_cast<std::uint64_t>(places.count()) > slack) {
            std::uint64_t& mask = places.plus > places.minus ? places.plus : places.minus;
            mask &= ~std::bit_floor(mask);
          }
          if (places.any()) visit(row_index, places);
        });
  }

  int count_uses(const Pattern& pattern) {
    int uses = 0;
    for_each_use(pattern, [&](std::int32_t, const Places& places) { uses += places.count(); });
    return uses;
  }

  void add_initial_candidates(const std::vector<std::int32_t>& nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      for (std::size_t j = i; j < nodes.size(); ++j) {
        add_candidates(std::min(nodes[i], nodes[j]), std::max(nodes[i], nodes[j]));
      }
    }
  }

  /// Queues the patterns of the node with any other that occur at least twice: only rows with
  /// digits of the node are looked at.
  void add_candidates_with(std::int32_t node) {
    partners_.clear();
    pairs_.resize(digits_.size());
    for (const std::int32_t row : digits_of(node).rows()) {
      const int own = digits_of(node).find(row)->count();
      for (const std::int32_t partner : rows_[static_cast<std::size_t>(row)].nodes) {
        std::int32_t& pairs = pairs_[static_cast<std::size_t>(partner)];
        if (pairs == 0) partners_.push_back(partner);
        pairs += own > 1 ? 2 : 1;
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
    for_each_common_row(a, b, [&](std::int32_t, const SignedDigits& x, const SignedDigits& y) {
      for (std::uint64_t xs = x.plus | x.minus; xs != 0; xs &= xs - 1) {
        const int p = std::countr_zero(xs);
        for (std::uint64_t ys = y.plus | y.minus; ys != 0; ys &= ys - 1) {
          const int q = std::countr_zero(ys);
          if (a == b && q <= p) continue;
          const bool subtract = ((x.minus >> p) & 1) != ((y.minus >> q) & 1);
          const int column = q - p + kDigitPositions;
          ++counts_[subtract ? 1 : 0][static_cast<std::size_t>(column)];
          lowest = std::min(lowest, q - p);
          highest = std::max(highest, q - p);
        }
      }
    });
    for (int shift = lowest; shift <= highest; ++shift) {
      for (const bool subtract : {false, true}) {
        const int column = shift + kDigitPositions;
        const std::int32_t count =
            std::exchange(counts_[subtract ? 1 : 0][static_cast<std::size_t>(column)], 0);
        if (count >= 2) queue_.push(candidate({a, b, shift, subtract}, count));
      }
    }
  }

  Candidate candidate(const Pattern& pattern, int uses) const {
    const int cost = cost_of(pattern);
    return {score(uses, cost, pattern), depth_of(pattern), cost, pattern};
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
    Candidate best = queue_.pop();
    const auto [a, b, shift, subtract] = best.pattern;
    const std::optional<int> most_uses = digits_of(a).most_common(digits_of(b), shift, subtract);
    if (most_uses && !is_still_best(best, *most_uses)) return;
    if (is_still_best(best, count_uses(best.pattern))) share(best.pattern);
  }

  /// With so many uses. Where others have become better the candidate waits again.
  bool is_still_best(Candidate& best, int uses) {
    if (uses < 2) return false;
    const std::int64_t now = score(uses, best.cost, best.pattern);
    if (now >= best.score) return true;
    best.score = now;
    if (queue_.empty() || !(best < queue_.top())) return true;
    queue_.push(best);
    return false;
  }

  void share(const Pattern& pattern) {
    const int base = std::max(0, -pattern.shift);
    const AdderTerm shared =
        builder_.sum(std::array{AdderTerm{pattern.a, base, false},
                                AdderTerm{pattern.b, base + pattern.shift, pattern.subtract}});
    const std::int32_t node = shared.node;
    const std::uint64_t growth = depth_weight_growth(pattern);
    const int offset = shared.shift - base;  // of the new digit against a's
    std::vector<std::pair<std::int32_t, SignedDigits>> made;
    for_each_use(pattern, [&](std::int32_t row, const Places& places) {
      const std::uint64_t b_plus = shifted_down(places.plus, -pattern.shift);
      const std::uint64_t b_minus = shifted_down(places.minus, -pattern.shift);
      digits_of(pattern.a).take(row, {places.plus, places.minus});
      digits_of(pattern.b).take(
          row, pattern.subtract ? SignedDigits{b_minus, b_plus} : SignedDigits{b_plus, b_minus});
      SignedDigits digits{shifted_down(places.plus, -offset), shifted_down(places.minus, -offset)};
      if (shared.negative) std::swap(digits.plus, digits.minus);
      made.emplace_back(row, digits);
      rows_[static_cast<std::size_t>(row)].depth_weight +=
          growth * static_cast<std::uint64_t>(places.count());
    });
    drop_empty(pattern.a);
    if (pattern.b != pattern.a) drop_empty(pattern.b);
    for (const auto& [row, digits] : made) add_digits(node, row, digits);
    add_candidates_with(node);
  }

  void drop_empty(std::int32_t node) {
    digits_of(node).drop_empty([&](std::int32_t row) {
      std::vector<std::int32_t>& nodes = rows_[static_cast<std::size_t>(row)].nodes;
      nodes.erase(std::ranges::lower_bound(nodes, node));
    });
  }

  // A pattern that was shared before, up to the depth limit of a row, may be shared again.
  void add_digits(std::int32_t node, std::int32_t row, const SignedDigits& digits) {
    if (const SignedDigits* const known = digits_of(node).find(row)) {
      SLUICE_CHECK(((known->plus | known->minus) & (digits.plus | digits.minus)) == 0,
                   "node {} twice at one place of row {}", node, row);
      digits_of(node).add(row, digits);
      return;
    }
    digits_of(node).insert(row, digits);
    std::vector<std::int32_t>& nodes = rows_[static_cast<std::size_t>(row)].nodes;
    nodes.insert(std::ranges::upper_bound(nodes, node), node);
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
    for (const std::int32_t node : rows_[row].nodes) {
      const SignedDigits digits = *digits_of(node).find(static_cast<std::int32_t>(row));
      for (int p = 0; p < kDigitPositions; ++p) {
        const bool minus = ((digits.minus >> p) & 1) != 0;
        if (minus || ((digits.plus >> p) & 1) != 0) items.push_back(make_item({node, p, minus}));
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
  std::vector<NodeDigits> digits_;      // by node
  std::vector<std::int32_t> pairs_;     // by node, all 0 between calls
  std::vector<std::int32_t> partners_;  // whose pairs_ are not 0
  // By sign and shift of a pattern, all 0 between calls.
  std::array<std::array<std::int32_t, 2 * std::size_t{kDigitPositions}>, 2> counts_{};
  Queue queue_;
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
