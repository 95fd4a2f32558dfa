#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sluice/fixed/quantize.hpp"

namespace sluice::engine {

/// Elements of consecutive events, packed back to back: integers are mantissas in their container
/// (fixed::container_bits), floating-point numbers are real values.
using ConstEvents = std::variant<std::span<const std::int8_t>, std::span<const std::int16_t>,
                                 std::span<const std::int32_t>, std::span<const std::int64_t>,
                                 std::span<const float>, std::span<const double>>;
using Events =
    std::variant<std::span<std::int8_t>, std::span<std::int16_t>, std::span<std::int32_t>,
                 std::span<std::int64_t>, std::span<float>, std::span<double>>;

/// Consecutive elements of an event that share a format: one input or output of a network.
struct Segment {
  std::string name;
  std::size_t elements = 0;
  fixed::Quantizer quantizer;  ///< how reals become mantissas; of an output only `format` counts
  friend bool operator==(const Segment&, const Segment&) = default;
};

/// One event in memory: the elements of every segment in order, all in one container.
struct EventLayout {
  std::vector<Segment> segments;
  friend bool operator==(const EventLayout&, const EventLayout&) = default;

  std::size_t elements() const noexcept;
  /// 8, 16, 32 or 64: the smallest container that holds every segment's format.
  int container_bits() const noexcept;
  /// Bytes of an event's mantissas.
  std::size_t event_bytes() const noexcept;
};

/// `bytes` seen as mantissas in containers of 8, 16, 32 or 64 bits; they must be aligned to them.
/// Throws UsageError when the size is not a multiple of the container.
ConstEvents as_mantissas(std::span<const std::byte> bytes, int container_bits);
Events as_mantissas(std::span<std::byte> bytes, int container_bits);

}  // namespace sluice::engine
