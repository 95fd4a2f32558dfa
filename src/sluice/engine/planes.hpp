#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "sluice/engine/program.hpp"

/// Access to the planes of a tile's buffers by portable code. Internal to the engine.
namespace sluice::engine {

template <class T>
T* plane(const Buffer& buffer, std::byte* scratch, std::size_t number) {
  return reinterpret_cast<T*>(scratch + buffer.begin_byte) + number * kTileEvents;
}

/// f(mantissa, event) for the first `count` events of an element.
template <class F>
void for_each_event(const Buffer& buffer, std::byte* scratch, std::size_t element,
                    std::size_t count, F&& f) {
  switch (buffer.storage) {
    case Storage::int16_pairs: {
      const auto* const pairs = plane<std::uint32_t>(buffer, scratch, element / 2);
      const int shift = element % 2 == 0 ? 0 : 16;
      for (std::size_t i = 0; i < count; ++i) {
        f(std::int64_t{static_cast<std::int16_t>(pairs[i] >> shift)} + buffer.offset, i);
      }
      return;
    }
    case Storage::int32: {
      const auto* const values = plane<std::int32_t>(buffer, scratch, element);
      for (std::size_t i = 0; i < count; ++i) f(std::int64_t{values[i]}, i);
      return;
    }
    case Storage::int64: {
      const auto* const values = plane<std::int64_t>(buffer, scratch, element);
      for (std::size_t i = 0; i < count; ++i) f(values[i], i);
      return;
    }
  }
}

/// One element of the events of a tile.
template <class T>
using Column = std::array<T, kTileEvents>;

/// Elements must come in order: the even one of a pair first.
template <class T>
void store_column(const Buffer& buffer, std::byte* scratch, std::size_t element, std::size_t count,
                  const Column<T>& column) {
  switch (buffer.storage) {
    case Storage::int16_pairs: {
      auto* const pairs = plane<std::uint32_t>(buffer, scratch, element / 2);
      for (std::size_t i = 0; i < count; ++i) {
        const auto half =
            static_cast<std::uint32_t>(static_cast<std::uint16_t>(column[i] - buffer.offset));
        pairs[i] = element % 2 == 0 ? half : (pairs[i] & 0xFFFF) | half << 16;
      }
      return;
    }
    case Storage::int32: {
      auto* const values = plane<std::int32_t>(buffer, scratch, element);
      for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<std::int32_t>(column[i]);
      return;
    }
    case Storage::int64: {
      auto* const values = plane<std::int64_t>(buffer, scratch, element);
      std::copy_n(column.begin(), count, values);
      return;
    }
  }
}

}  // namespace sluice::engine
