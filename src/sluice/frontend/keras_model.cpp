#include "sluice/frontend/keras_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
#include "sluice/frontend/keras_nesting.hpp"

namespace sluice::frontend {

namespace {

constexpr std::size_t kMostLayers = 4096;
constexpr std::size_t kMostCalls = 4096;
constexpr std::size_t kLongestName = 512;
constexpr int kDeepestNesting = 16;

bool is_model(std::string_view class_name) {
  return class_name == "Sequential" || class_name == "Functional" || class_name == "Model";
}

/// One model; the models inside of it have parsers of their own.
class ModelParser {
 public:
  explicit ModelParser(const std::string& origin, int depth = 0) : origin_(origin), depth_(depth) {}

  KerasModel parse(const Json& model) {
    const std::string class_name = string_or(model, "class_name", "");
    const Json* const config = find(model, "config");
    if (class_name.empty() || config == nullptr) {
      refuse("has no `class_name` and `config`", "save the whole model, or its `to_json()` text");
    }
    KerasModel parsed;
    parsed.keras_version = string_or(model, "keras_version", "");
    parsed.name = string_or(*config, "name", "model");
    if (!is_model(class_name)) {
      refuse(fmt::format("is a `{}`", shortened(class_name)),
             "Sequential and Functional models are read; build the model with the functional API");
    }
    flatten(parse_scope(class_name, *config), origin_, parsed);
    return parsed;
  }

 private:
  [[noreturn]] void refuse(std::string_view message, std::string hint = {},
                           const char* code = codes::kModelConfig) const {
    throw ModelError(code, origin_, fmt::format("the model {}", message), std::move(hint));
  }

  // Keras 2.0 to 2.2 wrote the list of layers itself as the config of a Sequential model.
  const Json& layer_list(const Json& config) const {
    const Json* const layers = config.is_array() ? &config : find(config, "layers");
    if (layers == nullptr || !layers->is_array() || layers->empty()) refuse("has no layers");
    if (layers->size() > kMostLayers) {
      refuse(fmt::format("has {} layers; at most {} are read", layers->size(), kMostLayers), {},
             codes::kLimit);
    }
    return *layers;
  }

  KerasScope parse_scope(const std::string& class_name, const Json& config) {
    if (depth_ > kDeepestNesting) refuse("has models inside of models too deep", {}, codes::kLimit);
    KerasScope scope;
    if (class_name == "Sequential") {
      parse_sequential(config, scope);
    } else {
      parse_functional(config, scope);
    }
    return scope;
  }

  ScopeLayer parse_layer(const Json& json) {
    ScopeLayer result;
    KerasLayer& layer = result.layer;
    layer.class_name = string_or(json, "class_name", "");
    const Json* const config = find(json, "config");
    const bool old_sequential =
        layer.class_name == "Sequential" && config != nullptr && config->is_array();
    if (layer.class_name.empty() || config == nullptr ||
        (!config->is_object() && !old_sequential)) {
      refuse("has a layer without `class_name` and `config`");
    }
    layer.name = string_or(json, "name", string_or(*config, "name", ""));
    if (layer.name.empty()) refuse(fmt::format("has a {} without a name", layer.class_name));
    add_name(layer.name);
    if (is_model(layer.class_name)) {
      ModelParser inner(origin_, depth_ + 1);
      result.model = std::make_unique<KerasScope>(inner.parse_scope(layer.class_name, *config));
      return result;
    }
    layer.config = *config;
    if (layer.class_name == "TimeDistributed") unwrap(layer);
    return result;
  }

  // A TimeDistributed becomes the layer that it wraps.
  void unwrap(KerasLayer& layer) const {
    const Json wrapper = std::move(layer.config);
    const Json* const inner = find(wrapper, "layer");
    const Json* const config = inner == nullptr ? nullptr : find(*inner, "config");
    const std::string class_name = inner == nullptr ? "" : string_or(*inner, "class_name", "");
    if (config == nullptr || !config->is_object() || is_model(class_name)) {
      refuse(fmt::format("has a TimeDistributed `{}` of something else than a layer", layer.name),
             "put TimeDistributed around each layer of the inner model");
    }
    layer.class_name = class_name;
    layer.config = *config;
    if (const Json* const shape = find(wrapper, "batch_input_shape")) {
      layer.config["batch_input_shape"] = *shape;
    }
    layer.each_step = true;
  }

  void add_name(const std::string& name) {
    if (name.size() > kLongestName) refuse("has a layer with too long a name", {}, codes::kLimit);
    if (!names_.insert(name).second) refuse(fmt::format("has two layers named `{}`", name));
  }

  void parse_sequential(const Json& config, KerasScope& scope) {
    for (const Json& json : layer_list(config)) {
      ScopeLayer layer = parse_layer(json);
      if (scope.layers.empty() && layer.layer.class_name != "InputLayer") {
        scope.layers.push_back(implied_input(layer, json, config));
        scope.inputs.push_back({scope.layers.back().layer.name});
      }
      if (scope.layers.empty()) {
        scope.inputs.push_back({layer.layer.name});
        layer.calls.emplace_back();
      } else {
        layer.calls.push_back({{scope.layers.back().layer.name}});
      }
      scope.layers.push_back(std::move(layer));
    }
    scope.outputs.push_back({scope.layers.back().layer.name});
  }

  // Keras names the input that a Sequential model gets from its first layer `<layer>_input`. Inside
  // of another model it has the shape of what it is called with.
  ScopeLayer implied_input(const ScopeLayer& first, const Json& json, const Json& config) {
    const Json* shape = find_shape(json);
    if (shape == nullptr) shape = find(config, "build_input_shape");
    if (shape == nullptr && depth_ == 0) {
      refuse("does not say the shape of its input",
             "start the model with an InputLayer, or build it before saving");
    }
    ScopeLayer input;
    input.layer.class_name = "InputLayer";
    input.layer.name = first.layer.name + "_input";
    input.layer.config = {{"name", input.layer.name}};
    if (shape != nullptr) input.layer.config["batch_input_shape"] = *shape;
    input.calls.emplace_back();
    add_name(input.layer.name);
    return input;
  }

  // Of a layer, or of the first layer of a model.
  static const Json* find_shape(const Json& layer) {
    const Json* at = &layer;
    for (int depth = 0; depth <= kDeepestNesting; ++depth) {
      const Json* const config = find(*at, "config");
      if (config == nullptr) return nullptr;
      for (const char* const key : {"batch_input_shape", "batch_shape", "build_input_shape"}) {
        if (const Json* const shape = find(*config, key)) return shape;
      }
      const Json* const layers = config->is_array() ? config : find(*config, "layers");
      if (layers == nullptr || !layers->is_array() || layers->empty()) return nullptr;
      at = &layers->front();
    }
    return nullptr;
  }

  void parse_functional(const Json& config, KerasScope& scope) {
    std::size_t calls = 0;
    for (const Json& json : layer_list(config)) {
      ScopeLayer layer = parse_layer(json);
      if (const Json* const nodes = find(json, "inbound_nodes");
          nodes != nullptr && nodes->is_array()) {
        for (const Json& node : *nodes) layer.calls.push_back(parse_call(layer.layer.name, node));
      }
      if (layer.calls.empty()) layer.calls.emplace_back();
      calls += layer.calls.size();
      if (calls > kMostCalls) refuse("calls too many layers", {}, codes::kLimit);
      scope.layers.push_back(std::move(layer));
    }
    scope.inputs = parse_ends(config, "input_layers");
    scope.outputs = parse_ends(config, "output_layers");
  }

  // A call is a list of [layer, node, tensor, arguments], or one of these alone.
  std::vector<NestedRef> parse_call(const std::string& layer, const Json& call) const {
    std::vector<NestedRef> operands;
    if (call.is_object()) return parse_arguments(layer, call);
    if (!call.is_array() || call.empty()) {
      refuse(fmt::format("does not describe the inputs of `{}` in the manner of Keras", layer));
    }
    if (call.front().is_string()) return {parse_operand(layer, call)};
    for (const Json& operand : call) operands.push_back(parse_operand(layer, operand));
    return operands;
  }

  // Keras 3: {"args": [tensor or list of tensors, ...], "kwargs": {...}}.
  std::vector<NestedRef> parse_arguments(const std::string& layer, const Json& call) const {
    const Json* const keywords = find(call, "kwargs");
    if (keywords != nullptr && !is_harmless(*keywords)) {
      refuse(fmt::format("calls `{}` with {}", layer, excerpt(*keywords)),
             "call the layer with nothing but its inputs");
    }
    std::vector<NestedRef> operands;
    const Json* const arguments = find(call, "args");
    if (arguments != nullptr) collect_tensors(layer, *arguments, operands);
    return operands;
  }

  void collect_tensors(const std::string& layer, const Json& value,
                       std::vector<NestedRef>& into) const {
    if (value.is_array()) {
      for (const Json& element : value) collect_tensors(layer, element, into);
      return;
    }
    const Json* const config = find(value, "config");
    const Json* const history = config == nullptr ? nullptr : find(*config, "keras_history");
    if (history == nullptr) {
      refuse(fmt::format("calls `{}` with {}", layer, excerpt(value)),
             "call the layer with nothing but its inputs");
    }
    into.push_back(parse_ref(*history, fmt::format("the inputs of `{}`", layer)));
  }

  NestedRef parse_operand(const std::string& layer, const Json& operand) const {
    if (operand.is_array() && operand.size() > 3 && !is_harmless(operand[3])) {
      refuse(fmt::format("calls `{}` with {}", layer, excerpt(operand[3])),
             "call the layer with nothing but its input");
    }
    return parse_ref(operand, fmt::format("the inputs of `{}`", layer));
  }

  // Arguments that do not change what a layer computes at inference.
  static bool is_harmless(const Json& arguments) {
    if (!arguments.is_object()) return arguments.is_null();
    for (const auto& [key, value] : arguments.items()) {
      if (!is_off(value) || (key != "training" && key != "mask")) return false;
    }
    return true;
  }

  // A model has a mask per operand.
  static bool is_off(const Json& value) {
    if (value.is_array()) {
      return std::ranges::all_of(value, [](const Json& one) { return one.is_null(); });
    }
    return value.is_null() || (value.is_boolean() && !value.get<bool>());
  }

  NestedRef parse_ref(const Json& ref, const std::string& where) const {
    if (!ref.is_array() || ref.size() < 3) refuse(fmt::format("has malformed {}", where));
    const auto layer = as_string(ref[0]);
    const auto node = as_integer(ref[1]);
    const auto tensor = as_integer(ref[2]);
    if (!layer || !node || *node < 0 || !tensor || *tensor < 0) {
      refuse(fmt::format("has malformed {}: {}", where, excerpt(ref)));
    }
    return {*layer, *node, *tensor};
  }

  std::vector<NestedRef> parse_ends(const Json& config, const char* key) const {
    const Json* const ends = find(config, key);
    if (ends == nullptr || !ends->is_array() || ends->empty()) {
      refuse(fmt::format("has no `{}`", key));
    }
    if (ends->front().is_string()) return {parse_ref(*ends, key)};
    if (ends->size() > kMostLayers) refuse(fmt::format("has too many `{}`", key));
    std::vector<NestedRef> refs;
    for (const Json& end : *ends) refs.push_back(parse_ref(end, key));
    return refs;
  }

  const std::string& origin_;
  int depth_;
  std::set<std::string> names_;  // of the layers of this model
};

}  // namespace

KerasModel parse_keras_model(const Json& model, const std::string& origin) {
  return ModelParser(origin).parse(model);
}

}  // namespace sluice::frontend
