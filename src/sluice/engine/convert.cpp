#include "sluice/engine/convert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/engine/checks.hpp"
#include "sluice/engine/converter.hpp"

namespace sluice::engine {

namespace {

template <class T>
std::optional<RealQuantizer<T>> planned(const fixed::Quantizer& to) {
  RealQuantizer<T> result;
  if (!plan_real_quantizer(to, 0, result)) return std::nullopt;
  return result;
}

template <class T>
bool is_normal_power_of_two(int exponent) {
  return exponent >= std::numeric_limits<T>::min_exponent - 1 &&
         exponent < std::numeric_limits<T>::max_exponent;
}

UsageError integers_found() {
  return UsageError("E-ENGINE-004", "reals", "found integers where reals are due",
                    "pass float or double");
}

}  // namespace

Converter::Converter(const EventLayout& layout, const Kernels& kernels)
    : kernels_(&kernels), container_bits_(layout.container_bits()) {
  for (const Segment& segment : layout.segments) {
    parts_.push_back({segment.elements, segment.quantizer, planned<float>(segment.quantizer),
                      planned<double>(segment.quantizer)});
  }
}

template <class F>
void Converter::for_each_run(std::size_t elements, F&& f) const {
  if (parts_.size() == 1) {
    f(parts_.front(), std::size_t{0}, elements);
    return;
  }
  for (std::size_t begin = 0; begin < elements;) {
    for (const Part& part : parts_) {
      f(part, begin, part.elements);
      begin += part.elements;
    }
  }
}

template <class T>
std::optional<std::size_t> Converter::quantize(std::span<const T> reals,
                                               std::byte* mantissas) const {
  const auto item_bytes = static_cast<std::size_t>(container_bits_ / 8);
  std::optional<std::size_t> first_nan;
  for_each_run(reals.size(), [&](const Part& part, std::size_t begin, std::size_t elements) {
    const auto nan =
        quantize_part(part, reals.subspan(begin, elements), mantissas + begin * item_bytes);
    if (nan && !first_nan) first_nan = begin + *nan;
  });
  return first_nan;
}

template <class T>
std::optional<std::size_t> Converter::quantize_part(const Part& part, std::span<const T> reals,
                                                    std::byte* mantissas) const {
  if (quantize_vectors(part, reals, mantissas)) return std::nullopt;
  const auto nan = std::ranges::find_if(reals, [](T value) { return std::isnan(value); });
  if (nan != reals.end()) return static_cast<std::size_t>(nan - reals.begin());
  with_container(container_bits_, [&]<class C>(C*) {
    auto* const to = reinterpret_cast<C*>(mantissas);
    for (std::size_t i = 0; i < reals.size(); ++i) {
      to[i] = static_cast<C>(fixed::quantize_real(static_cast<double>(reals[i]), part.quantizer));
    }
  });
  return std::nullopt;
}

// False when the vectors cannot do it exactly or met a NaN.
template <class T>
bool Converter::quantize_vectors(const Part& part, std::span<const T> reals,
                                 std::byte* mantissas) const {
  if constexpr (std::is_same_v<T, float>) {
    if (part.by_float && container_bits_ <= 32) {
      return kernels_->quantize_float(reals.data(), reals.size(), *part.by_float, container_bits_,
                                      mantissas);
    }
    std::array<double, 256> block;
    for (std::size_t begin = 0; begin < reals.size(); begin += block.size()) {
      const auto some = reals.subspan(begin, std::min(block.size(), reals.size() - begin));
      std::ranges::copy(some, block.begin());
      const auto item_bytes = static_cast<std::size_t>(container_bits_ / 8);
      if (!quantize_vectors(part, std::span<const double>(block.data(), some.size()),
                            mantissas + begin * item_bytes)) {
        return false;
      }
    }
    return true;
  } else {
    return part.by_double && kernels_->quantize_double(reals.data(), reals.size(), *part.by_double,
                                                       container_bits_, mantissas);
  }
}

template <class T>
void Converter::dequantize(const std::byte* mantissas, std::span<T> reals) const {
  const auto item_bytes = static_cast<std::size_t>(container_bits_ / 8);
  for_each_run(reals.size(), [&](const Part& part, std::size_t begin, std::size_t elements) {
    dequantize_part(part, mantissas + begin * item_bytes, reals.subspan(begin, elements));
  });
}

template <class T>
void Converter::dequantize_part(const Part& part, const std::byte* mantissas,
                                std::span<T> reals) const {
  const int exponent = -part.quantizer.format.frac_bits;
  if (container_bits_ <= 32 && is_normal_power_of_two<T>(exponent)) {
    const T scale = std::ldexp(T{1}, exponent);
    if constexpr (std::is_same_v<T, float>) {
      kernels_->dequantize_float(mantissas, container_bits_, reals.size(), scale, reals.data());
    } else {
      kernels_->dequantize_double(mantissas, container_bits_, reals.size(), scale, reals.data());
    }
    return;
  }
  with_container(container_bits_, [&]<class C>(C*) {
    const auto* const from = reinterpret_cast<const C*>(mantissas);
    for (std::size_t i = 0; i < reals.size(); ++i) {
      reals[i] = std::ldexp(static_cast<T>(from[i]), exponent);
    }
  });
}

template std::optional<std::size_t> Converter::quantize(std::span<const float>, std::byte*) const;
template std::optional<std::size_t> Converter::quantize(std::span<const double>, std::byte*) const;
template void Converter::dequantize(const std::byte*, std::span<float>) const;
template void Converter::dequantize(const std::byte*, std::span<double>) const;

EventConverter::EventConverter(EventLayout layout, std::string_view target)
    : layout_(std::move(layout)) {
  if (layout_.elements() == 0) {
    throw UsageError("E-ENGINE-005", "layout", "an event has no elements");
  }
  converter_ = std::make_unique<const Converter>(layout_, find_kernels(target));
}
EventConverter::EventConverter(EventConverter&&) noexcept = default;
EventConverter& EventConverter::operator=(EventConverter&&) noexcept = default;
EventConverter::~EventConverter() = default;

void EventConverter::quantize(const ConstEvents& reals, const Events& mantissas,
                              std::size_t first_event) const {
  require_container(mantissas, layout_, "mantissas");
  require_same_events(count_events(reals, layout_, "reals"),
                      count_events(mantissas, layout_, "mantissas"));
  std::visit(
      [&](const auto& from, const auto& to) {
        using T = typename std::remove_cvref_t<decltype(from)>::value_type;
        if constexpr (std::is_integral_v<T>) {
          throw integers_found();
        } else {
          const auto nan = converter_->quantize(from, reinterpret_cast<std::byte*>(to.data()));
          if (nan) throw nan_found(layout_, first_event * layout_.elements() + *nan);
        }
      },
      reals, mantissas);
}

void EventConverter::dequantize(const ConstEvents& mantissas, const Events& reals) const {
  require_container(mantissas, layout_, "mantissas");
  require_same_events(count_events(mantissas, layout_, "mantissas"),
                      count_events(reals, layout_, "reals"));
  std::visit(
      [&](const auto& from, const auto& to) {
        using T = typename std::remove_cvref_t<decltype(to)>::value_type;
        if constexpr (std::is_integral_v<T>) {
          throw integers_found();
        } else {
          converter_->dequantize(reinterpret_cast<const std::byte*>(from.data()), to);
        }
      },
      mantissas, reals);
}

}  // namespace sluice::engine
