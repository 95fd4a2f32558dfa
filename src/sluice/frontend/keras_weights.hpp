#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sluice/frontend/hdf5_reader.hpp"

namespace sluice::frontend {

/// The tensors of one layer by their short names: "kernel", "bias", "gamma", ...
using LayerWeights = std::map<std::string, RealTensor, std::less<>>;
/// All of a model, by layer.
using ModelWeights = std::map<std::string, LayerWeights, std::less<>>;

/// Reads what Keras 2 writes below `root`: the attribute `layer_names`, for each layer a group with
/// `weight_names`, and the datasets of these names. Throws ModelError.
ModelWeights read_keras2_weights(const Hdf5Reader& file, std::string_view root);

}  // namespace sluice::frontend
