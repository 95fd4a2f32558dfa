#pragma once

#include <string>

#include "sluice/base/json.hpp"
#include "sluice/fixed/quantize.hpp"

/// Writing hls4ml's configuration dictionary. Internal to the calibration.
namespace sluice::calibrate {

/// The format for all that nothing else names: `Model/Precision`.
void set_model_format(Json& config, const std::string& text);

/// The format of `variable` ("weight", "bias", "scale", "result") under `LayerName/layer`; what is
/// said there about other variables stays.
void set_layer_format(Json& config, const std::string& layer, const std::string& variable,
                      const std::string& text);

/// `config` without `Model/Precision`.
Json without_model_format(Json config);

}  // namespace sluice::calibrate
