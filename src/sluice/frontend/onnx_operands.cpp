#include "sluice/frontend/onnx_operands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

const OnnxTensor* constant(OnnxOperands inputs, std::size_t i) {
  return i < inputs.size() && inputs[i] != nullptr ? std::get_if<OnnxTensor>(inputs[i]) : nullptr;
}

const ScaledTensor* tensor(OnnxOperands inputs, std::size_t i) {
  return i < inputs.size() && inputs[i] != nullptr ? std::get_if<ScaledTensor>(inputs[i]) : nullptr;
}

const ScaledTensor& operand(OnnxOperands inputs, std::size_t i) {
  const ScaledTensor* const x = tensor(inputs, i);
  if (x == nullptr) refuse(codes::kGraph, fmt::format("its input {} is a constant", i));
  return *x;
}

const OnnxTensor& parameter(OnnxOperands inputs, std::size_t i, const char* what) {
  const OnnxTensor* const value = constant(inputs, i);
  if (value == nullptr) {
    refuse(codes::kGraph, fmt::format("its {} is no constant", what),
           "only weights that are stored in the file are read");
  }
  return *value;
}

std::vector<const OnnxTensor*> constants(OnnxOperands inputs) {
  std::vector<const OnnxTensor*> all;
  for (std::size_t i = 0; i < inputs.size(); ++i) all.push_back(constant(inputs, i));
  return all;
}

bool has_batch(const network::Shape& shape) { return shape.size() > 1 && shape.front() == 1; }

void count_parameters(LayerSummary& summary, const OnnxTensor& tensor) {
  summary.parameters += static_cast<std::int64_t>(tensor.values.size());
  summary.zeros += std::ranges::count(tensor.values, 0.0);
}

void require_finite(const OnnxTensor& tensor, const char* what) {
  for (const double value : tensor.values) {
    if (!std::isfinite(value)) refuse(codes::kNotFinite, fmt::format("{} holds {}", what, value));
  }
}

}  // namespace sluice::frontend
