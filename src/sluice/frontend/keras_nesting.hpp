#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/frontend/keras_model.hpp"

/// Models inside of models. Internal to the front end.
namespace sluice::frontend {

/// A tensor as a file refers to it: a model that is called has several, by their number.
struct NestedRef {
  std::string layer;
  std::int64_t node = 0;
  std::int64_t tensor = 0;
};

struct KerasScope;

/// A layer of one model, or a model in the place of a layer.
struct ScopeLayer {
  KerasLayer layer;  ///< without calls
  std::vector<std::vector<NestedRef>> calls;
  std::unique_ptr<KerasScope> model;  ///< set for a model
};

/// One model as its file describes it, with the models inside of it.
struct KerasScope {
  std::vector<ScopeLayer> layers;
  std::vector<NestedRef> inputs;
  std::vector<NestedRef> outputs;
};

/// Takes models inside of `scope` apart and sets layers, inputs and outputs of `model`. Throws
/// ModelError about `origin`.
void flatten(const KerasScope& scope, const std::string& origin, KerasModel& model);

}  // namespace sluice::frontend
