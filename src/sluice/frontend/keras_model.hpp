#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "sluice/base/json.hpp"

namespace sluice::frontend {

/// One tensor of a Keras graph: the result of call `node` of `layer`.
struct TensorRef {
  std::string layer;
  std::int64_t node = 0;
  friend bool operator==(const TensorRef&, const TensorRef&) = default;
  friend bool operator<(const TensorRef& a, const TensorRef& b) noexcept {
    return std::tie(a.layer, a.node) < std::tie(b.layer, b.node);
  }
};

struct KerasLayer {
  std::string class_name;
  std::string name;  ///< its own; behind the names of the models around it where that is taken
  Json config = Json::object();
  /// The operands of each call of the layer; an input layer has one call without operands.
  std::vector<std::vector<TensorRef>> calls;
  /// TimeDistributed: the layer acts on each index of the first axis by itself.
  bool each_step = false;
  /// Where weights files keep its tensors: the own names of the models around it and its own, the
  /// outermost first, and the groups of the same in a file of Keras 3.
  std::vector<std::string> path;
  std::vector<std::string> groups;
};

/// A Keras graph as its file describes it; a Sequential model is a chain. Models inside of it are
/// taken apart: each call of one is a call of every layer in it. Names are unique, and a chain
/// starts with an InputLayer.
struct KerasModel {
  std::string name;
  std::string keras_version;
  std::vector<KerasLayer> layers;
  std::vector<TensorRef> inputs;  ///< in the order of the model's arguments
  std::vector<TensorRef> outputs;
};

/// Reads the JSON that Keras 2 or 3 writes for a model. Throws ModelError with `origin` as its
/// subject.
KerasModel parse_keras_model(const Json& model, const std::string& origin);

}  // namespace sluice::frontend
