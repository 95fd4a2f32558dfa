#pragma once

#include <string>

#include "sluice/frontend/import.hpp"
#include "sluice/frontend/scaled_builder.hpp"

namespace sluice::frontend {

/// The real values of `x`, in ONNX's order, by the elements of its layer, whose name is given.
LayerValues layer_values(const ScaledTensor& x, const std::string& network_layer);

}  // namespace sluice::frontend
