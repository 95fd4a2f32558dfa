#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "sluice/base/check.hpp"
#include "sluice/engine/draft.hpp"

namespace sluice::engine {

namespace {

using fixed::Interval;
using fixed::Overflow;
using fixed::Rounding;

__extension__ typedef __int128 Wide;

struct WideInterval {
  Wide min = 0;
  Wide max = 0;
};

constexpr std::int64_t kMin32 = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kMax32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kLargestDoubleInteger = std::int64_t{1} << 53;

bool fits32(const WideInterval& range) { return range.min >= kMin32 && range.max <= kMax32; }

WideInterval clamped(const WideInterval& range, Wide lower, Wide upper) {
  return {std::min(std::max(range.min, lower), upper), std::min(std::max(range.max, lower), upper)};
}

/// Everything that the choice of a type depends on, for one element.
struct Element {
  const DraftRow& row;
  WideInterval sum;    ///< of the whole row
  Wide magnitude = 0;  ///< largest possible sum of absolute values, bounds every partial sum
  const fixed::Quantizer* quantizer = nullptr;
  int align_shift = 0;  ///< from the quantiser's binary point to the tensor's
  Interval result;
};

WideInterval sum_range(const DraftRow& row, const network::TensorType& x) {
  WideInterval sum{row.bias, row.bias};
  for (const auto& [element, weight] : row.terms) {
    const Interval& range = x.ranges[element];
    const Wide a = Wide{range.min} * weight;
    const Wide b = Wide{range.max} * weight;
    sum.min += std::min(a, b);
    sum.max += std::max(a, b);
  }
  return sum;
}

Wide sum_magnitude(const DraftRow& row, const network::TensorType& x) {
  const auto magnitude = [](Wide value) { return value < 0 ? -value : value; };
  Wide sum = magnitude(row.bias);
  for (const auto& [element, weight] : row.terms) {
    const Interval& range = x.ranges[element];
    sum += magnitude(weight) * std::max(magnitude(range.min), magnitude(range.max));
  }
  return sum;
}

std::vector<Element> elements_of(const Draft& draft, const network::TensorType& operand,
                                 const network::TensorType& result) {
  std::vector<Element> elements;
  for (std::size_t i = 0; i < draft.rows.size(); ++i) {
    const DraftRow& row = draft.rows[i];
    Element element{row, sum_range(row, operand), sum_magnitude(row, operand)};
    if (draft.quantize) {
      element.quantizer = &draft.quantize->of(i);
      element.align_shift = result.format.frac_bits - element.quantizer->format.frac_bits;
    }
    element.result = result.ranges[i];
    elements.push_back(element);
  }
  return elements;
}

std::int64_t lowest(const fixed::Quantizer& to) {
  const bool symmetric = to.overflow == Overflow::sat_sym && to.format.is_signed;
  return symmetric ? -to.format.max_mantissa() : to.format.min_mantissa();
}

/// (x + add + ((x >> shift) & mask)) >> right_shift rounds x in every mode.
void set_rounding(Int32Unit& unit, int right_shift, Rounding rounding) {
  constexpr int kSignShift = 31;
  unit.right_shift = right_shift;
  if (right_shift == 0) return;
  const std::int32_t half = std::int32_t{1} << (right_shift - 1);
  unit.round_shift = kSignShift;
  switch (rounding) {
    case Rounding::trn:
      return;
    case Rounding::trn_zero:
      unit.round_mask = half + (half - 1);
      return;
    case Rounding::rnd:
      unit.round_add = half;
      return;
    case Rounding::rnd_zero:
      unit.round_add = half - 1;
      unit.round_mask = 1;
      return;
    case Rounding::rnd_inf:
      unit.round_add = half;
      unit.round_mask = -1;
      return;
    case Rounding::rnd_min_inf:
      unit.round_add = half - 1;
      return;
    case Rounding::rnd_conv:
      unit.round_add = half - 1;
      unit.round_shift = right_shift;
      unit.round_mask = 1;
      return;
  }
}

Wide rounded(const Int32Unit& unit, Wide x) {
  return (x + unit.round_add + ((x >> unit.round_shift) & unit.round_mask)) >> unit.right_shift;
}

/// Fills what happens to a 32-bit sum after it is complete; false when 32 bits do not suffice.
bool finish_in_int32(const Draft& draft, const Element& element, Int32Unit& unit,
                     Int32Rules& rules) {
  constexpr int kMostShift = 30;
  Wide lower = draft.lower;
  Wide upper = draft.upper;
  WideInterval range = clamped(element.sum, lower, upper);
  if (!fits32(range)) return false;
  if (element.quantizer != nullptr) {
    const fixed::Quantizer& to = *element.quantizer;
    const int right_shift = draft.frac_bits - to.format.frac_bits;
    if (std::abs(right_shift) > kMostShift) return false;
    const std::int64_t min = lowest(to);
    const std::int64_t max = to.format.max_mantissa();
    const bool saturates = to.overflow == Overflow::sat || to.overflow == Overflow::sat_sym;
    const int right_shift_only = std::max(right_shift, 0);
    unit.grow_shift = std::max(-right_shift, 0);
    if (saturates) {
      // Saturating first gives the same: on a coarser new grid its ends are points of the old one,
      // and on a finer one the next point outside is kept, for saturation after the shift.
      const Wide scale = Wide{1} << right_shift_only;
      const Wide round_out = (Wide{1} << unit.grow_shift) - 1;
      const WideInterval both = clamped({lower, upper}, (min * scale) >> unit.grow_shift,
                                        (max * scale + round_out) >> unit.grow_shift);
      lower = both.min;
      upper = both.max;
      range = clamped(range, lower, upper);
      if (!fits32(range)) return false;
    }
    set_rounding(unit, right_shift_only, to.rounding);
    const WideInterval added{range.min + unit.round_add + std::min(unit.round_mask, 0),
                             range.max + unit.round_add + std::max(unit.round_mask, 0)};
    if (!fits32(added)) return false;
    rules.adjusts |= unit.round_mask != 0;
    rules.grows |= unit.grow_shift != 0;
    const Wide growth = Wide{1} << unit.grow_shift;
    range = {rounded(unit, range.min) * growth, rounded(unit, range.max) * growth};
    if (!fits32(range)) return false;
    if (range.min < min || range.max > max) {
      unit.min = static_cast<std::int32_t>(std::max(min, kMin32));
      unit.max = static_cast<std::int32_t>(std::min(max, kMax32));
      rules.saturates |= saturates;
      rules.zeroes |= to.overflow == Overflow::sat_zero;
      if (to.overflow == Overflow::wrap) {
        if (to.format.width >= 32) return false;
        // Neutral for saturation and zeroing, which other elements may ask for.
        unit.min = std::numeric_limits<std::int32_t>::min();
        unit.max = std::numeric_limits<std::int32_t>::max();
        unit.wrap_mask = static_cast<std::int32_t>((std::uint32_t{1} << to.format.width) - 1);
        if (to.format.is_signed && to.format.width > 0) {
          unit.wrap_sign = static_cast<std::int32_t>(std::uint32_t{1} << (to.format.width - 1));
        }
        rules.wraps = true;
      }
    }
    unit.align_shift = element.align_shift;
    rules.aligns |= unit.align_shift != 0;
  }
  unit.lower = static_cast<std::int32_t>(std::clamp<Wide>(lower, kMin32, kMax32));
  unit.upper = static_cast<std::int32_t>(std::clamp<Wide>(upper, kMin32, kMax32));
  return fits32({element.result.min, element.result.max});
}

bool is_int16(std::int64_t value) { return fixed::range_of({16, 0, true}).contains(value); }
bool is_int32(std::int64_t value) { return fixed::range_of({32, 0, true}).contains(value); }

/// Tries one machine type; the reason of a failure is kept for the plan.
class StepBuilder {
 public:
  StepBuilder(const Draft& draft, const std::vector<Element>& elements, const Buffer& operand)
      : draft_(draft), elements_(elements), operand_(operand) {
    step_.sum_frac_bits = draft.frac_bits;
    step_.quantizes = draft.quantize.has_value();
  }

  bool build(MachineType type) {
    step_.type = type;
    switch (type) {
      case MachineType::int16_pairs:
        return build_int16_pairs();
      case MachineType::int32:
        return build_int32();
      case MachineType::float64:
        return build_float64();
      case MachineType::int64:
        build_int64();
        return true;
    }
    return false;
  }

  Step take() { return std::move(step_); }
  const std::string& refusal() const { return refusal_; }

 private:
  bool refuse(std::string reason) {
    refusal_ = std::move(reason);
    return false;
  }

  bool build_int32_units() {
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      const Element& element = elements_[i];
      if (!fits32(element.sum)) return refuse(fmt::format("sum {} exceeds 32 bits", i));
      Int32Unit unit;
      if (!finish_in_int32(draft_, element, unit, step_.rules)) {
        return refuse(fmt::format("quantising element {} exceeds 32 bits", i));
      }
      for (const auto& [operand, weight] : element.row.terms) {
        if (!is_int32(weight)) return refuse(fmt::format("weight {} exceeds 32 bits", weight));
      }
      unit.bias = static_cast<std::int32_t>(element.row.bias);
      step_.int32_units.push_back(unit);
    }
    // Both rules read the same bounds of a unit.
    if (step_.rules.saturates && step_.rules.zeroes) return refuse("it mixes SAT and SAT_ZERO");
    return true;
  }

  bool build_int16_pairs() {
    if (operand_.storage != Storage::int16_pairs) return refuse("its operand exceeds 16 bits");
    for (const Element& element : elements_) {
      for (const auto& [operand, weight] : element.row.terms) {
        if (!is_int16(weight)) return refuse(fmt::format("weight {} exceeds 16 bits", weight));
      }
    }
    if (!build_int32_units()) return false;
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      add_pairs(elements_[i].row, step_.int32_units[i]);
    }
    return true;
  }

  void add_pairs(const DraftRow& row, Int32Unit& unit) {
    unit.terms.begin = static_cast<std::uint32_t>(step_.int32_terms.size());
    // Sums are modulo 2^32, and the whole sum is proven to fit: parts of it may wrap.
    auto bias = static_cast<std::uint32_t>(row.bias);
    for (std::size_t i = 0; i < row.terms.size(); ++i) {
      const auto& [element, weight] = row.terms[i];
      const bool completes_pair =
          element % 2 == 1 && i > 0 && row.terms[i - 1].first + 1 == element;
      const auto low_bits = static_cast<std::uint32_t>(static_cast<std::uint16_t>(weight));
      bias += static_cast<std::uint32_t>(operand_.offset) * static_cast<std::uint32_t>(weight);
      const std::uint32_t in_place = element % 2 == 0 ? low_bits : low_bits << 16;
      auto& terms = step_.int32_terms;
      if (completes_pair) {
        terms.back().weight |= static_cast<std::int32_t>(in_place);
      } else {
        terms.push_back({element / 2, static_cast<std::int32_t>(in_place)});
      }
    }
    unit.bias = static_cast<std::int32_t>(bias);
    unit.terms.end = static_cast<std::uint32_t>(step_.int32_terms.size());
  }

  template <class T>
  static TermRange add_terms(const DraftRow& row, std::vector<Term<T>>& terms) {
    TermRange range;
    range.begin = static_cast<std::uint32_t>(terms.size());
    for (const auto& [element, weight] : row.terms) {
      terms.push_back({element, static_cast<T>(weight)});
    }
    range.end = static_cast<std::uint32_t>(terms.size());
    return range;
  }

  bool build_int32() {
    if (operand_.storage == Storage::int64) return refuse("its operand exceeds 32 bits");
    if (!build_int32_units()) return false;
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      step_.int32_units[i].terms = add_terms(elements_[i].row, step_.int32_terms);
    }
    return true;
  }

  bool build_float64() {
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      const Element& element = elements_[i];
      const WideInterval range = clamped(element.sum, draft_.lower, draft_.upper);
      if (element.magnitude > kLargestDoubleInteger || range.min < -kLargestDoubleInteger ||
          range.max > kLargestDoubleInteger) {
        return refuse(fmt::format("sum {} exceeds 53 bits", i));
      }
      Float64Unit unit;
      unit.bias = static_cast<double>(element.row.bias);
      if (draft_.lower >= -kLargestDoubleInteger) unit.lower = static_cast<double>(draft_.lower);
      if (draft_.upper <= kLargestDoubleInteger) unit.upper = static_cast<double>(draft_.upper);
      if (element.quantizer != nullptr) {
        if (!plan_real_quantizer(*element.quantizer, draft_.frac_bits, unit.quantizer)) {
          return refuse(fmt::format("quantising element {} exceeds 53 bits", i));
        }
        unit.align = std::ldexp(1.0, element.align_shift);
      }
      unit.terms = add_terms(element.row, step_.float64_terms);
      step_.float64_units.push_back(unit);
    }
    return true;
  }

  void build_int64() {
    for (const Element& element : elements_) {
      Int64Unit unit;
      unit.bias = element.row.bias;
      unit.lower = draft_.lower;
      unit.upper = draft_.upper;
      if (element.quantizer != nullptr) unit.quantizer = *element.quantizer;
      unit.align_shift = element.align_shift;
      unit.terms = add_terms(element.row, step_.int64_terms);
      step_.int64_units.push_back(unit);
    }
  }

  const Draft& draft_;
  const std::vector<Element>& elements_;
  const Buffer& operand_;
  Step step_;
  std::string refusal_;
};

Interval hull_of_sums(const std::vector<Element>& elements) {
  WideInterval all = elements.front().sum;
  for (const Element& element : elements) {
    all.min = std::min(all.min, element.sum.min);
    all.max = std::max(all.max, element.sum.max);
  }
  return {static_cast<std::int64_t>(all.min), static_cast<std::int64_t>(all.max)};
}

std::string_view proof(MachineType type) {
  switch (type) {
    case MachineType::int16_pairs:
      return "operand and weights fit 16 bits, sums fit 32";
    case MachineType::int32:
      return "operand, weights and sums fit 32 bits";
    case MachineType::float64:
      return "every partial sum fits 53 bits";
    case MachineType::int64:
      return "every sum fits 64 bits";
  }
  return "";
}

}  // namespace

std::string_view to_string(MachineType type) noexcept {
  switch (type) {
    case MachineType::int16_pairs:
      return "int16_pairs";
    case MachineType::int32:
      return "int32";
    case MachineType::float64:
      return "float64";
    case MachineType::int64:
      return "int64";
  }
  return "";
}

template <class T>
bool plan_real_quantizer(const fixed::Quantizer& to, int frac_bits_of_operand,
                         RealQuantizer<T>& planned) {
  // Scaled by at most this, a value of `tiny` or more stays a normal number.
  constexpr bool kIsFloat = sizeof(T) == sizeof(float);
  constexpr int kMostShrink = kIsFloat ? 60 : 500;
  constexpr int kMostGrowth = kIsFloat ? 100 : 900;
  const int exponent = to.format.frac_bits - frac_bits_of_operand;
  // Wrapping passes through the residue, which is not negative, of a signed number.
  const bool has_sign_bit = to.format.is_signed && to.overflow != Overflow::wrap;
  const int magnitude_bits = to.format.width - (has_sign_bit ? 1 : 0);
  if (exponent < -kMostShrink || exponent > kMostGrowth ||
      magnitude_bits > std::numeric_limits<T>::digits) {
    return false;
  }
  const auto power_of_two = [](int power) { return std::ldexp(T{1}, power); };
  planned.scale = power_of_two(exponent);
  planned.tiny = exponent < 0 ? power_of_two(-kMostShrink) : T{0};
  planned.overflow = to.overflow;
  planned.min = static_cast<T>(lowest(to));
  planned.max = static_cast<T>(to.format.max_mantissa());
  planned.modulus = power_of_two(to.format.width);
  planned.inverse_modulus = power_of_two(-to.format.width);

  const T half = T{1} / 2;
  const T below_half = std::nextafter(half, T{0});
  constexpr T kNever = 2;
  planned.to_even = to.rounding == Rounding::rnd_conv;
  switch (to.rounding) {
    case Rounding::rnd_conv:
      break;
    case Rounding::trn:
      planned.up = kNever;
      planned.down = 0;
      break;
    case Rounding::trn_zero:
      planned.up = kNever;
      planned.down = -kNever;
      break;
    case Rounding::rnd:
      planned.up = below_half;
      planned.down = -half;
      break;
    case Rounding::rnd_zero:
      planned.up = half;
      planned.down = -half;
      break;
    case Rounding::rnd_inf:
      planned.up = below_half;
      planned.down = -below_half;
      break;
    case Rounding::rnd_min_inf:
      planned.up = half;
      planned.down = -below_half;
      break;
  }
  return true;
}

template bool plan_real_quantizer(const fixed::Quantizer&, int, RealQuantizer<float>&);
template bool plan_real_quantizer(const fixed::Quantizer&, int, RealQuantizer<double>&);

std::pair<Step, PlanRow> choose_machine_type(const Draft& draft,
                                             const std::vector<network::TensorType>& types,
                                             const std::vector<Buffer>& buffers) {
  const std::vector<Element> elements =
      elements_of(draft, types[draft.operand], types[draft.result]);
  PlanRow row{draft.layers, MachineType::int64, "", elements.size(), 0, hull_of_sums(elements)};
  for (const Element& element : elements) row.products += element.row.terms.size();
  std::string refusals;
  for (const MachineType type :
       {MachineType::int16_pairs, MachineType::int32, MachineType::float64, MachineType::int64}) {
    StepBuilder builder(draft, elements, buffers[draft.operand]);
    if (builder.build(type)) {
      row.type = type;
      row.reason = fmt::format("{}{}", proof(type), refusals);
      Step step = builder.take();
      step.in = draft.operand;
      step.out = draft.result;
      return {std::move(step), std::move(row)};
    }
    refusals += fmt::format("; not {}: {}", to_string(type), builder.refusal());
  }
  SLUICE_CHECK(false, "no machine type for {}", draft.layers);
  return {};
}

std::pair<ElementStep, PlanRow> choose_machine_type(const ElementDraft& draft,
                                                    const std::vector<network::TensorType>& types,
                                                    const std::vector<Buffer>& /*buffers*/) {
  ElementStep step = draft.step;
  step.out = draft.result;
  const std::vector<Interval>& results = types[draft.result].ranges;
  Interval all = results.front();
  for (const Interval& range : results) all = hull(all, range);
  bool is_narrow = fits32({all.min, all.max});
  for (const Source& source : step.sources) {
    if (source.buffer == Source::kNoBuffer) continue;
    const Interval range = types[source.buffer].ranges[source.element];
    const Wide scale = Wide{1} << source.left_shift;
    is_narrow = is_narrow && fits32({range.min * scale, range.max * scale});
  }
  step.type = is_narrow ? MachineType::int32 : MachineType::int64;
  const std::size_t products = step.kind == ElementStep::Kind::multiply ? results.size() : 0;
  PlanRow row{draft.layers, step.type, "", results.size(), products, all};
  row.reason = is_narrow ? "no weights; every value fits 32 bits"
                         : "no weights; every value fits 64 bits; not int32: one exceeds 32 bits";
  return {std::move(step), std::move(row)};
}

}  // namespace sluice::engine
