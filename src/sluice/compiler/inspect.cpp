#include "sluice/compiler/inspect.hpp"

#include <algorithm>

#include "sluice/base/files.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/network/text.hpp"
#include "sluice/package/package.hpp"

namespace sluice::compiler {

namespace {

struct Inspected {
  network::Network network;
  Json model;  ///< layers of the model file
  Json warnings = Json::array();
};

Inspected read_package(const std::filesystem::path& folder) {
  const package::Package package = package::Package::open(folder);
  return {network::parse(read_file(package.network_file()), package.network_file().string()),
          read_json(package.report_file()).at("model")};
}

Json describe_warnings(const std::vector<Diagnostic>& warnings) {
  Json rows = Json::array();
  for (const Diagnostic& warning : warnings) {
    rows.push_back(
        {{"code", warning.code}, {"subject", warning.subject}, {"message", warning.message}});
  }
  return rows;
}

Json describe_network(const network::Network& network) {
  Json layers = Json::array();
  for (const network::Layer& layer : network.layers()) {
    fixed::Interval range = layer.type.ranges.front();
    for (const fixed::Interval& element : layer.type.ranges) range = hull(range, element);
    const int frac_bits = layer.type.format.frac_bits;
    Json row{{"name", layer.name},
             {"op", network::op_name(layer.op)},
             {"shape", layer.type.shape},
             {"format", to_string(layer.type.format)},
             {"min", fixed::to_double(range.min, frac_bits)},
             {"max", fixed::to_double(range.max, frac_bits)}};
    if (const auto* dense = std::get_if<network::Dense>(&layer.op)) {
      const auto zeros = std::count(dense->weights.begin(), dense->weights.end(), 0);
      row["weights"] = dense->weights.size();
      row["zero_weights"] = zeros;
    }
    layers.push_back(row);
  }
  return layers;
}

Json describe_plan(const network::Network& network) {
  Json rows = Json::array();
  const engine::Engine engine(network);
  for (const engine::PlanRow& row : engine.plan()) {
    rows.push_back({{"layers", row.layers},
                    {"type", engine::to_string(row.type)},
                    {"reason", row.reason},
                    {"products", row.products}});
  }
  return rows;
}

Json describe(const Inspected& inspected) {
  return {{"network", inspected.network.name()},
          {"model", inspected.model},
          {"layers", describe_network(inspected.network)},
          {"engine", describe_plan(inspected.network)},
          {"warnings", inspected.warnings}};
}

}  // namespace

Json describe_model(const frontend::ModelSource& source) {
  Json layers = Json::array();
  for (const frontend::LayerSummary& layer : source.layers) {
    Json quantizers = Json::object();
    for (const auto& [role, text] : layer.quantizers) quantizers[role] = text;
    layers.push_back({{"name", layer.name},
                      {"class", layer.class_name},
                      {"output_shape", layer.output_shape},
                      {"parameters", layer.parameters},
                      {"zeros", layer.zeros},
                      {"quantizers", quantizers},
                      {"network_layers", layer.network_layers}});
  }
  return {{"format", source.format}, {"layers", layers}};
}

Json inspect(const frontend::Imported& model) {
  return describe({model.network, describe_model(model.source), describe_warnings(model.warnings)});
}

Json inspect(const std::filesystem::path& subject, const InspectOptions& options) {
  if (std::filesystem::is_directory(subject)) return describe(read_package(subject));
  return inspect(
      frontend::import_model(subject, {options.config, options.weights, subject.stem().string()}));
}

}  // namespace sluice::compiler
