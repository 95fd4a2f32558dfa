#include "sluice/engine/kernels/kernels.hpp"

#include <array>
#include <cstring>
#include <limits>

#include "sluice/base/check.hpp"

// Portable scalar code is one of the targets also where the compiler's baseline has SIMD.
#define HWY_COMPILE_ALL_ATTAINABLE
// The kernels keep vectors in structures, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sluice/engine/kernels/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using D64 = hn::ScalableTag<double>;
using D64Int = hn::RebindToSigned<D64>;
/// As many 32-bit lanes as D64 has.
using D32Half = hn::Rebind<std::int32_t, D64>;

constexpr std::size_t kLanes32 = hn::MaxLanes(D32());
constexpr std::size_t kLanes64 = hn::MaxLanes(D64());

// For lambdas over vectors: the target's instructions, and no call per vector.
#undef SLUICE_VECTOR_LAMBDA
#define SLUICE_VECTOR_LAMBDA HWY_ATTR __attribute__((always_inline))

/// Vectors of consecutive events: several independent sums hide the latency of additions and
/// share the broadcast of a weight. A structure and not an array, so that they stay in registers.
template <class D, std::size_t kVectors>
struct Block {
  using Half = Block<D, kVectors / 2>;
  Half low, high;

  static HWY_INLINE Block filled(hn::Vec<D> value) {
    return {Half::filled(value), Half::filled(value)};
  }
  /// f(vector, its number).
  template <class F>
  HWY_INLINE void each(F f, std::size_t first = 0) {
    low.each(f, first);
    high.each(f, first + kVectors / 2);
  }
  /// f(vector of a, vector of b, their number).
  template <class Other, class F>
  static HWY_INLINE void each_of(Block& a, Block<Other, kVectors>& b, F f, std::size_t first = 0) {
    Half::each_of(a.low, b.low, f, first);
    Half::each_of(a.high, b.high, f, first + kVectors / 2);
  }
};

template <class D>
struct Block<D, 1> {
  hn::Vec<D> vector;

  static HWY_INLINE Block filled(hn::Vec<D> value) { return {value}; }
  template <class F>
  HWY_INLINE void each(F f, std::size_t first = 0) {
    f(vector, first);
  }
  template <class Other, class F>
  static HWY_INLINE void each_of(Block& a, Block<Other, 1>& b, F f, std::size_t first = 0) {
    f(a.vector, b.vector, first);
  }
};

template <class T>
HWY_INLINE const T* operand_planes(const StepMemory& memory) {
  return reinterpret_cast<const T*>(memory.scratch + memory.in->begin_byte);
}

template <class T>
HWY_INLINE T* result_planes(const StepMemory& memory) {
  return reinterpret_cast<T*>(memory.scratch + memory.out->begin_byte);
}

// One half of a 32-bit lane, sign-extended.
template <class V>
HWY_INLINE V half_of_pair(V pair, std::size_t element) {
  return element % 2 == 0 ? hn::ShiftRight<16>(hn::ShiftLeft<16>(pair)) : hn::ShiftRight<16>(pair);
}

// 32-bit values (D32 or D32Half) of element `element` for the events from `event` on.
template <class D>
HWY_INLINE hn::Vec<D> load_int32(D d, const StepMemory& memory, std::size_t element,
                                 std::size_t event) {
  const auto* planes = operand_planes<std::int32_t>(memory) + event;
  if (memory.in->storage == Storage::int32) return hn::Load(d, planes + element * kTileEvents);
  const auto pair = hn::Load(d, planes + element / 2 * kTileEvents);
  return hn::Add(half_of_pair(pair, element), hn::Set(d, memory.in->offset));
}

// Writes element `element` of the result. Elements come in order: the even one of a pair first.
template <class D, std::size_t kVectors>
HWY_INLINE void store_int32(D d, Block<D, kVectors>& values, const StepMemory& memory,
                            std::size_t element, std::size_t event) {
  auto* const planes = result_planes<std::int32_t>(memory) + event;
  constexpr std::size_t kLanes = hn::MaxLanes(D());
  if (memory.out->storage == Storage::int32) {
    values.each([&](hn::Vec<D>& value, std::size_t v) SLUICE_VECTOR_LAMBDA {
      hn::Store(value, d, planes + element * kTileEvents + v * kLanes);
    });
    return;
  }
  std::int32_t* const pairs = planes + element / 2 * kTileEvents;
  const auto offset = hn::Set(d, memory.out->offset);
  if (element % 2 == 0) {
    const auto low_half = hn::Set(d, 0xFFFF);
    values.each([&](hn::Vec<D>& value, std::size_t v) SLUICE_VECTOR_LAMBDA {
      hn::Store(hn::And(hn::Sub(value, offset), low_half), d, pairs + v * kLanes);
    });
  } else {
    values.each([&](hn::Vec<D>& value, std::size_t v) SLUICE_VECTOR_LAMBDA {
      const auto high = hn::ShiftLeft<16>(hn::Sub(value, offset));
      hn::Store(hn::Or(hn::Load(d, pairs + v * kLanes), high), d, pairs + v * kLanes);
    });
  }
}

// One operation per pass over the vectors, so that each broadcasts its constants once.
template <std::size_t kVectors>
HWY_INLINE void finish_int32(Block<D32, kVectors>& sums, const Int32Unit& unit,
                             const Int32Rules& rules) {
  using V = hn::Vec<D32>;
  const D32 d;
  const auto lower = hn::Set(d, unit.lower);
  const auto upper = hn::Set(d, unit.upper);
  const auto add = hn::Set(d, unit.round_add);
  if (rules.adjusts) {
    const auto mask = hn::Set(d, unit.round_mask);
    sums.each([&](V& x, std::size_t) SLUICE_VECTOR_LAMBDA {
      x = hn::Min(hn::Max(x, lower), upper);
      const auto adjustment = hn::And(hn::ShiftRightSame(x, unit.round_shift), mask);
      x = hn::ShiftRightSame(hn::Add(hn::Add(x, add), adjustment), unit.right_shift);
    });
  } else {
    sums.each([&](V& x, std::size_t) SLUICE_VECTOR_LAMBDA {
      x = hn::Add(hn::Min(hn::Max(x, lower), upper), add);
      x = hn::ShiftRightSame(x, unit.right_shift);
    });
  }
  if (rules.grows) {
    sums.each([&](V& x, std::size_t)
                  SLUICE_VECTOR_LAMBDA { x = hn::ShiftLeftSame(x, unit.grow_shift); });
  }
  if (rules.saturates || rules.zeroes) {
    const auto min = hn::Set(d, unit.min);
    const auto max = hn::Set(d, unit.max);
    sums.each([&](V& x, std::size_t) SLUICE_VECTOR_LAMBDA {
      const auto nearest = hn::Min(hn::Max(x, min), max);
      x = rules.zeroes ? hn::IfThenElseZero(hn::Eq(x, nearest), x) : nearest;
    });
  }
  if (rules.wraps) {
    const auto mask = hn::Set(d, unit.wrap_mask);
    const auto sign = hn::Set(d, unit.wrap_sign);
    sums.each([&](V& x, std::size_t)
                  SLUICE_VECTOR_LAMBDA { x = hn::Sub(hn::Xor(hn::And(x, mask), sign), sign); });
  }
  if (rules.aligns) {
    sums.each([&](V& x, std::size_t)
                  SLUICE_VECTOR_LAMBDA { x = hn::ShiftLeftSame(x, unit.align_shift); });
  }
}

// Adds, modulo 2^32, to each lane of sum + rest the two products of a pair of 16-bit halves. The
// products may land in other lanes until RearrangeToOddPlusEven brings them back.
HWY_INLINE void add_pair_products(hn::Vec<D32> pairs, hn::Vec<D32> weights, hn::Vec<D32>& sum,
                                  hn::Vec<D32>& rest) {
#if HWY_TARGET == HWY_SCALAR
  sum = hn::Add(sum, hn::Mul(half_of_pair(pairs, 0), half_of_pair(weights, 0)));
  rest = hn::Add(rest, hn::Mul(half_of_pair(pairs, 1), half_of_pair(weights, 1)));
#else
  const D32 d;
  const hn::Repartition<std::int16_t, D32> d16;
  sum = hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, pairs), hn::BitCast(d16, weights), sum,
                                      rest);
#endif
}

// The pair sums of add_pair_products, each in its lane.
HWY_INLINE hn::Vec<D32> total_of(hn::Vec<D32> sum, hn::Vec<D32> rest) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Add(sum, rest);
#else
  return hn::RearrangeToOddPlusEven(sum, rest);
#endif
}

template <std::size_t kVectors>
HWY_INLINE void int16_pairs_block(const Step& step, const StepMemory& memory, std::size_t event) {
  using V = hn::Vec<D32>;
  using Sums = Block<D32, kVectors>;
  const D32 d;
  const auto* const operand = operand_planes<std::int32_t>(memory) + event;
  const Term<std::int32_t>* const terms = step.int32_terms.data();
  for (std::size_t element = 0; element < step.int32_units.size(); ++element) {
    const Int32Unit& unit = step.int32_units[element];
    Sums sums = Sums::filled(hn::Set(d, unit.bias));
    Sums rests = Sums::filled(hn::Zero(d));
    for (std::uint32_t i = unit.terms.begin; i < unit.terms.end; ++i) {
      const auto weights = hn::Set(d, terms[i].weight);
      const std::int32_t* const x = operand + terms[i].plane * kTileEvents;
      const auto add = [&](V& sum, V& rest, std::size_t v) SLUICE_VECTOR_LAMBDA {
        add_pair_products(hn::Load(d, x + v * kLanes32), weights, sum, rest);
      };
      Sums::each_of(sums, rests, add);
    }
    Sums::each_of(sums, rests, [&](V& sum, V& rest, std::size_t) SLUICE_VECTOR_LAMBDA {
      sum = total_of(sum, rest);
    });
    finish_int32(sums, unit, step.rules);
    store_int32(d, sums, memory, element, event);
  }
}

template <std::size_t kVectors>
HWY_INLINE void int32_block(const Step& step, const StepMemory& memory, std::size_t event) {
  const D32 d;
  for (std::size_t element = 0; element < step.int32_units.size(); ++element) {
    const Int32Unit& unit = step.int32_units[element];
    auto sums = Block<D32, kVectors>::filled(hn::Set(d, unit.bias));
    for (std::uint32_t i = unit.terms.begin; i < unit.terms.end; ++i) {
      const Term<std::int32_t>& term = step.int32_terms[i];
      const auto weight = hn::Set(d, term.weight);
      sums.each([&](hn::Vec<D32>& sum, std::size_t v) SLUICE_VECTOR_LAMBDA {
        const auto x = load_int32(d, memory, term.plane, event + v * kLanes32);
        sum = hn::Add(sum, hn::Mul(x, weight));
      });
    }
    finish_int32(sums, unit, step.rules);
    store_int32(d, sums, memory, element, event);
  }
}

// To the nearest integer, ties to even; |x| may be anything but NaN.
template <class D>
HWY_INLINE hn::Vec<D> round_to_even(D d, hn::Vec<D> x) {
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  // Highway 1.0.3's portable Round() adds 0.5 in floating point: it takes 0.49999997f to 1.
  using T = hn::TFromD<D>;
  const auto large = hn::Set(d, hwy::MantissaEnd<T>());
  const auto signed_large = hn::CopySign(large, x);
  const auto rounded = hn::Sub(hn::Add(x, signed_large), signed_large);
  return hn::IfThenElse(hn::Lt(hn::Abs(x), large), rounded, x);
#else
  (void)d;
  return hn::Round(x);
#endif
}

template <class D, class T>
HWY_INLINE hn::Vec<D> wrap_real(D d, hn::Vec<D> x, const RealQuantizer<T>& to) {
  const auto turns = hn::Floor(hn::Mul(x, hn::Set(d, to.inverse_modulus)));
  const auto modulus = hn::Set(d, to.modulus);
  auto residue = hn::Sub(x, hn::Mul(turns, modulus));
  residue = hn::IfThenElse(hn::Gt(residue, hn::Set(d, to.max)), hn::Sub(residue, modulus), residue);
  const auto finite = hn::Le(hn::Abs(x), hn::Set(d, std::numeric_limits<T>::max()));
  return hn::IfThenElseZero(finite, residue);
}

// The mantissa as an integral real. Every operation but the rounding itself is exact: scaling is
// by a power of two, and x - trunc(x) has no more bits than x.
template <class D, class T>
HWY_INLINE hn::Vec<D> quantize_real(D d, hn::Vec<D> x, const RealQuantizer<T>& to) {
  if (to.tiny > 0) {
    const auto tiny = hn::Set(d, to.tiny);
    const auto raise = hn::And(hn::Lt(hn::Abs(x), tiny), hn::Ne(x, hn::Zero(d)));
    x = hn::IfThenElse(raise, hn::CopySign(tiny, x), x);
  }
  x = hn::Mul(x, hn::Set(d, to.scale));
  if (to.to_even) {
    x = round_to_even(d, x);
  } else {
    const auto whole = hn::Trunc(x);
    const auto fraction = hn::Sub(x, whole);
    const auto one = hn::Set(d, T{1});
    const auto up = hn::IfThenElseZero(hn::Gt(fraction, hn::Set(d, to.up)), one);
    const auto down = hn::IfThenElseZero(hn::Lt(fraction, hn::Set(d, to.down)), one);
    x = hn::Sub(hn::Add(whole, up), down);
  }
  const auto min = hn::Set(d, to.min);
  const auto max = hn::Set(d, to.max);
  switch (to.overflow) {
    case fixed::Overflow::wrap:
      return wrap_real(d, x, to);
    case fixed::Overflow::sat_zero:
      return hn::IfThenElseZero(hn::And(hn::Ge(x, min), hn::Le(x, max)), x);
    case fixed::Overflow::sat:
    case fixed::Overflow::sat_sym:
      break;
  }
  return hn::Min(hn::Max(x, min), max);
}

HWY_INLINE hn::Vec<D64> load_float64(const StepMemory& memory, std::size_t element,
                                     std::size_t event) {
  if (memory.in->storage == Storage::int64) {
    const auto* plane = operand_planes<std::int64_t>(memory) + element * kTileEvents;
    return hn::ConvertTo(D64(), hn::Load(D64Int(), plane + event));
  }
  return hn::PromoteTo(D64(), load_int32(D32Half(), memory, element, event));
}

template <std::size_t kVectors>
HWY_INLINE void store_float64(Block<D64, kVectors>& values, const StepMemory& memory,
                              std::size_t element, std::size_t event) {
  if (memory.out->storage == Storage::int64) {
    auto* const plane = result_planes<std::int64_t>(memory) + element * kTileEvents + event;
    values.each([&](hn::Vec<D64>& value, std::size_t v) SLUICE_VECTOR_LAMBDA {
      hn::Store(hn::ConvertTo(D64Int(), value), D64Int(), plane + v * kLanes64);
    });
    return;
  }
  const D32Half d;
  auto mantissas = Block<D32Half, kVectors>::filled(hn::Zero(d));
  Block<D64, kVectors>::each_of(values, mantissas,
                                [&](hn::Vec<D64>& value, hn::Vec<D32Half>& mantissa, std::size_t)
                                    SLUICE_VECTOR_LAMBDA { mantissa = hn::DemoteTo(d, value); });
  store_int32(d, mantissas, memory, element, event);
}

template <std::size_t kVectors>
HWY_INLINE void float64_block(const Step& step, const StepMemory& memory, std::size_t event) {
  using V = hn::Vec<D64>;
  const D64 d;
  for (std::size_t element = 0; element < step.float64_units.size(); ++element) {
    const Float64Unit& unit = step.float64_units[element];
    auto sums = Block<D64, kVectors>::filled(hn::Set(d, unit.bias));
    for (std::uint32_t i = unit.terms.begin; i < unit.terms.end; ++i) {
      const Term<double>& term = step.float64_terms[i];
      const auto weight = hn::Set(d, term.weight);
      sums.each([&](V& sum, std::size_t v) SLUICE_VECTOR_LAMBDA {
        sum = hn::MulAdd(load_float64(memory, term.plane, event + v * kLanes64), weight, sum);
      });
    }
    sums.each([&](V& x, std::size_t) SLUICE_VECTOR_LAMBDA {
      x = hn::Min(hn::Max(x, hn::Set(d, unit.lower)), hn::Set(d, unit.upper));
      if (step.quantizes) x = quantize_real(d, x, unit.quantizer);
      x = hn::Mul(x, hn::Set(d, unit.align));
    });
    store_float64(sums, memory, element, event);
  }
}

// Calls f<vectors>(event) for blocks of eight vectors while they last, then smaller ones.
template <std::size_t kLanes, class F>
HWY_INLINE void in_blocks(std::size_t events, F f) {
  std::size_t event = 0;
  for (; event + 8 * kLanes <= events; event += 8 * kLanes) f.template operator()<8>(event);
  for (; event + 2 * kLanes <= events; event += 2 * kLanes) f.template operator()<2>(event);
  for (; event < events; event += kLanes) f.template operator()<1>(event);
}

void run_int16_pairs(const Step& step, const StepMemory& memory) {
  in_blocks<kLanes32>(memory.events, [&]<std::size_t kVectors>(std::size_t event) HWY_ATTR {
    int16_pairs_block<kVectors>(step, memory, event);
  });
}

void run_int32(const Step& step, const StepMemory& memory) {
  in_blocks<kLanes32>(memory.events, [&]<std::size_t kVectors>(std::size_t event)
                                         HWY_ATTR { int32_block<kVectors>(step, memory, event); });
}

void run_float64(const Step& step, const StepMemory& memory) {
  in_blocks<kLanes64>(memory.events, [&]<std::size_t kVectors>(std::size_t event) HWY_ATTR {
    float64_block<kVectors>(step, memory, event);
  });
}

// Calls body(from, to) for whole vectors of `from`; the last, partial one goes through a copy.
template <class From, class To, class Body>
HWY_INLINE void in_vectors(const From* from, std::size_t count, std::size_t lanes, To* to,
                           Body body) {
  constexpr std::size_t kMostLanes = kVectorBytes / sizeof(float);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) body(from + i, to + i);
  if (i == count) return;
  std::array<From, kMostLanes> rest{};
  std::array<To, kMostLanes> result{};
  std::memcpy(rest.data(), from + i, (count - i) * sizeof(From));
  body(rest.data(), result.data());
  std::memcpy(to + i, result.data(), (count - i) * sizeof(To));
}

template <class To>
HWY_INLINE void store_mantissas(hn::ScalableTag<float> d, hn::Vec<hn::ScalableTag<float>> value,
                                To* to) {
  const hn::RebindToSigned<decltype(d)> d_int;
  const auto mantissas = hn::ConvertTo(d_int, value);
  if constexpr (sizeof(To) == sizeof(std::int32_t)) {
    hn::StoreU(mantissas, d_int, to);
  } else {
    const hn::Rebind<To, decltype(d)> d_to;
    hn::StoreU(hn::DemoteTo(d_to, mantissas), d_to, to);
  }
}

template <class To>
HWY_INLINE void store_mantissas(D64 /*d*/, hn::Vec<D64> value, To* to) {
  if constexpr (sizeof(To) == sizeof(std::int64_t)) {
    hn::StoreU(hn::ConvertTo(D64Int(), value), D64Int(), to);
  } else {
    const D32Half d_int;
    const auto mantissas = hn::DemoteTo(d_int, value);
    if constexpr (sizeof(To) == sizeof(std::int32_t)) {
      hn::StoreU(mantissas, d_int, to);
    } else {
      const hn::Rebind<To, D64> d_to;
      hn::StoreU(hn::DemoteTo(d_to, mantissas), d_to, to);
    }
  }
}

template <class T, class To>
HWY_INLINE bool quantize_reals(const T* reals, std::size_t count, const RealQuantizer<T>& by,
                               To* mantissas) {
  const hn::ScalableTag<T> d;
  // A copy, so that the compiler sees that stores do not change it.
  const RealQuantizer<T> quantizer = by;
  auto unordered = hn::Ne(hn::Zero(d), hn::Zero(d));
  in_vectors(reals, count, hn::Lanes(d), mantissas, [&](const T* from, To* to) HWY_ATTR {
    const auto x = hn::LoadU(d, from);
    const auto is_nan = hn::IsNaN(x);
    unordered = hn::Or(unordered, is_nan);
    store_mantissas(d, quantize_real(d, hn::IfThenZeroElse(is_nan, x), quantizer), to);
  });
  return hn::AllFalse(d, unordered);
}

bool quantize_float(const float* reals, std::size_t count, const RealQuantizer<float>& to,
                    int container_bits, void* mantissas) {
  switch (container_bits) {
    case 8:
      return quantize_reals(reals, count, to, static_cast<std::int8_t*>(mantissas));
    case 16:
      return quantize_reals(reals, count, to, static_cast<std::int16_t*>(mantissas));
    default:
      return quantize_reals(reals, count, to, static_cast<std::int32_t*>(mantissas));
  }
}

bool quantize_double(const double* reals, std::size_t count, const RealQuantizer<double>& to,
                     int container_bits, void* mantissas) {
  switch (container_bits) {
    case 8:
      return quantize_reals(reals, count, to, static_cast<std::int8_t*>(mantissas));
    case 16:
      return quantize_reals(reals, count, to, static_cast<std::int16_t*>(mantissas));
    case 32:
      return quantize_reals(reals, count, to, static_cast<std::int32_t*>(mantissas));
    default:
      return quantize_reals(reals, count, to, static_cast<std::int64_t*>(mantissas));
  }
}

// Mantissas of 8, 16 or 32 bits to vectors of 32-bit lanes, as many as D has.
template <class D, class From>
HWY_INLINE auto load_mantissas(D /*d*/, const From* from) {
  const hn::Rebind<std::int32_t, D> d_int;
  if constexpr (sizeof(From) == sizeof(std::int32_t)) {
    return hn::LoadU(d_int, from);
  } else {
    return hn::PromoteTo(d_int, hn::LoadU(hn::Rebind<From, D>(), from));
  }
}

template <class T, class From>
HWY_INLINE void dequantize(const From* mantissas, std::size_t count, T scale, T* reals) {
  const hn::ScalableTag<T> d;
  in_vectors(mantissas, count, hn::Lanes(d), reals, [&](const From* from, T* to) HWY_ATTR {
    const auto values = load_mantissas(d, from);
    if constexpr (sizeof(T) == sizeof(float)) {
      hn::StoreU(hn::Mul(hn::ConvertTo(d, values), hn::Set(d, scale)), d, to);
    } else {
      hn::StoreU(hn::Mul(hn::PromoteTo(d, values), hn::Set(d, scale)), d, to);
    }
  });
}

template <class T>
void dequantize_container(const void* mantissas, int container_bits, std::size_t count, T scale,
                          T* reals) {
  switch (container_bits) {
    case 8:
      return dequantize(static_cast<const std::int8_t*>(mantissas), count, scale, reals);
    case 16:
      return dequantize(static_cast<const std::int16_t*>(mantissas), count, scale, reals);
    default:
      return dequantize(static_cast<const std::int32_t*>(mantissas), count, scale, reals);
  }
}

}  // namespace

const Kernels& kernels() {
  static const Kernels functions{hwy::TargetName(HWY_TARGET),
                                 kLanes32,
                                 run_int16_pairs,
                                 run_int32,
                                 run_float64,
                                 quantize_float,
                                 quantize_double,
                                 dequantize_container<float>,
                                 dequantize_container<double>};
  return functions;
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine {

namespace {

struct CompiledTarget {
  std::int64_t target;
  const Kernels& (*kernels)();
};

// Highway numbers better targets lower.
std::vector<CompiledTarget> compiled_targets() {
  return {
#if HWY_TARGETS & HWY_AVX3_DL
    {HWY_AVX3_DL, &N_AVX3_DL::kernels},
#endif
#if HWY_TARGETS & HWY_AVX3
        {HWY_AVX3, &N_AVX3::kernels},
#endif
#if HWY_TARGETS & HWY_AVX2
        {HWY_AVX2, &N_AVX2::kernels},
#endif
#if HWY_TARGETS & HWY_SSE4
        {HWY_SSE4, &N_SSE4::kernels},
#endif
#if HWY_TARGETS & HWY_SSSE3
        {HWY_SSSE3, &N_SSSE3::kernels},
#endif
#if HWY_TARGETS & HWY_NEON
        {HWY_NEON, &N_NEON::kernels},
#endif
#if HWY_TARGETS & HWY_PPC8
        {HWY_PPC8, &N_PPC8::kernels},
#endif
#if HWY_TARGETS & HWY_EMU128
        {HWY_EMU128, &N_EMU128::kernels},
#endif
#if HWY_TARGETS & HWY_SCALAR
        {HWY_SCALAR, &N_SCALAR::kernels},
#endif
  };
}

}  // namespace

namespace {

std::vector<const Kernels*> detect_kernels() {
  // The portable target runs everywhere, whatever Highway detects.
  const std::int64_t supported =
      hwy::SupportedTargets() | HWY_STATIC_TARGET | HWY_EMU128 | HWY_SCALAR;
  std::vector<const Kernels*> found;
  for (const CompiledTarget& compiled : compiled_targets()) {
    if ((supported & compiled.target) != 0) found.push_back(&compiled.kernels());
  }
  SLUICE_CHECK(!found.empty(), "no target was compiled");
  return found;
}

}  // namespace

const std::vector<const Kernels*>& supported_kernels() {
  // Asked once: a hypervisor makes CPUID cost many microseconds.
  static const std::vector<const Kernels*> kernels = detect_kernels();
  return kernels;
}

const Kernels& find_kernels(std::string_view target) {
  const std::vector<const Kernels*>& supported = supported_kernels();
  if (target.empty()) return *supported.front();
  std::string known;
  for (const Kernels* kernels : supported) {
    if (kernels->target == target) return *kernels;
    known += (known.empty() ? "" : ", ") + std::string(kernels->target);
  }
  throw UsageError("E-ENGINE-001", std::string(target),
                   "this CPU or build has no such vector target", "use one of " + known);
}

}  // namespace sluice::engine
#endif  // HWY_ONCE
