#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "sluice/network/network.hpp"

namespace sluice::synth {

/// One element of a tensor that only moves data: that of another layer, or zero.
struct Moved {
  std::int32_t layer = -1;  ///< -1: zero
  std::int64_t element = 0;
  friend bool operator==(const Moved&, const Moved&) = default;
};

/// What an element of the vector at each position reads: element `element` of the vector of `layer`
/// at position offsets + strides * own position, and zero where there is none.
struct TapShape {
  std::int32_t layer = -1;  ///< -1: always zero
  std::int64_t element = 0;
  std::vector<std::int64_t> offsets;
};

/// Moved data as taps: sliding windows, strides, crops and zero padding.
struct TapPattern {
  std::vector<std::int64_t> extents;  ///< of the positions
  std::vector<std::int64_t> strides;
  std::vector<TapShape> taps;  ///< by element of the vector
  bool is_aligned = false;     ///< every position reads the same position
};

/// What a tap gives where there is none of its position.
enum class Outside : std::uint8_t {
  zero,
  /// What another tap of the same run along the last axis reads, not zero: enough for a maximum or
  /// minimum along that axis if the tap has no say in it.
  repeated,
};

/// `elements` of a tensor of `shape`, whose leading axes are positions, as taps of layers whose
/// positions are `from_extents` and whose vectors have vector_size(layer) elements. Nothing where
/// the movement is another.
std::optional<TapPattern> find_taps(const network::Shape& shape, std::span<const Moved> elements,
                                    std::span<const std::int64_t> from_extents,
                                    const std::function<std::int64_t(std::int32_t)>& vector_size,
                                    Outside outside = Outside::zero);

}  // namespace sluice::synth
