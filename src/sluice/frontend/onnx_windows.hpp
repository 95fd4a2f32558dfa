#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sluice/frontend/onnx_model.hpp"
#include "sluice/frontend/scaled_builder.hpp"
#include "sluice/network/movement.hpp"

/// Sliding windows over channels-first tensors [batch, channels, spatial...].
namespace sluice::frontend {

/// A Conv node's geometry. Reading throws ModelError without a subject.
struct ConvolutionShape {
  std::vector<network::WindowAxis> window;
  std::int64_t groups = 1;
  std::int64_t channels = 1;  ///< of the input
  std::int64_t outputs = 1;   ///< channels of the result

  bool pads() const;
  /// The kernel [outputs, channels / groups, taps...] of one group as a matrix
  /// [taps * channels / groups][outputs / groups].
  OnnxTensor matrix(const OnnxTensor& kernel, std::int64_t group) const;
  /// The numbers of one group out of one number per output.
  OnnxTensor part(const OnnxTensor& bias, std::int64_t group) const;
};
ConvolutionShape read_convolution(const OnnxNode& node, const network::Shape& x,
                                  const network::Shape& kernel);

/// A ConvTranspose as a convolution over a tensor with zeros between its elements.
struct TransposedShape {
  std::vector<std::int64_t> strides;  ///< of the spatial axes
  ConvolutionShape convolution;       ///< over the tensor with zeros
  /// A kernel [channels, outputs / groups, taps...] as that of the convolution.
  OnnxTensor turned(const OnnxTensor& kernel) const;
};
TransposedShape read_transposed_convolution(const OnnxNode& node, const network::Shape& x,
                                            const network::Shape& kernel);
/// Puts strides - 1 zeros between the elements of each spatial axis.
void spread(ScaledBuilder& builder, ScaledTensor& x, std::span<const std::int64_t> strides,
            const std::string& name);

struct PoolingWindow {
  std::vector<network::WindowAxis> axes;
  bool pads = false;
  std::int64_t taps() const;
};
PoolingWindow read_pooling(const OnnxNode& node, const network::Shape& x);

/// The layer of `x` becomes its windows, elements in `order`; x.shape is kept for channels_first.
void slide_window(ScaledBuilder& builder, ScaledTensor& x,
                  std::span<const network::WindowAxis> window, network::WindowOrder order,
                  const std::string& name,
                  network::WindowPadding padding = network::WindowPadding::zero);

/// After slide_window and a sum over each window: the shape in ONNX's words of a layer
/// [positions..., channels].
void channels_first(ScaledTensor& x, std::span<const network::WindowAxis> window,
                    std::int64_t channels);

/// Calls `dense(group, index)` with the windows of each group of channels, and puts the results
/// one after the other.
void convolve_groups(ScaledBuilder& builder, ScaledTensor& x, const ConvolutionShape& shape,
                     const std::string& name,
                     const std::function<void(ScaledTensor&, std::int64_t)>& dense);

/// Zeros added, or elements removed where negative, along every axis of x.shape but the batch.
ScaledTensor padded(ScaledBuilder& builder, ScaledTensor x, std::span<const std::int64_t> before,
                    std::span<const std::int64_t> after, const std::string& name);

}  // namespace sluice::frontend
