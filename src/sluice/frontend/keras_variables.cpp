#include "sluice/frontend/keras_variables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/frontend/json_access.hpp"

namespace sluice::frontend {

namespace {

bool flag(const KerasLayer& layer, const char* key) {
  const Json* const value = find(layer.config, key);
  return value == nullptr || as_bool(*value).value_or(true);
}

std::vector<std::string> norm_names(const KerasLayer& layer) {
  std::vector<std::string> names;
  if (flag(layer, "scale")) names.emplace_back("gamma");
  if (flag(layer, "center")) names.emplace_back("beta");
  names.emplace_back("moving_mean");
  names.emplace_back("moving_variance");
  return names;
}

// HGQ2: what is trained comes first; the counts of bit operations stand before the moments.
std::vector<std::string> batch_norm_dense_names(const KerasLayer& layer) {
  std::vector<std::string> names{"kernel", "bias"};
  if (flag(layer, "scale")) names.emplace_back("gamma");
  if (flag(layer, "enable_ebops")) names.insert(names.end(), {"ebops_weight", "ebops"});
  names.insert(names.end(), {"moving_mean", "moving_variance"});
  return names;
}

// The names of a layer's own variables in the order in which the class makes them.
std::vector<std::string> own_names(const KerasLayer& layer) {
  const std::string& name = layer.class_name;
  if (name.find("BatchNormalization") != std::string::npos) return norm_names(layer);
  if (name == "QBatchNormDense") return batch_norm_dense_names(layer);
  if (name.find("Separable") != std::string::npos) {
    return {"depthwise_kernel", "pointwise_kernel", "bias"};
  }
  if (name.find("Depthwise") != std::string::npos) return {"depthwise_kernel", "bias"};
  if (name.find("Dense") != std::string::npos || name.find("Conv") != std::string::npos) {
    return {"kernel", "bias"};
  }
  if (name == "PReLU") return {"alpha"};
  if (name == "FixedPointQuantizer") return {"keep_negative", "bits", "integers"};
  return {};
}

// "vars/1" -> "bias" for a Dense; "batchnorm/vars/0" -> "gamma" for a QDenseBatchnorm.
std::string short_name(const KerasLayer& layer, std::string path) {
  constexpr std::string_view kWrapped = "layer/";
  if (layer.each_step && path.starts_with(kWrapped)) path.erase(0, kWrapped.size());
  constexpr std::string_view kVars = "vars/";
  constexpr std::string_view kFolded = "batchnorm/vars/";
  const bool folded = path.starts_with(kFolded);
  const std::vector<std::string> names = folded ? norm_names(layer) : own_names(layer);
  const std::string_view prefix = folded ? kFolded : kVars;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (path == fmt::format("{}{}", prefix, i)) return names[i];
  }
  return path;
}

/// The variables whose path starts with `group`, by their short names.
void add_group(const LayerWeights& variables, const std::string& group, const KerasLayer& layer,
               LayerWeights& tensors) {
  for (auto at = variables.lower_bound(group);
       at != variables.end() && at->first.starts_with(group); ++at) {
    tensors[short_name(layer, at->first.substr(group.size()))] = at->second;
  }
}

/// True when the names of the layer and of the models around it, but for the outermost, are parts
/// of a weight's name in this order.
bool belongs_to(std::string_view weight, const KerasLayer& layer, std::size_t first_name) {
  for (std::size_t i = first_name; i < layer.path.size(); ++i) {
    const std::string& name = layer.path[i];
    while (!weight.starts_with(name + "/")) {
      const std::size_t slash = weight.find('/');
      if (slash == std::string_view::npos) return false;
      weight.remove_prefix(slash + 1);
    }
    weight.remove_prefix(name.size() + 1);
  }
  return true;
}

// "fc1/batch_normalization/gamma:0" -> "gamma"
std::string last_part(std::string_view weight) {
  const std::size_t slash = weight.rfind('/');
  if (slash != std::string_view::npos) weight.remove_prefix(slash + 1);
  return std::string(weight.substr(0, weight.find(':')));
}

}  // namespace

ModelWeights name_variables(const LayerWeights& variables, const KerasModel& model) {
  ModelWeights weights;
  for (const KerasLayer& layer : model.layers) {
    LayerWeights& tensors = weights[layer.name];
    for (const char* const between : {"/layers/", "/_layer_checkpoint_dependencies/"}) {
      add_group(variables, fmt::format("{}/", fmt::join(layer.groups, between)), layer, tensors);
      if (layer.groups.size() == 1) break;
    }
  }
  return weights;
}

ModelWeights name_weights(const ModelWeights& stored, const KerasModel& model) {
  ModelWeights weights;
  for (const KerasLayer& layer : model.layers) {
    if (layer.path.empty()) continue;
    const auto group = stored.find(layer.path.front());
    if (group == stored.end()) continue;
    LayerWeights& tensors = weights[layer.name];
    if (layer.path.size() == 1) {
      for (const auto& [name, tensor] : group->second) tensors[last_part(name)] = tensor;
      continue;
    }
    // Keras names the variables of an inner layer by that layer, with or without the models around.
    const bool is_full = std::ranges::any_of(
        group->second, [&](const auto& weight) { return belongs_to(weight.first, layer, 1); });
    for (const auto& [name, tensor] : group->second) {
      if (belongs_to(name, layer, is_full ? 1 : layer.path.size() - 1)) {
        tensors[last_part(name)] = tensor;
      }
    }
  }
  return weights;
}

}  // namespace sluice::frontend
