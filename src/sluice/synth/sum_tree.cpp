#include "sluice/synth/sum_tree.hpp"

#include <algorithm>
#include <bit>
#include <tuple>

#include "sluice/base/check.hpp"

namespace sluice::synth {

namespace {

__extension__ typedef __int128 Wide;

int time_of(std::size_t operands) { return operands == 3 ? kTernaryAdderTime : kAdderTime; }

int bit_width(Wide value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  return high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<std::uint64_t>(value));
}

/// When all is added up if the earliest are added first, always `most` of them as far as the number
/// of the rest allows.
int earliest_by(std::vector<int> times, std::size_t most) {
  std::ranges::sort(times, std::greater<>());
  while (times.size() > 1) {
    const std::size_t count = times.size() % 2 == 0 ? 2 : most;
    const int ready = times[times.size() - count] + time_of(count);
    times.resize(times.size() - count);
    times.insert(std::ranges::lower_bound(times, ready, std::greater<>()), ready);
  }
  return times.front();
}

/// No adder later than that: a bound that needs no sorting.
int latest_of_balanced(std::span<const int> times) {
  int levels = 0;
  for (std::size_t reach = 1; reach < times.size(); reach *= 3) ++levels;
  return std::ranges::max(times) + levels * kTernaryAdderTime;
}

}  // namespace

int earliest_sum(std::vector<int> times) {
  const int by_three = earliest_by(times, 3);
  return std::min(by_three, earliest_by(std::move(times), 2));
}

const SumTree& SumTreePlanner::plan(std::span<const SumOperand> operands, int deadline) {
  items_.clear();
  operand_count_ = operands.size();
  tree_.adders.clear();
  tree_.cost = 0;
  for (const SumOperand& operand : operands) {
    Item item{.span = bit_span(operand.range, operand.term.shift),
              .negative = operand.term.negative,
              .time = operand.time,
              .index = static_cast<std::int32_t>(items_.size())};
    item.span.is_constant = operand.is_constant;
    item.min = Wide{operand.range.min} << operand.term.shift;
    item.max = Wide{operand.range.max} << operand.term.shift;
    if (item.negative) std::tie(item.min, item.max) = std::pair(-item.max, -item.min);
    items_.push_back(item);
  }
  std::ranges::sort(items_, [](const Item& x, const Item& y) {
    return std::tuple(x.span.top, x.time, x.index) < std::tuple(y.span.top, y.time, y.index);
  });
  while (items_.size() > 1) apply(choose(deadline));
  return tree_;
}

SumTreePlanner::Item SumTreePlanner::merged(const Choice& choice) const {
  Item result;
  std::pair lowest(std::numeric_limits<int>::max(), false);
  std::size_t count = 0;
  for (const int position : choice.positions) {
    if (position < 0) break;
    const Item& item = items_[static_cast<std::size_t>(position)];
    result.min += item.min;
    result.max += item.max;
    result.time = std::max(result.time, item.time);
    lowest = std::min(lowest, std::pair(item.span.low, item.negative));
    ++count;
  }
  result.time += time_of(count);
  result.negative = lowest.second;
  const Wide min = result.negative ? -result.max : result.min;
  const Wide max = result.negative ? -result.min : result.max;
  result.span = {lowest.first, lowest.first, min < 0, false};
  result.span.top = bit_width(std::max(max, -min - 1)) + (min < 0 ? 1 : 0);
  return result;
}

int SumTreePlanner::cost_of(const Choice& choice, const Item& result) const {
  std::array<BitSpan, 3> spans;
  std::size_t count = 0;
  bool subtracts = false;
  for (const int position : choice.positions) {
    if (position < 0) break;
    const Item& item = items_[static_cast<std::size_t>(position)];
    spans[count++] = item.span;
    subtracts = subtracts || item.negative != result.negative;
  }
  return adder_cost(std::span(spans).first(count), result.span.top, subtracts);
}

/// The higher of two lows is where an adder's chain begins, and that of the third is wasted. Over a
/// whole tree the lows add up to the same, so only the waste and the tops matter.
SumTreePlanner::Choice SumTreePlanner::choose(int deadline) {
  if (items_.size() == 2) return {};
  const int window = std::min(window_, static_cast<int>(items_.size()));
  choices_.clear();
  for (int i = 0; i < window; ++i) {
    for (int j = i + 1; j < window; ++j) {
      if (items_.size() % 2 == 0) {
        Choice choice{{i, j, -1}};
        choice.key = cost_of(choice, merged(choice));
        choices_.push_back(choice);
        continue;
      }
      for (int k = j + 1; k < window; ++k) {
        Choice choice{{i, j, k}};
        std::array lows{items_[static_cast<std::size_t>(i)].span.low,
                        items_[static_cast<std::size_t>(j)].span.low,
                        items_[static_cast<std::size_t>(k)].span.low};
        std::ranges::sort(lows);
        choice.key = 2 * merged(choice).span.top + lows[2] - lows[1];
        choices_.push_back(choice);
      }
    }
  }
  const auto before = [](const Choice& x, const Choice& y) {
    return std::tie(x.key, x.positions) < std::tie(y.key, y.positions);
  };
  for (auto rest = choices_.begin(); rest != choices_.end(); ++rest) {
    std::iter_swap(rest, std::min_element(rest, choices_.end(), before));
    if (leaves_time(*rest, deadline)) return *rest;
  }
  return earliest_choice(deadline);
}

std::vector<int> SumTreePlanner::times_after(const Choice& choice) const {
  std::vector<int> times{merged(choice).time};
  for (int i = 0; i < static_cast<int>(items_.size()); ++i) {
    if (std::ranges::find(choice.positions, i) == choice.positions.end()) {
      times.push_back(items_[static_cast<std::size_t>(i)].time);
    }
  }
  return times;
}

bool SumTreePlanner::leaves_time(const Choice& choice, int deadline) const {
  if (deadline == kNoDeadline) return true;
  std::vector<int> times = times_after(choice);
  return latest_of_balanced(times) <= deadline || earliest_sum(std::move(times)) <= deadline;
}

SumTreePlanner::Choice SumTreePlanner::earliest_choice(int deadline) const {
  std::vector<int> order(items_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  std::ranges::stable_sort(order, {},
                           [&](int i) { return items_[static_cast<std::size_t>(i)].time; });
  const Choice three{{order[0], order[1], order[2]}};
  if (items_.size() % 2 != 0 && leaves_time(three, deadline)) return three;
  const Choice two{{order[0], order[1], -1}};
  SLUICE_CHECK(leaves_time(two, deadline), "no sum of {} terms is ready by {}", items_.size(),
               deadline);
  return two;
}

void SumTreePlanner::apply(const Choice& choice) {
  Item result = merged(choice);
  result.index = static_cast<std::int32_t>(operand_count_ + tree_.adders.size());
  tree_.cost += cost_of(choice, result);
  std::array<std::int32_t, 3> adder{-1, -1, -1};
  std::array<int, 3> positions = choice.positions;
  for (std::size_t k = 0; k < adder.size(); ++k) {
    if (positions[k] >= 0) adder[k] = items_[static_cast<std::size_t>(positions[k])].index;
  }
  std::ranges::sort(positions, std::greater<>());
  for (const int position : positions) {
    if (position >= 0) items_.erase(items_.begin() + position);
  }
  tree_.adders.push_back(adder);
  const auto at = std::ranges::upper_bound(
      items_, std::pair(result.span.top, result.time), {},
      [](const Item& item) { return std::pair(item.span.top, item.time); });
  items_.insert(at, result);
}

}  // namespace sluice::synth
