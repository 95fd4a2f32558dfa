#include "sluice/engine/events.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/base/error.hpp"

namespace sluice::engine {

namespace {

template <class Result, class Byte>
Result split(std::span<Byte> bytes, int container_bits) {
  const auto as = [&]<class T>(T*) -> Result {
    if (bytes.size() % sizeof(T) != 0) {
      throw UsageError("E-ENGINE-002", "mantissas",
                       fmt::format("{} bytes are not a whole number of {}-bit containers",
                                   bytes.size(), container_bits));
    }
    return std::span<T>(reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T));
  };
  constexpr bool kConst = std::is_const_v<Byte>;
  switch (container_bits) {
    case 8:
      return as(static_cast<std::conditional_t<kConst, const std::int8_t, std::int8_t>*>(nullptr));
    case 16:
      return as(
          static_cast<std::conditional_t<kConst, const std::int16_t, std::int16_t>*>(nullptr));
    case 32:
      return as(
          static_cast<std::conditional_t<kConst, const std::int32_t, std::int32_t>*>(nullptr));
    case 64:
      return as(
          static_cast<std::conditional_t<kConst, const std::int64_t, std::int64_t>*>(nullptr));
    default:
      throw UsageError("E-ENGINE-002", "mantissas",
                       fmt::format("there is no container of {} bits", container_bits),
                       "use 8, 16, 32 or 64");
  }
}

}  // namespace

std::size_t EventLayout::elements() const noexcept {
  std::size_t count = 0;
  for (const Segment& segment : segments) count += segment.elements;
  return count;
}

int EventLayout::container_bits() const noexcept {
  int bits = 8;
  for (const Segment& segment : segments) {
    bits = std::max(bits, fixed::container_bits(segment.quantizer.format));
  }
  return bits;
}

std::size_t EventLayout::event_bytes() const noexcept {
  return elements() * static_cast<std::size_t>(container_bits() / 8);
}

ConstEvents as_mantissas(std::span<const std::byte> bytes, int container_bits) {
  return split<ConstEvents>(bytes, container_bits);
}

Events as_mantissas(std::span<std::byte> bytes, int container_bits) {
  return split<Events>(bytes, container_bits);
}

}  // namespace sluice::engine
