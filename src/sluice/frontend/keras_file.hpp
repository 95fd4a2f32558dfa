#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/frontend/hdf5_reader.hpp"

namespace sluice::frontend {

/// The tensors of one layer by their short names: "kernel", "bias", "gamma", ...
using LayerWeights = std::map<std::string, RealTensor, std::less<>>;
/// All of a model, by layer.
using ModelWeights = std::map<std::string, LayerWeights, std::less<>>;

/// What Keras writes into an HDF5 file.
struct KerasFile {
  std::optional<std::string> model_config;  ///< JSON; absent in a file of weights alone
  std::string keras_version;
  /// Of a file that lists its layers: by outermost layer and full name, "dense/kernel:0".
  ModelWeights weights;
  /// The variables of a `.weights.h5` file, which Keras 3 addresses by the path of their owner
  /// below the model: "dense_1/vars/0". Empty for other files.
  LayerWeights variables;
};

/// Reads the bytes of a Keras HDF5 file, a model or weights alone, in a process of its own
/// (run_isolated). Throws ModelError about `origin`.
KerasFile read_keras_file(std::string_view bytes, const std::string& origin);

}  // namespace sluice::frontend
