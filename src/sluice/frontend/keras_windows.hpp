#pragma once

#include <string>
#include <vector>

#include "sluice/frontend/keras_layer_builder.hpp"
#include "sluice/network/movement.hpp"

/// Settings that convolutions and poolings share. Internal to the front end.
namespace sluice::frontend {

/// The spatial axes of a layer, one for `...1D`, two for `...2D`.
std::size_t spatial_axes(const KerasLayer& layer);

struct WindowSettings {
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;
  std::string padding;  ///< "valid", "same" or "causal"

  /// The window over an operand [spatial..., channels]. Throws ModelError when it does not fit.
  std::vector<network::WindowAxis> over(const network::Shape& shape) const;
};

/// Reads `sizes_key`, `strides` (by default 1 for convolutions, the size for poolings), `padding`
/// and, where `dilations_key` is not null, dilations.
WindowSettings window_settings(const LayerBuilder& layer, const char* sizes_key,
                               const char* dilations_key);

/// Throws ModelError unless the shape has this many axes and channels.
void check_window_operand(const network::Shape& shape, std::size_t axes);

/// The windows as an operation, unless they are too many elements.
ResolvedOp windows_op(const network::Shape& shape, const std::vector<network::WindowAxis>& axes,
                      network::WindowOrder order, network::WindowPadding padding);

void add_windows(LayerBuilder& layer, WindowSettings windows, network::WindowOrder order,
                 network::WindowPadding padding);

/// [channels, spatial...] to [spatial..., channels] and back.
void add_channels_last(LayerBuilder& layer);
void add_channels_first(LayerBuilder& layer);

}  // namespace sluice::frontend
