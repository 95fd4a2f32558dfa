#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sluice/frontend/onnx_nodes.hpp"

/// What a node is given. Internal to the planners of ONNX nodes; each throws ModelError without a
/// subject.
namespace sluice::frontend {

using OnnxOperands = std::span<const OnnxValue* const>;

/// Input `i` where it is a constant; null else.
const OnnxTensor* constant(OnnxOperands inputs, std::size_t i);
/// Input `i` where it depends on the model's input; null else.
const ScaledTensor* tensor(OnnxOperands inputs, std::size_t i);
/// Input `i`, which depends on the model's input.
const ScaledTensor& operand(OnnxOperands inputs, std::size_t i = 0);
/// Input `i`, which is a constant.
const OnnxTensor& parameter(OnnxOperands inputs, std::size_t i, const char* what);
/// All inputs as constants; null where they are left out or depend on the model's input.
std::vector<const OnnxTensor*> constants(OnnxOperands inputs);

/// A first axis of one: that of the batch. Reshape may have joined the batch with another axis.
bool has_batch(const network::Shape& shape);

void count_parameters(LayerSummary& summary, const OnnxTensor& tensor);
void require_finite(const OnnxTensor& tensor, const char* what);

}  // namespace sluice::frontend
