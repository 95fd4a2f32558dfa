#include "sluice/frontend/keras_variables.hpp"

#include <fmt/format.h>

#include <cctype>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/frontend/json_access.hpp"

namespace sluice::frontend {

namespace {

bool is_upper(char letter) { return std::isupper(static_cast<unsigned char>(letter)) != 0; }
bool is_lower(char letter) { return std::islower(static_cast<unsigned char>(letter)) != 0; }

// Keras' rule for the groups of a weights file: QDense -> q_dense, Conv2D -> conv2d, ReLU -> re_lu.
std::string snake_case(std::string_view class_name) {
  std::string snake;
  for (std::size_t i = 0; i < class_name.size(); ++i) {
    const char letter = class_name[i];
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0 && letter != '_') continue;
    const bool starts_word =
        i > 0 && is_upper(letter) &&
        (is_lower(class_name[i - 1]) || (i + 1 < class_name.size() && is_lower(class_name[i + 1])));
    if (starts_word && !snake.empty()) snake += '_';
    snake += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return snake;
}

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
std::string short_name(const KerasLayer& layer, const std::string& path) {
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

}  // namespace

ModelWeights name_variables(const LayerWeights& variables, const KerasModel& model) {
  ModelWeights weights;
  std::map<std::string, int> used;
  for (const KerasLayer& layer : model.layers) {
    std::string group = snake_case(layer.class_name);
    if (const int before = used[group]++; before > 0) group += fmt::format("_{}", before);
    group += '/';
    LayerWeights& tensors = weights[layer.name];
    for (auto at = variables.lower_bound(group);
         at != variables.end() && at->first.starts_with(group); ++at) {
      tensors[short_name(layer, at->first.substr(group.size()))] = at->second;
    }
  }
  return weights;
}

}  // namespace sluice::frontend
