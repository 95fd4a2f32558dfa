#include "sluice/circuit/value_bits.hpp"

#include <algorithm>

namespace sluice::circuit {

namespace {

using fixed::Rounding;

constexpr std::uint64_t kAll = ~std::uint64_t{0};

/// Bits of a mantissa of endless sign, as far as they are constant.
struct Known {
  std::uint64_t zeros = 0;
  std::uint64_t ones = 0;
};

Known complement(const Known& x) { return {x.ones, x.zeros}; }

/// Positive: to the left, with zeros below.
Known shifted(const Known& x, int bits) {
  if (bits >= 64) return {kAll, 0};
  if (bits >= 0) return {(x.zeros << bits) | bit_range(0, bits), x.ones << bits};
  const int right = std::min(-bits, 63);
  const auto arithmetic = [&](std::uint64_t mask) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(mask) >> right);
  };
  return {arithmetic(x.zeros), arithmetic(x.ones)};
}

/// A bit of a sum is known where both operands' bits and the carry are: the carry is known where
/// the least and the greatest sum agree on it.
Known sum(const Known& x, const Known& y, std::uint64_t carry) {
  const std::uint64_t greatest = ~x.zeros + ~y.zeros + carry;
  const std::uint64_t least = x.ones + y.ones + carry;
  const std::uint64_t no_carry = ~(greatest ^ x.zeros ^ y.zeros);
  const std::uint64_t a_carry = least ^ x.ones ^ y.ones;
  const std::uint64_t known = (x.zeros | x.ones) & (y.zeros | y.ones) & (no_carry | a_carry);
  return {known & ~greatest, known & least};
}

bool reads_sign(Rounding rounding) {
  return rounding == Rounding::trn_zero || rounding == Rounding::rnd_zero ||
         rounding == Rounding::rnd_inf;
}

/// Truncation looks at no bit that it drops, rounding half up at the highest of them.
int lowest_bit_read(Rounding rounding, int dropped_bits) {
  if (dropped_bits <= 0 || rounding == Rounding::trn) return std::max(dropped_bits, 0);
  return rounding == Rounding::rnd ? dropped_bits - 1 : 0;
}

class Bits {
 public:
  explicit Bits(const Function& function)
      : function_(function), bits_(function.instrs().size()), known_(bits_.size()) {}

  std::vector<ValueBits> find() && {
    for (std::size_t id = 0; id < bits_.size(); ++id) {
      known_[id] = known(instr(id));
      const std::uint64_t own = bit_range(0, instr(id).format.width);
      bits_[id].zeros = known_[id].zeros & own;
      bits_[id].ones = known_[id].ones & own;
    }
    for (const ValueId output : function_.outputs()) read(output, kAll);
    for (std::size_t id = bits_.size(); id-- > 0;) {
      if (bits_[id].read != 0) read_operands(instr(id), bits_[id].read);
    }
    return std::move(bits_);
  }

 private:
  const Instr& instr(std::size_t id) const { return function_.instrs()[id]; }
  const Instr& operand(const Instr& instr, std::size_t k) const {
    return function_.instr(instr.operands[k]);
  }
  int raised(const Instr& made, std::size_t k) const {
    return raised_bits(made, operand(made, k), k);
  }
  const Known& known(const Instr& instr, std::size_t k) const {
    return known_[index(instr.operands[k])];
  }

  bool overflows(const Instr& quantize) const {
    const fixed::Quantizer wide{
        {64, quantize.format.frac_bits, true}, quantize.rounding, fixed::Overflow::sat};
    const Instr& x = operand(quantize, 0);
    const fixed::Interval rounded = fixed::quantize(x.range, x.format.frac_bits, wide);
    return !quantize.range.contains(rounded);
  }

  int dropped_bits(const Instr& quantize) const {
    return operand(quantize, 0).format.frac_bits - quantize.format.frac_bits;
  }

  Known known(const Instr& made) const {
    if (made.range.is_constant()) {
      const auto mantissa = static_cast<std::uint64_t>(made.range.min);
      return {~mantissa, mantissa};
    }
    switch (made.op) {
      case Op::add:
      case Op::sub:
      case Op::add_add:
      case Op::add_sub:
      case Op::sub_sub: {
        Known result = shifted(known(made, 0), raised(made, 0));
        for (std::size_t k = 1; k < static_cast<std::size_t>(operand_count(made.op)); ++k) {
          const Known term = shifted(known(made, k), raised(made, k));
          result =
              is_subtracted(made.op, k) ? sum(result, complement(term), 1) : sum(result, term, 0);
        }
        return result;
      }
      case Op::negate:
        return sum({kAll, 0}, complement(known(made, 0)), 1);
      case Op::scale:
        return known(made, 0);
      case Op::quantize:
        return known_quantized(made);
      case Op::input:
      case Op::constant:
      case Op::multiply:
      case Op::max:
      case Op::min:
        break;
      case Op::lookup:
        return known_entries(function_.tables()[static_cast<std::size_t>(made.immediate)]);
    }
    return {};
  }

  static Known known_entries(const Table& table) {
    Known known{kAll, kAll};
    for (const std::int64_t mantissa : table.mantissas) {
      known.zeros &= ~static_cast<std::uint64_t>(mantissa);
      known.ones &= static_cast<std::uint64_t>(mantissa);
    }
    return known;
  }

  Known known_quantized(const Instr& made) const {
    const int dropped = dropped_bits(made);
    if (dropped > 0 && made.rounding != Rounding::trn) return {};
    if (made.overflow != fixed::Overflow::wrap && overflows(made)) return {};
    Known result = shifted(known(made, 0), -dropped);
    // Above its own bits a wrapped value repeats another bit than its operand.
    const std::uint64_t own = bit_range(0, made.format.width);
    result.zeros &= own;
    result.ones &= own;
    return result;
  }

  /// `mask` may reach beyond the value, where its format repeats the sign.
  void read(ValueId id, std::uint64_t mask) {
    const fixed::Format& format = function_.instr(id).format;
    const std::uint64_t own = bit_range(0, format.width);
    bits_[index(id)].read |= mask & own;
    if ((mask & ~own) != 0 && format.is_signed) {
      bits_[index(id)].read |= bit_range(format.width - 1, format.width);
    }
  }

  void read_all(const Instr& instr) {
    for (int k = 0; k < operand_count(instr.op); ++k) {
      read(instr.operands[static_cast<std::size_t>(k)], kAll);
    }
  }

  void read_operands(const Instr& made, std::uint64_t result) {
    const int end = std::bit_width(result);
    switch (made.op) {
      case Op::add:
      case Op::sub:
      case Op::add_add:
      case Op::add_sub:
      case Op::sub_sub: {
        const int passed = passed_bits(function_, made);
        const std::uint64_t looked_at = (result & bit_range(0, passed)) | bit_range(passed, end);
        for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(made.op)); ++k) {
          const int bits = raised(made, k);
          if (bits < 64) read(made.operands[k], looked_at >> bits);
        }
        return;
      }
      case Op::negate:
        return read(made.operands[0], bit_range(0, end));
      case Op::scale:
        return read(made.operands[0], result);
      case Op::quantize:
        return read_quantized(made, result);
      case Op::max:
      case Op::min:
        return read_extremum(made, result);
      case Op::multiply:
      case Op::lookup:
        return read_all(made);
      case Op::input:
      case Op::constant:
        return;
    }
  }

  void read_quantized(const Instr& made, std::uint64_t result) {
    const ValueId x = made.operands[0];
    const int dropped = dropped_bits(made);
    const int lowest = lowest_bit_read(made.rounding, dropped);
    if (made.overflow != fixed::Overflow::wrap && overflows(made)) {
      return read(x, bit_range(lowest, 64));
    }
    if (dropped <= 0) {
      if (dropped > -64) read(x, result >> -dropped);
      return;
    }
    if (made.rounding == Rounding::trn && dropped < 64) {
      const bool reads_beyond = std::bit_width(result) + dropped > 64;
      return read(x, (result << dropped) | (reads_beyond ? bit_range(63, 64) : 0));
    }
    const int end = reads_sign(made.rounding) ? 64 : std::bit_width(result) + dropped;
    read(x, bit_range(std::min(lowest, 63), end));
  }

  /// Against zero only the sign chooses.
  void read_extremum(const Instr& made, std::uint64_t result) {
    for (std::size_t k = 0; k < 2; ++k) {
      if (operand(made, 1 - k).range != fixed::Interval{}) continue;
      const int bits = raised(made, k);
      return read(made.operands[k], (result >> std::min(bits, 63)) | bit_range(63, 64));
    }
    read_all(made);
  }

  const Function& function_;
  std::vector<ValueBits> bits_;
  std::vector<Known> known_;
};

}  // namespace

std::vector<ValueBits> value_bits(const Function& function) { return Bits(function).find(); }

int raised_bits(const Instr& instr, const Instr& operand, std::size_t position) noexcept {
  return instr.format.frac_bits - operand.format.frac_bits + operand_shift(instr, position);
}

int passed_bits(const Function& function, const Instr& sum) {
  struct Term {
    int low;
    bool is_subtracted;
    fixed::Format format;
  };
  std::vector<Term> terms;
  for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(sum.op)); ++k) {
    const Instr& operand = function.instr(sum.operands[k]);
    terms.push_back({raised_bits(sum, operand, k), is_subtracted(sum.op, k), operand.format});
  }
  // On a tie an operand that is added counts as the lowest.
  std::ranges::stable_sort(terms, {},
                           [](const Term& t) { return std::pair(t.low, t.is_subtracted); });
  const Term& lowest = terms[0];
  if (lowest.is_subtracted) return 0;
  const bool never_meet = terms.size() == 2 && !terms[1].is_subtracted &&
                          !lowest.format.is_signed && lowest.format.width <= terms[1].low;
  return never_meet ? sum.format.width : std::min(terms[1].low, sum.format.width);
}

}  // namespace sluice::circuit
