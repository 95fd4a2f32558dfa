#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/base/json.hpp"
#include "sluice/network/network.hpp"

/// Reads trained models into exact networks. Everything that comes from a model file is untrusted
/// and handled here.
namespace sluice::frontend {

struct ImportOptions {
  /// Number formats in the form of hls4ml's configuration dictionary: `Model`, `LayerType`,
  /// `LayerName`, each with `Precision`.
  std::optional<Json> config;
  /// Weights of a JSON model. Without it, the siblings `<stem>_weights.h5`, `<stem>.weights.h5`
  /// and `<stem>.h5` are tried.
  std::optional<std::filesystem::path> weights;
  /// Name of the network; empty: the stem of the file.
  std::string name;
};

/// A layer of the model file, in the user's own words.
struct LayerSummary {
  std::string name;
  std::string class_name;
  network::Shape output_shape;  ///< for one event
  std::int64_t parameters = 0;  ///< numbers stored for the layer that inference uses
  std::int64_t zeros = 0;       ///< of these, 0 after quantisation
  /// Role ("kernel", "bias", "activation", "input") and the quantiser as written in the model or
  /// the configuration.
  std::vector<std::pair<std::string, std::string>> quantizers;
  std::vector<std::string> network_layers;  ///< layers of the network that it became; may be none
};

struct ModelSource {
  std::string format;         ///< "Keras HDF5", "Keras JSON + HDF5", "Keras archive", "ONNX"
  std::string keras_version;  ///< as the file says; empty when it does not
  std::vector<LayerSummary> layers;
};

struct Imported {
  network::Network network;
  ModelSource source;
  std::vector<Diagnostic> warnings;
  /// ReuseFactor of the configuration, by layer of the network.
  std::map<std::string, std::int64_t> reuse{};
};

/// Imports `path`: Keras `.h5` or `.keras`, Keras `.json` with weights in an `.h5`
/// file, or `.onnx`.
///
/// Throws ModelError (unsupported or malformed; lists every problem of the file), ToolError (a file
/// cannot be read) or UsageError.
Imported import_model(const std::filesystem::path& path, const ImportOptions& options = {});

/// The same for bytes in memory. `origin` names them in errors; `weights` are the bytes of the
/// weights file of a JSON model. `options.weights` is not looked at.
Imported import_model_bytes(std::string_view model, std::optional<std::string_view> weights,
                            const std::string& origin, const ImportOptions& options = {});

}  // namespace sluice::frontend
