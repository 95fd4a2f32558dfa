#pragma once

#include <string>
#include <string_view>

#include "sluice/frontend/onnx_model.hpp"

namespace sluice::frontend {

/// True for bytes that begin as a serialised ONNX model does. Protocol buffers have no signature.
bool may_be_onnx(std::string_view bytes) noexcept;

/// Reads the bytes of an ONNX file. Throws ModelError about `origin`: malformed, too large, or with
/// tensors in other files.
OnnxModel read_onnx_file(std::string_view bytes, const std::string& origin);

}  // namespace sluice::frontend
