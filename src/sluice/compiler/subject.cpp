#include "sluice/compiler/subject.hpp"

#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/network/text.hpp"
#include "sluice/package/package.hpp"

namespace sluice::compiler {

namespace {

frontend::ModelSource model_of(const Json& json) {
  frontend::ModelSource source;
  source.format = json.at("format");
  for (const Json& row : json.at("layers")) {
    frontend::LayerSummary layer;
    layer.name = row.at("name");
    layer.class_name = row.at("class");
    layer.output_shape = row.at("output_shape").get<network::Shape>();
    layer.parameters = row.at("parameters");
    layer.zeros = row.at("zeros");
    for (const auto& [role, text] : row.at("quantizers").items()) {
      layer.quantizers.emplace_back(role, text);
    }
    layer.network_layers = row.at("network_layers").get<std::vector<std::string>>();
    if (row.contains("values")) {
      layer.values = frontend::LayerValues{.network_layer = row.at("values")};
    }
    source.layers.push_back(std::move(layer));
  }
  return source;
}

Subject read_package(const std::filesystem::path& folder) {
  const package::Package package = package::Package::open(folder);
  const Json report = read_json(package.report_file());
  return {network::parse(read_file(package.network_file()), package.network_file().string()),
          model_of(report.at("model")),
          {},
          report.value("formats", Json())};
}

}  // namespace

Json describe_model(const frontend::ModelSource& source) {
  Json layers = Json::array();
  for (const frontend::LayerSummary& layer : source.layers) {
    Json quantizers = Json::object();
    for (const auto& [role, text] : layer.quantizers) quantizers[role] = text;
    Json row{{"name", layer.name},
             {"class", layer.class_name},
             {"output_shape", layer.output_shape},
             {"parameters", layer.parameters},
             {"zeros", layer.zeros},
             {"quantizers", quantizers},
             {"network_layers", layer.network_layers}};
    if (layer.values && layer.values->is_plain()) row["values"] = layer.values->network_layer;
    layers.push_back(std::move(row));
  }
  return {{"format", source.format}, {"layers", layers}};
}

Subject read_subject(const std::filesystem::path& path, const frontend::ImportOptions& options,
                     const FormatOptions& formats, ProgressSink& progress) {
  if (std::filesystem::is_directory(path)) {
    if (formats.choose || options.config || options.weights) {
      throw UsageError("E-COMPILER-005", path.string(), "is a package: its formats are fixed",
                       "give the model file");
    }
    return read_package(path);
  }
  FormattedModel read = import_with_formats(path, options, formats, progress);
  return {std::move(read.model.network), std::move(read.model.source),
          std::move(read.model.warnings), std::move(read.formats)};
}

}  // namespace sluice::compiler
