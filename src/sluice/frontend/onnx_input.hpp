#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

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

}  // namespace sluice::frontend
