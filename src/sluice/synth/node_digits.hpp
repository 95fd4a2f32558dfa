#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/synth/signed_digits.hpp"

namespace sluice::synth {

inline constexpr int kDigitPositions = 64;

/// The digits of one node, by output row.
class NodeDigits {
 public:
  /// With room for every row: then a row is found, and most_common() known, at once.
  explicit NodeDigits(std::size_t rows = 0)
      : is_dense_(rows > 0),
        digits_(rows),
        words_((rows + 63) / 64),
        planes_(2 * std::size_t{kDigitPositions} * words_) {}

  /// Those in which there are any, ascending.
  const std::vector<std::int32_t>& rows() const noexcept { return rows_; }
  std::size_t size() const noexcept { return rows_.size(); }
  bool is_dense() const noexcept { return is_dense_; }

  /// Of rows()[i].
  const SignedDigits& digits_at(std::size_t i) const {
    return digits_[is_dense_ ? static_cast<std::size_t>(rows_[i]) : i];
  }

  /// Null where there are none.
  const SignedDigits* find(std::int32_t row) const {
    if (is_dense_) {
      const SignedDigits& digits = digits_[static_cast<std::size_t>(row)];
      return digits.is_zero() ? nullptr : &digits;
    }
    const auto at = std::ranges::lower_bound(rows_, row);
    return at != rows_.end() && *at == row ? &digits_[position(at)] : nullptr;
  }

  /// Into a row that has none.
  void insert(std::int32_t row, const SignedDigits& digits) {
    const auto at = std::ranges::lower_bound(rows_, row);
    if (is_dense_) {
      digits_[static_cast<std::size_t>(row)] = digits;
      flip(row, digits);
    } else {
      digits_.insert(digits_.begin() + static_cast<std::ptrdiff_t>(position(at)), digits);
    }
    rows_.insert(at, row);
  }

  /// From a row that has them.
  void take(std::int32_t row, const SignedDigits& taken) {
    SignedDigits& digits = digits_in(row);
    digits.plus &= ~taken.plus;
    digits.minus &= ~taken.minus;
    if (is_dense_) flip(row, taken);
  }

  /// To a row that has others.
  void add(std::int32_t row, const SignedDigits& added) {
    SignedDigits& digits = digits_in(row);
    digits.plus |= added.plus;
    digits.minus |= added.minus;
    if (is_dense_) flip(row, added);
  }

  /// At least as many as the uses of a pattern, if the depth of no row forbade one: pairs of digits
  /// at p here and at p + shift there, in rows that both have. Nothing if that is not known.
  std::optional<int> most_common(const NodeDigits& other, int shift, bool subtract) const {
    if (!is_dense_ || !other.is_dense_) return std::nullopt;
    int count = 0;
    const std::uint64_t there = shift >= 0 ? other.used_ >> shift : other.used_ << -shift;
    for (std::uint64_t rest = used_ & there; rest != 0; rest &= rest - 1) {
      const int p = std::countr_zero(rest);
      const std::uint64_t* const plus = plane(p, false);
      const std::uint64_t* const minus = plane(p, true);
      const std::uint64_t* const with_plus = other.plane(p + shift, subtract);
      const std::uint64_t* const with_minus = other.plane(p + shift, !subtract);
      for (std::size_t word = 0; word < words_; ++word) {
        count += std::popcount(plus[word] & with_plus[word]) +
                 std::popcount(minus[word] & with_minus[word]);
      }
    }
    return count;
  }

  /// Drops the rows whose digits have all been taken, and calls `dropped(row)`.
  template <class Dropped>
  void drop_empty(Dropped&& dropped) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::int32_t row = rows_[i];
      const SignedDigits digits = digits_at(i);
      if (digits.is_zero()) {
        dropped(row);
        continue;
      }
      rows_[kept] = row;
      if (!is_dense_) digits_[kept] = digits;
      ++kept;
    }
    rows_.resize(kept);
    if (!is_dense_) digits_.resize(kept);
  }

 private:
  std::size_t position(std::vector<std::int32_t>::const_iterator at) const {
    return static_cast<std::size_t>(at - rows_.begin());
  }

  SignedDigits& digits_in(std::int32_t row) {
    const auto index = static_cast<std::size_t>(row);
    return digits_[is_dense_ ? index : position(std::ranges::lower_bound(rows_, row))];
  }

  const std::uint64_t* plane(int position, bool minus) const {
    return &planes_[(static_cast<std::size_t>(position) * 2 + (minus ? 1 : 0)) * words_];
  }

  void flip(std::int32_t row, const SignedDigits& digits) {
    const std::uint64_t bit = std::uint64_t{1} << (row % 64);
    used_ |= digits.plus | digits.minus;
    for (const bool minus : {false, true}) {
      for (std::uint64_t rest = minus ? digits.minus : digits.plus; rest != 0; rest &= rest - 1) {
        const auto position = static_cast<std::size_t>(std::countr_zero(rest));
        planes_[(position * 2 + (minus ? 1 : 0)) * words_ + static_cast<std::size_t>(row / 64)] ^=
            bit;
      }
    }
  }

  bool is_dense_;
  std::vector<std::int32_t> rows_;
  std::vector<SignedDigits> digits_;  // by row, or else beside rows_
  // Dense only: rows as bits, by position and sign of the digit that they have.
  std::size_t words_;
  std::vector<std::uint64_t> planes_;
  std::uint64_t used_ = 0;  // positions of all digits so far
};

}  // namespace sluice::synth
