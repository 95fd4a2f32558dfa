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
  std::string name;
  Json config = Json::object();
  /// The operands of each call of the layer; an input layer has one call without operands.
  std::vector<std::vector<TensorRef>> calls;
};

/// A Keras graph as its file describes it; a Sequential model is a chain. Names are unique, and a
/// chain starts with an InputLayer.
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
