#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "sluice/engine/events.hpp"
#include "sluice/engine/kernels/kernels.hpp"

/// The conversions of convert.hpp without their checks, planned once. Internal to the engine.
namespace sluice::engine {

/// Calls f with a null pointer of the integer type of `container_bits` bits.
template <class F>
decltype(auto) with_container(int container_bits, F&& f) {
  switch (container_bits) {
    case 8:
      return f(static_cast<std::int8_t*>(nullptr));
    case 16:
      return f(static_cast<std::int16_t*>(nullptr));
    case 32:
      return f(static_cast<std::int32_t*>(nullptr));
    default:
      return f(static_cast<std::int64_t*>(nullptr));
  }
}

/// Bits of an integer element, 0 for a real one.
template <class T>
inline constexpr int kContainerBits = std::is_integral_v<T> ? static_cast<int>(sizeof(T) * 8) : 0;

class Converter {
 public:
  Converter(const EventLayout& layout, const Kernels& kernels);

  /// Whole events to mantissas in the layout's container. Returns the index of the first NaN.
  template <class T>
  std::optional<std::size_t> quantize(std::span<const T> reals, std::byte* mantissas) const;

  template <class T>
  void dequantize(const std::byte* mantissas, std::span<T> reals) const;

 private:
  struct Part {
    std::size_t elements;
    fixed::Quantizer quantizer;
    std::optional<RealQuantizer<float>> by_float;
    std::optional<RealQuantizer<double>> by_double;
  };

  template <class T>
  std::optional<std::size_t> quantize_part(const Part& part, std::span<const T> reals,
                                           std::byte* mantissas) const;
  template <class T>
  bool quantize_vectors(const Part& part, std::span<const T> reals, std::byte* mantissas) const;
  template <class T>
  void dequantize_part(const Part& part, const std::byte* mantissas, std::span<T> reals) const;
  /// f(part, first element, elements) for every run of elements that share a format.
  template <class F>
  void for_each_run(std::size_t elements, F&& f) const;

  const Kernels* kernels_;
  std::vector<Part> parts_;
  int container_bits_;
};

}  // namespace sluice::engine
