#include "sluice/frontend/import.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/zip_reader.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/hdf5_reader.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/keras_archive.hpp"
#include "sluice/frontend/keras_graph.hpp"
#include "sluice/frontend/keras_variables.hpp"
#include "sluice/frontend/onnx_file.hpp"
#include "sluice/frontend/onnx_graph.hpp"

namespace sluice::frontend {

namespace {

constexpr std::uintmax_t kLargestFile = std::uintmax_t{1} << 30;

bool is_json(std::string_view bytes) {
  const std::size_t start = bytes.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && bytes[start] == '{';
}

[[noreturn]] void refuse_format(const std::string& origin) {
  throw ModelError(codes::kFormat, origin, "not a model file that is known",
                   "Keras .h5 and .keras files, ONNX, and .json with weights in .h5, are read");
}

std::string read_limited(const std::filesystem::path& path) {
  std::error_code failure;
  const std::uintmax_t size = std::filesystem::file_size(path, failure);
  if (!failure && size > kLargestFile) {
    throw ModelError(codes::kLimit, path.string(), fmt::format("has {} bytes", size),
                     fmt::format("files of up to {} bytes are read", kLargestFile));
  }
  return read_file(path);
}

std::filesystem::path weights_of(const std::filesystem::path& model, const ImportOptions& options) {
  if (options.weights) return *options.weights;
  for (const char* const suffix : {"_weights.h5", ".weights.h5", ".h5"}) {
    std::filesystem::path candidate = model;
    candidate.replace_filename(model.stem().string() + suffix);
    if (std::filesystem::exists(candidate)) return candidate;
  }
  throw ToolError(codes::kMissingFile, model.string(), "a JSON model needs its weights",
                  fmt::format("name the file, or put it beside the model as {}_weights.h5",
                              model.stem().string()));
}

struct ModelFile {
  Json description;
  KerasFile weights;
  std::string format;
};

// Files do not always say which Keras wrote their description; their surroundings do.
void add_version(Json& description, const std::string& version) {
  if (description.is_object() && !description.contains("keras_version")) {
    description["keras_version"] = version;
  }
}

ModelFile open_hdf5(std::string_view bytes, const std::string& origin) {
  KerasFile file = read_keras_file(bytes, origin);
  if (!file.model_config) {
    throw ModelError(codes::kFormat, origin, "holds no model, perhaps weights alone",
                     "give the .json file of the model, with this one beside it");
  }
  ModelFile model{parse_python_json(*file.model_config, origin), std::move(file), "Keras HDF5"};
  add_version(model.description, model.weights.keras_version);
  return model;
}

ModelFile open_archive(std::string_view bytes, const std::string& origin) {
  const KerasArchive archive = read_keras_archive(bytes, origin);
  ModelFile model{parse_python_json(archive.model_config, origin),
                  read_keras_file(archive.weights, origin + ":model.weights.h5"), "Keras archive"};
  add_version(model.description, archive.keras_version);
  return model;
}

ModelFile open_model(std::string_view model, std::optional<std::string_view> weights,
                     const std::string& origin) {
  ModelFile file;
  if (is_json(model)) {
    if (!weights) {
      throw ModelError(codes::kWeights, origin, "a JSON model needs its weights",
                       "give the .h5 file of its weights");
    }
    file = {parse_python_json(std::string(model), origin), {}, "Keras JSON + HDF5"};
  } else if (Hdf5Reader::has_signature(model)) {
    file = open_hdf5(model, origin);
  } else if (ZipReader::has_signature(model)) {
    file = open_archive(model, origin);
  } else {
    refuse_format(origin);
  }
  if (weights) file.weights = read_keras_file(*weights, origin + " (weights)");
  return file;
}

}  // namespace

ModelBytes read_model(const std::filesystem::path& path, const ImportOptions& options) {
  ModelBytes bytes{read_limited(path), std::nullopt, path.string()};
  if (is_json(bytes.model)) {
    bytes.weights = read_limited(weights_of(path, options));
  } else if (options.weights) {
    bytes.weights = read_limited(*options.weights);
  }
  return bytes;
}

Imported import_model(const ModelBytes& bytes, const ImportOptions& options) {
  return import_model_bytes(
      bytes.model, bytes.weights ? std::optional<std::string_view>(*bytes.weights) : std::nullopt,
      bytes.origin, options);
}

Imported import_model(const std::filesystem::path& path, const ImportOptions& options) {
  ImportOptions named = options;
  if (named.name.empty()) named.name = path.stem().string();
  return import_model(read_model(path, options), named);
}

namespace {

// What each layer of the model file became, as far as its multipliers can be shared.
std::vector<ReusableLayer> reusable_layers(const Imported& model) {
  std::vector<ReusableLayer> layers;
  for (const LayerSummary& layer : model.source.layers) {
    ReusableLayer reusable{layer.name, layer.class_name, 0};
    for (const std::string& part : layer.network_layers) {
      const network::LayerOp& op = model.network.layer(model.network.find(part).value()).op;
      const auto* const dense = std::get_if<network::Dense>(&op);
      if (dense != nullptr) reusable.outputs = std::max(reusable.outputs, dense->units);
    }
    layers.push_back(std::move(reusable));
  }
  return layers;
}

Imported import_onnx_bytes(std::string_view bytes, const std::string& origin,
                           const PrecisionConfig& precision, const std::string& name,
                           Diagnostics& diagnostics) {
  const OnnxModel model = read_onnx_file(bytes, origin);
  Imported result =
      import_onnx(model, precision, name.empty() ? model.graph_name : name, diagnostics);
  result.source.format = "ONNX";
  return result;
}

Imported import_keras_bytes(std::string_view bytes, std::optional<std::string_view> weights_file,
                            const std::string& origin, const PrecisionConfig& precision,
                            const std::string& name, Diagnostics& diagnostics) {
  ModelFile file = open_model(bytes, weights_file, origin);
  const KerasModel model = parse_keras_model(file.description, origin);
  const ModelWeights weights = file.weights.variables.empty()
                                   ? name_weights(file.weights.weights, model)
                                   : name_variables(file.weights.variables, model);
  Imported result =
      import_keras(model, weights, precision, name.empty() ? model.name : name, diagnostics);
  result.source.format = file.format;
  result.source.keras_version = model.keras_version;
  return result;
}

}  // namespace

Imported import_model_bytes(std::string_view model, std::optional<std::string_view> weights_file,
                            const std::string& origin, const ImportOptions& options) {
  Diagnostics diagnostics;
  PrecisionConfig precision;
  if (options.config) precision = PrecisionConfig::parse(*options.config, diagnostics);
  Imported result =
      may_be_onnx(model)
          ? import_onnx_bytes(model, origin, precision, options.name, diagnostics)
          : import_keras_bytes(model, weights_file, origin, precision, options.name, diagnostics);
  diagnostics.throw_if_errors(origin);
  precision.check_reuse(reusable_layers(result), diagnostics);
  for (const LayerSummary& layer : result.source.layers) {
    const std::optional<std::int64_t> reuse = precision.reuse(layer.name, layer.class_name);
    if (!reuse) continue;
    for (const std::string& part : layer.network_layers) result.reuse[part] = *reuse;
  }
  result.warnings = diagnostics.warnings();
  return result;
}

}  // namespace sluice::frontend
