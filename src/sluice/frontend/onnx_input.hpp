#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sluice/fixed/quantize.hpp"
#include "sluice/frontend/onnx_model.hpp"

namespace sluice::frontend {

/// What is asked about a graph.
struct OnnxGraphView {
  std::function<std::span<const OnnxNode* const>(const std::string&)> users;
  std::function<const OnnxTensor*(const std::string&)> constant;
  std::function<bool(const std::string&)> is_output;
};

/// The quantiser that an input of the graph may have without changing any result, for any real
/// number: found where everything that happens to the input, up to shapes, sums and products with
/// one constant, ends in quantisers with power-of-two steps. Nothing where there is none.
std::optional<fixed::Quantizer> first_quantizer(const std::string& input,
                                                const OnnxGraphView& graph);

/// The order of an input's axes in which the first window that reads it, through nodes that keep
/// its axes, has its channels last. Nothing where no window reads it so.
std::optional<std::vector<std::size_t>> windowed_order(const std::string& input, std::size_t rank,
                                                       const OnnxGraphView& graph);

}  // namespace sluice::frontend
