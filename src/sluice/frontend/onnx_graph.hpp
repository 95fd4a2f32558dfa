#pragma once

#include <string>

#include "sluice/base/diagnostics.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/onnx_model.hpp"
#include "sluice/frontend/precision_config.hpp"

namespace sluice::frontend {

/// Builds the network of an ONNX or QONNX graph for one event: the batch axis, the first of every
/// input, becomes 1 and is no axis of the network. Reports to `diagnostics`; the result is
/// meaningful when that holds no error.
Imported import_onnx(const OnnxModel& model, const PrecisionConfig& precision,
                     const std::string& name, Diagnostics& diagnostics);

}  // namespace sluice::frontend
