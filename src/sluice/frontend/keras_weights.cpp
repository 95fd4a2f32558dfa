#include "sluice/frontend/keras_weights.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace sluice::frontend {

namespace {

// An attribute longer than 64 KiB is split by Keras into `name0`, `name1`, ...
std::vector<std::string> joined_strings(const Hdf5Reader& file, std::string_view object,
                                        const std::string& name) {
  if (file.has_attribute(object, name) || !file.has_attribute(object, name + "0")) {
    return file.strings(object, name);
  }
  std::vector<std::string> all;
  for (int part = 0; file.has_attribute(object, fmt::format("{}{}", name, part)); ++part) {
    for (std::string& text : file.strings(object, fmt::format("{}{}", name, part))) {
      all.push_back(std::move(text));
    }
  }
  return all;
}

// "fc1/batch_normalization/gamma:0" -> "gamma"
std::string short_name(std::string_view weight) {
  const std::size_t slash = weight.rfind('/');
  if (slash != std::string_view::npos) weight.remove_prefix(slash + 1);
  return std::string(weight.substr(0, weight.find(':')));
}

}  // namespace

ModelWeights read_keras2_weights(const Hdf5Reader& file, std::string_view root) {
  ModelWeights weights;
  for (const std::string& layer : joined_strings(file, root, "layer_names")) {
    const std::string group = fmt::format("{}/{}", root, layer);
    LayerWeights& tensors = weights[layer];
    for (const std::string& weight : joined_strings(file, group, "weight_names")) {
      tensors[short_name(weight)] = file.tensor(fmt::format("{}/{}", group, weight));
    }
  }
  return weights;
}

}  // namespace sluice::frontend
