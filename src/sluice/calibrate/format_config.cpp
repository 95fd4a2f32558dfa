#include "sluice/calibrate/format_config.hpp"

#include <utility>

namespace sluice::calibrate {

void set_model_format(Json& config, const std::string& text) {
  config["Model"]["Precision"] = text;
}

void set_layer_format(Json& config, const std::string& layer, const std::string& variable,
                      const std::string& text) {
  Json& precision = config["LayerName"][layer]["Precision"];
  if (!precision.is_object()) {
    Json whole = std::exchange(precision, Json::object());
    if (!whole.is_null()) precision["default"] = std::move(whole);
  }
  precision[variable] = text;
}

Json without_model_format(Json config) {
  if (config.contains("Model") && config["Model"].is_object()) {
    config["Model"].erase("Precision");
    if (config["Model"].empty()) config.erase("Model");
  }
  return config;
}

}  // namespace sluice::calibrate
