#include "sluice/frontend/integer_map.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

namespace sluice::frontend {

namespace {

__extension__ using Int128 = __int128;

// Consecutive integers of the same result.
struct Run {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t value = 0;
};

// The runs of a function that does not fall; nothing when there are too many.
template <class Function>
std::optional<std::vector<Run>> runs_of(const Function& function, const fixed::Interval& interval) {
  constexpr std::size_t kMostRuns = 1 << 14;
  std::vector<Run> runs;
  const std::int64_t highest = function(interval.max);
  std::int64_t first = interval.min;
  for (;;) {
    const std::int64_t value = function(first);
    // The last integer of the run lies in [low, high].
    std::int64_t low = first;
    std::int64_t high = interval.max;
    if (value != highest) {
      std::uint64_t step = 1;
      while (static_cast<std::uint64_t>(interval.max - low) > step &&
             function(low + static_cast<std::int64_t>(step)) == value) {
        low += static_cast<std::int64_t>(step);
        step *= 2;
      }
      high = std::min<std::int64_t>(high, low + static_cast<std::int64_t>(step));
      while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        (function(middle) == value ? low : high) = middle;
      }
      high = low;
    }
    runs.push_back({first, high, value});
    if (high == interval.max) return runs;
    if (runs.size() == kMostRuns) return std::nullopt;
    first = high + 1;
  }
}

// A number of [low, high] with as many low zero bits as there are.
Int128 roundest(Int128 low, Int128 high) {
  if (low <= 0 && high >= 0) return 0;
  for (int zeros = 62; zeros > 0; --zeros) {
    const Int128 unit = Int128{1} << zeros;
    Int128 candidate = low / unit * unit;
    if (candidate < low) candidate += unit;
    if (candidate <= high) return candidate;
  }
  return low;
}

// The addend that makes this multiplier and shift right for all runs.
std::optional<MultiplyShift> with_multiplier(std::int64_t multiplier, int shift,
                                             const std::vector<Run>& runs, const IntegerMap& map,
                                             Saturation saturates) {
  constexpr Int128 kLargest = Int128{1} << 62;
  constexpr Int128 kUnbounded = Int128{1} << 120;
  const Int128 unit = Int128{1} << shift;
  Int128 low = -kUnbounded;
  Int128 high = kUnbounded;
  for (const Run& run : runs) {
    const Int128 at_first = Int128{multiplier} * run.first;
    const Int128 at_last = Int128{multiplier} * run.last;
    if (!(saturates.low && run.value == map.min)) low = std::max(low, run.value * unit - at_first);
    if (!(saturates.high && run.value == map.max)) {
      high = std::min(high, (run.value + 1) * unit - 1 - at_last);
    }
    if (low > high) return std::nullopt;
  }
  if (low == -kUnbounded && high == kUnbounded) low = high = runs.front().value * unit;
  if (low == -kUnbounded) low = high - unit + 1;
  if (high == kUnbounded) high = low + unit - 1;
  const Int128 addend = roundest(low, high);
  for (const std::int64_t n : {runs.front().first, runs.back().last}) {
    const Int128 product = Int128{multiplier} * n;
    const Int128 sum = product + addend;
    for (const Int128 value : {product, sum, addend}) {
      if (value >= kLargest || value <= -kLargest) return std::nullopt;
    }
  }
  return MultiplyShift{multiplier, static_cast<std::int64_t>(addend), shift};
}

std::optional<MultiplyShift> search(const Rational& slope, const std::vector<Run>& runs,
                                    const IntegerMap& map, Saturation saturates) {
  constexpr int kMostShift = 48;
  constexpr std::size_t kMostMultiplierBits = 40;
  if (runs.size() == 1) return with_multiplier(0, 0, runs, map, saturates);
  for (int shift = 0; shift <= kMostShift; ++shift) {
    const mpz_class below = floored(slope * Rational(mpz_class(1) << static_cast<unsigned>(shift)));
    if (mpz_sizeinbase(below.get_mpz_t(), 2) > kMostMultiplierBits) return std::nullopt;
    for (const std::int64_t multiplier : {below.get_si(), below.get_si() + 1}) {
      if (auto found = with_multiplier(multiplier, shift, runs, map, saturates)) return found;
    }
  }
  return std::nullopt;
}

}  // namespace

std::int64_t IntegerMap::operator()(std::int64_t n) const {
  static_assert(sizeof(long) == sizeof(std::int64_t));
  Rational value = slope * static_cast<long>(n) + offset;
  if (dropped_bits != 0) {
    value = Rational(round_to_integer(value, fixed::IntegerRounding::half_even)) /
            Rational(mpz_class(1) << static_cast<unsigned>(dropped_bits));
  }
  const mpz_class integer = round_to_integer(value, rounding);
  if (integer <= static_cast<long>(min)) return min;
  if (integer >= static_cast<long>(max)) return max;
  return integer.get_si();
}

std::optional<MultiplyShift> find_multiply_shift(const IntegerMap& map,
                                                 const fixed::Interval& interval,
                                                 Saturation saturates) {
  const Rational slope =
      map.slope / Rational(mpz_class(1) << static_cast<unsigned>(map.dropped_bits));
  if (slope >= 0) {
    const auto runs = runs_of(map, interval);
    return runs ? search(slope, *runs, map, saturates) : std::nullopt;
  }
  // Mirrored, the function rises.
  const auto mirrored = [&](std::int64_t n) { return map(-n); };
  const auto runs = runs_of(mirrored, {-interval.max, -interval.min});
  auto found = runs ? search(-slope, *runs, map, saturates) : std::nullopt;
  if (found) found->multiplier = -found->multiplier;
  return found;
}

}  // namespace sluice::frontend
