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

/// Vectors of consecutive events: several independent sums hide the latency of additions and
/// share the broadcast of a weight.
template <class D>
struct One {
  static constexpr std::size_t kVectors = 1;
  hn::Vec<D> v0;
  template <class F>
  static HWY_INLINE One make(F f) {
    return {f(0)};
  }
  template <class F>
  HWY_INLINE void each(F f) {
    f(v0, 0);
  }
};

template <class D>
struct Four {
  static constexpr std::size_t kVectors = 4;
  hn::Vec<D> v0, v1, v2, v3;
  template <class F>
  static HWY_INLINE Four make(F f) {
    return {f(0), f(1), f(2), f(3)};
  }
  template <class F>
  HWY_INLINE void each(F f) {
    f(v0, 0);
    f(v1, 1);
    f(v2, 2);
    f(v3, 3);
  }
};

// f(vector of a, vector of b, its number) for every vector of two blocks.
template <class D, class F>
HWY_INLINE void each_of(One<D>& a, One<D>& b, F f) {
  f(a.v0, b.v0, 0);
}
template <class D, class F>
HWY_INLINE void each_of(Four<D>& a, Four<D>& b, F f) {
  f(a.v0, b.v0, 0);
  f(a.v1, b.v1, 1);
  f(a.v2, b.v2, 2);
  f(a.v3, b.v3, 3);
}

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

// Elements are written in order, so that the even one of a pair comes first.
template <class D>
HWY_INLINE void store_half_of_pair(D d, hn::Vec<D> value, std::size_t element,
                                   std::int32_t* HWY_RESTRICT to) {
  const auto stored = element % 2 == 0 ? hn::And(value, hn::Set(d, 0xFFFF))
                                       : hn::Or(hn::Load(d, to), hn::ShiftLeft<16>(value));
  hn::Store(stored, d, to);
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

template <class D>
HWY_INLINE void store_int32(D d, hn::Vec<D> value, const StepMemory& memory, std::size_t element,
                            std::size_t event) {
  auto* planes = result_planes<std::int32_t>(memory) + event;
  if (memory.out->storage == Storage::int32) {
    hn::Store(value, d, planes + element * kTileEvents);
    return;
  }
  store_half_of_pair(d, hn::Sub(value, hn::Set(d, memory.out->offset)), element,
                     planes + element / 2 * kTileEvents);
}

HWY_INLINE hn::Vec<D32> finish_int32(hn::Vec<D32> sum, const Int32Unit& unit,
                                     const Int32Rules& rules) {
  const D32 d;
  auto x = hn::Min(hn::Max(sum, hn::Set(d, unit.lower)), hn::Set(d, unit.upper));
  auto rounded = hn::Add(x, hn::Set(d, unit.round_add));
  if (rules.adjusts) {
    const auto shifted = hn::ShiftRightSame(x, unit.round_shift);
    rounded = hn::Add(rounded, hn::And(shifted, hn::Set(d, unit.round_mask)));
  }
  x = hn::ShiftRightSame(rounded, unit.right_shift);
  if (rules.grows) x = hn::ShiftLeftSame(x, unit.grow_shift);
  if (rules.saturates) x = hn::Min(hn::Max(x, hn::Set(d, unit.min)), hn::Set(d, unit.max));
  if (rules.zeroes) {
    const auto nearest = hn::Min(hn::Max(x, hn::Set(d, unit.min)), hn::Set(d, unit.max));
    x = hn::IfThenElseZero(hn::Eq(x, nearest), x);
  }
  if (rules.wraps) {
    const auto sign = hn::Set(d, unit.wrap_sign);
    x = hn::Sub(hn::Xor(hn::And(x, hn::Set(d, unit.wrap_mask)), sign), sign);
  }
  if (rules.aligns) x = hn::ShiftLeftSame(x, unit.align_shift);
  return x;
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

template <template <class> class Block>
HWY_INLINE void int16_pairs_block(const Step& step, const StepMemory& memory, std::size_t event) {
  const D32 d;
  const std::size_t lanes = hn::Lanes(d);
  const auto* HWY_RESTRICT operand = operand_planes<std::int32_t>(memory) + event;
  const Term<std::int32_t>* const terms = step.int32_terms.data();
  for (std::size_t element = 0; element < step.int32_units.size(); ++element) {
    const Int32Unit& unit = step.int32_units[element];
    auto sum = Block<D32>::make([&](std::size_t) HWY_ATTR { return hn::Set(d, unit.bias); });
    auto rest = Block<D32>::make([&](std::size_t) HWY_ATTR { return hn::Zero(d); });
    for (std::uint32_t i = unit.terms.begin; i < unit.terms.end; ++i) {
      const auto weights = hn::Set(d, terms[i].weight);
      const std::int32_t* const x = operand + terms[i].plane * kTileEvents;
      const auto add = [&](hn::Vec<D32>& to, hn::Vec<D32>& to_rest, std::size_t v) HWY_ATTR {
        add_pair_products(hn::Load(d, x + v * lanes), weights, to, to_rest);
      };
      each_of(sum, rest, add);
    }
    const auto finish = [&](hn::Vec<D32>& total, hn::Vec<D32>& total_rest, std::size_t v) HWY_ATTR {
      const auto pair_sums = total_of(total, total_rest);
      store_int32(d, finish_int32(pair_sums, unit, step.rules), memory, element, event + v * lanes);
    };
    each_of(sum, rest, finish);
  }
}

template <template <class> class Block>
HWY_INLINE void int32_block(const Step& step, const StepMemory& memory, std::size_t event) {
  const D32 d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t element = 0; element < step.int32_units.size(); ++element) {
    const Int32Unit& unit = step.int32_units[element];
    auto sum = Block<D32>::make([&](std::size_t) HWY_ATTR { return hn::Set(d, unit.bias); });
    for (std::uint32_t i = unit.terms.begin; i < unit.terms.end; ++i) {
      const Term<std::int32_t>& term = step.int32_terms[i];
      const auto weight = hn::Set(d, term.weight);
      sum.each([&](hn::Vec<D32>& to, std::size_t v) HWY_ATTR {
        const auto x = load_int32(d, memory, term.plane, event + v * lanes);
        to = hn::Add(to, hn::Mul(x, weight));
      });
    }
    sum.each([&](hn::Vec<D32>& total, std::size_t v) HWY_ATTR {
      store_int32(d, finish_int32(total, unit, step.rules), memory, element, event + v * lanes);
    });
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

HWY_INLINE void store_float64(hn::Vec<D64> value, const StepMemory& memory, std::size_t element,
                              std::size_t event) {
  if (memory.out->storage == Storage::int64) {
    auto* plane = result_planes<std::int64_t>(memory) + element * kTileEvents;
    hn::Store(hn::ConvertTo(D64Int(), value), D64Int(), plane + event);
    return;
  }
  store_int32(D32Half(), hn::DemoteTo(D32Half(), value), memory, element, event);
}

template <template <class> class Block>
HWY_INLINE void float64_block(const Step& step, const StepMemory& memory, std::size_t event) {
  const D64 d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t element = 0; element < step.float64_units.size(); ++element) {
    const Float64Unit& unit = step.float64_units[element];
    auto sum = Block<D64>::make([&](std::size_t) HWY_ATTR { return hn::Set(d, unit.bias); });
    for (std::uint32_t i = unit.terms.begin; i < unit.terms.end; ++i) {
      const Term<double>& term = step.float64_terms[i];
      const auto weight = hn::Set(d, term.weight);
      sum.each([&](hn::Vec<D64>& to, std::size_t v) HWY_ATTR {
        to = hn::MulAdd(load_float64(memory, term.plane, event + v * lanes), weight, to);
      });
    }
    sum.each([&](hn::Vec<D64>& total, std::size_t v) HWY_ATTR {
      auto x = hn::Min(hn::Max(total, hn::Set(d, unit.lower)), hn::Set(d, unit.upper));
      if (step.quantizes) x = quantize_real(d, x, unit.quantizer);
      store_float64(hn::Mul(x, hn::Set(d, unit.align)), memory, element, event + v * lanes);
    });
  }
}

// Blocks of four vectors while they last, then single ones.
template <class RunFour, class RunOne>
HWY_INLINE void in_blocks(std::size_t events, std::size_t lanes, RunFour run_four, RunOne run_one) {
  std::size_t event = 0;
  for (; event + 4 * lanes <= events; event += 4 * lanes) run_four(event);
  for (; event < events; event += lanes) run_one(event);
}

void run_int16_pairs(const Step& step, const StepMemory& memory) {
  in_blocks(
      memory.events, hn::Lanes(D32()),
      [&](std::size_t event) HWY_ATTR { int16_pairs_block<Four>(step, memory, event); },
      [&](std::size_t event) HWY_ATTR { int16_pairs_block<One>(step, memory, event); });
}

void run_int32(const Step& step, const StepMemory& memory) {
  in_blocks(
      memory.events, hn::Lanes(D32()),
      [&](std::size_t event) HWY_ATTR { int32_block<Four>(step, memory, event); },
      [&](std::size_t event) HWY_ATTR { int32_block<One>(step, memory, event); });
}

void run_float64(const Step& step, const StepMemory& memory) {
  in_blocks(
      memory.events, hn::Lanes(D64()),
      [&](std::size_t event) HWY_ATTR { float64_block<Four>(step, memory, event); },
      [&](std::size_t event) HWY_ATTR { float64_block<One>(step, memory, event); });
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
                                 hn::Lanes(D32()),
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

std::vector<const Kernels*> supported_kernels() {
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

const Kernels& find_kernels(std::string_view target) {
  const std::vector<const Kernels*> supported = supported_kernels();
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
