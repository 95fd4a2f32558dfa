#pragma once

#include <functional>
#include <optional>
#include <span>

#include "sluice/frontend/onnx_model.hpp"

namespace sluice::frontend {

/// One function of two tensors, element by element, with ONNX's multidirectional broadcasting. The
/// result is of the type of `a`. Throws ModelError, without a subject, where shapes do not agree.
OnnxTensor combine(const OnnxTensor& a, const OnnxTensor& b,
                   const std::function<double(double, double)>& function);

/// A constant permuted as ONNX's Transpose does.
OnnxTensor transposed(const OnnxTensor& tensor, std::span<const std::int64_t> axes);

/// What a node makes of constants, in float64; nothing for an operator that is not folded.
/// `inputs` has null for inputs that are left out. Throws ModelError without a subject.
std::optional<OnnxTensor> fold(const OnnxNode& node, std::span<const OnnxTensor* const> inputs,
                               std::int64_t opset);

/// An axis counted from the end where negative, checked against a rank.
std::size_t checked_axis(std::int64_t axis, std::size_t rank);

/// Reshape's rule for 0 and -1.
network::Shape completed_shape(const network::Shape& from, std::span<const std::int64_t> to,
                               bool zero_is_zero);

/// The integers of a constant.
std::vector<std::int64_t> integers(const OnnxTensor& tensor);

/// An integer list that is an attribute in old operator sets and input `i` in new ones.
std::optional<std::vector<std::int64_t>> list_argument(const OnnxNode& node, const char* attribute,
                                                       std::span<const OnnxTensor* const> inputs,
                                                       std::size_t i);

/// The shape under which a list of numbers, one per index of `axis`, broadcasts to `rank` axes.
network::Shape along_axis(const OnnxTensor& numbers, std::int64_t axis, std::size_t rank);

}  // namespace sluice::frontend
