#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/testing/evaluate.hpp"
#include "sluice/frontend/testing/hdf5_writer.hpp"

/// Support for tests: Keras models written as JSON, with weights.
namespace sluice::frontend::testing {

using Tensors = std::vector<WeightsWriter::Tensor>;

inline Json layer_json(const char* class_name, const char* name, Json config = Json::object()) {
  config["name"] = name;
  return {{"class_name", class_name}, {"config", std::move(config)}};
}

inline Json input_json(const char* name, std::vector<int> shape) {
  Json batch_shape = Json::array({nullptr});
  for (const int extent : shape) batch_shape.push_back(extent);
  return layer_json("InputLayer", name, {{"batch_input_shape", batch_shape}});
}

inline Json sequential(std::vector<Json> layers) {
  return {{"class_name", "Sequential"}, {"config", {{"name", "net"}, {"layers", layers}}}};
}

inline Json qdense(const char* name, int units, Json more = Json::object()) {
  Json config = {{"units", units},
                 {"kernel_quantizer", "quantized_bits(6,1,alpha=1)"},
                 {"bias_quantizer", "quantized_bits(6,1,alpha=1)"}};
  config.update(more);
  return layer_json("QDense", name, std::move(config));
}

inline const Json kQuantizeInput =
    layer_json("QActivation", "q", {{"activation", "quantized_bits(8,3,alpha=1)"}});

inline Imported import_json(const Json& model, const std::map<std::string, Tensors>& weights,
                            const ImportOptions& options = {}) {
  WeightsWriter writer;
  for (const auto& [layer, tensors] : weights) writer.layer(layer, tensors);
  return import_model_bytes(model.dump(), writer.bytes(), "model.json", options);
}

inline std::string json_refusal(const Json& model, const std::map<std::string, Tensors>& weights,
                                const ImportOptions& options = {}) {
  try {
    import_json(model, weights, options);
  } catch (const ModelError& error) {
    return error.what();
  }
  return {};
}

inline std::vector<double> outputs(const Imported& model, std::vector<double> inputs) {
  const network::LayerId last = model.network.outputs().front();
  std::vector<double> reals;
  for (const std::int64_t mantissa : evaluate_reals(model.network, inputs)) {
    reals.push_back(fixed::to_double(mantissa, model.network.layer(last).type.format.frac_bits));
  }
  return reals;
}

inline ImportOptions with_config(std::string_view json) {
  ImportOptions options;
  options.config = parse_json(json, "test");
  return options;
}

}  // namespace sluice::frontend::testing
