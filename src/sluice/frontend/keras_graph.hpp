#pragma once

#include <string>

#include "sluice/base/diagnostics.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/keras_file.hpp"
#include "sluice/frontend/keras_model.hpp"
#include "sluice/frontend/precision_config.hpp"

namespace sluice::frontend {

/// Builds the network of a Keras model: plans every layer, finds the quantiser of each input, and
/// connects. Reports to `diagnostics`; the result is meaningful when that holds no error.
Imported import_keras(const KerasModel& model, const ModelWeights& weights,
                      const PrecisionConfig& precision, const std::string& name,
                      Diagnostics& diagnostics);

}  // namespace sluice::frontend
