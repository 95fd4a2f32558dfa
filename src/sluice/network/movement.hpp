#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sluice/network/network.hpp"

/// The indices of common movements of data, as Gather layers. All arguments are checked by the
/// caller; a wrong one throws InternalError.
namespace sluice::network {

/// One spatial axis of a sliding window.
struct WindowAxis {
  std::int64_t size = 1;  ///< taps
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_before = 0;
  std::int64_t pad_after = 0;

  /// Positions of the window over `extent` elements; less than 1 when it does not fit.
  std::int64_t positions(std::int64_t extent) const noexcept {
    const std::int64_t room = extent + pad_before + pad_after - (size - 1) * dilation - 1;
    return room < 0 ? 0 : room / stride + 1;
  }
};

/// Order of a window's elements.
enum class WindowOrder : std::uint8_t {
  taps_channels,  ///< result [positions..., taps * channels]: a convolution, followed by Dense
  channels_taps,  ///< result [positions..., channels, taps]: a pooling, followed by Reduce
};

/// What a tap outside of the operand reads.
enum class WindowPadding : std::uint8_t {
  zero,
  repeat,  ///< some element inside the same window: does not change a maximum or minimum
};

/// Sliding windows over [spatial..., channels], one axis of the window per spatial axis.
Gather sliding_windows(const Shape& shape, std::span<const WindowAxis> axes, WindowOrder order,
                       WindowPadding padding = WindowPadding::zero);

/// Axis i of the result is axis axes[i] of the operand.
Gather permute(const Shape& shape, std::span<const std::int64_t> axes);

/// Operands of equal shape but for `axis`, one after the other along it.
Gather concatenate(std::span<const Shape> shapes, std::size_t axis);

/// Per axis, `before` and `after` zeros are added, or elements cropped where negative.
Gather pad(const Shape& shape, std::span<const std::int64_t> before,
           std::span<const std::int64_t> after);

/// Every element `factors[axis]` times in a row along each axis: nearest-neighbour up-sampling.
Gather repeat(const Shape& shape, std::span<const std::int64_t> factors);

/// Elements begin, begin + step, ... of each axis, `counts[axis]` of them; a step may be negative.
Gather slice(const Shape& shape, std::span<const std::int64_t> begins,
             std::span<const std::int64_t> steps, std::span<const std::int64_t> counts);

/// Elements `indices` of `axis`, in this order.
Gather take(const Shape& shape, std::size_t axis, std::span<const std::int64_t> indices);

/// Element `index` of the first axis, which disappears.
Gather index_first_axis(const Shape& shape, std::int64_t index);

/// Operands of equal shape along a new first axis.
Gather stack(std::span<const Shape> shapes);

/// `strides[axis] - 1` zeros between the elements of each axis: what a transposed convolution
/// reads.
Gather insert_zeros(const Shape& shape, std::span<const std::int64_t> strides);

/// To a shape of as many or more axes, as numpy does: axes of extent 1, and missing leading ones,
/// repeat.
Gather broadcast(const Shape& shape, const Shape& to);

/// The shape that two operands broadcast to; nothing when they do not.
std::optional<Shape> broadcast_shape(const Shape& a, const Shape& b);

}  // namespace sluice::network
