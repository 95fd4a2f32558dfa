#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
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

/// Where the network holds the values of a layer of the model file: element i of the layer, in the
/// file's order, is clamp(values[order[i]] * factor[i] + offset[i], lower, upper).
struct LayerValues {
  std::string network_layer;
  std::vector<std::int64_t> order;  ///< empty: the same order
  std::vector<double> factor;       ///< one per element; empty: 1
  std::vector<double> offset;       ///< one per element; empty: 0
  std::optional<double> lower, upper;

  /// The elements of the network's layer as they are.
  bool is_plain() const noexcept {
    return order.empty() && factor.empty() && offset.empty() && !lower && !upper;
  }
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
  /// Its result, of the first call of a shared layer; nothing where the network does not compute
  /// it.
  std::optional<LayerValues> values;
  std::vector<std::string> aliases;  ///< of its result: the tensor, a node that was merged into it
};

struct ModelSource {
  std::string format;         ///< "Keras HDF5", "Keras JSON + HDF5", "Keras archive", "ONNX"
  std::string keras_version;  ///< as the file says; empty when it does not
  std::vector<LayerSummary> layers;
  std::vector<std::string> outputs;  ///< the model's names for them, in the network's order
};

/// A number format that the model does not have of its own, but takes from the configuration.
struct FormatUse {
  std::string layer;       ///< its key under `LayerName`
  std::string class_name;  ///< its key under `LayerType`
  std::string variable;    ///< "weight", "bias", "scale" or "result"
  std::string text;        ///< the format in force, as in the configuration
  // Of weights, biases and scales: the numbers before they are rounded.
  std::int64_t count = 0;
  double min = 0;
  double max = 0;
  std::int64_t saturated = 0;  ///< of the numbers, those that the format's range cuts
  /// Of a result: the layer of the network that rounds, or behind which rounding changed nothing.
  std::string network_layer;
};

/// A function of real numbers that a table of the network stands for, because the configuration
/// gives its result a format.
struct TabulatedFunction {
  std::string clamp;   ///< layer of the network: the operand, cut to where the table changes; or ""
  std::string lookup;  ///< layer of the network: the table
  std::function<double(double)> function;
};

struct Imported {
  network::Network network;
  ModelSource source;
  std::vector<Diagnostic> warnings;
  std::vector<FormatUse> formats;
  std::vector<TabulatedFunction> functions;
  /// ReuseFactor of the configuration, by layer of the network.
  std::map<std::string, std::int64_t> reuse{};
};

/// The bytes of a model's files, for importing it more than once.
struct ModelBytes {
  std::string model;
  std::optional<std::string> weights;
  std::string origin;  ///< names the model in errors
};

/// Reads the files that import_model() would read. Throws as it does.
ModelBytes read_model(const std::filesystem::path& path, const ImportOptions& options = {});
Imported import_model(const ModelBytes& bytes, const ImportOptions& options);

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
