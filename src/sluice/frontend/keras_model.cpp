#include "sluice/frontend/keras_model.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"

namespace sluice::frontend {

namespace {

constexpr std::size_t kMostLayers = 4096;
constexpr std::size_t kMostCalls = 4096;
constexpr std::size_t kLongestName = 512;

class ModelParser {
 public:
  explicit ModelParser(const std::string& origin) : origin_(origin) {}

  KerasModel parse(const Json& model) {
    const std::string class_name = string_or(model, "class_name", "");
    const Json* const config = find(model, "config");
    if (class_name.empty() || config == nullptr) {
      refuse("has no `class_name` and `config`", "save the whole model, or its `to_json()` text");
    }
    KerasModel parsed;
    parsed.keras_version = string_or(model, "keras_version", "");
    parsed.name = string_or(*config, "name", "model");
    if (class_name == "Sequential") {
      parse_sequential(*config, parsed);
    } else if (class_name == "Functional" || class_name == "Model") {
      parse_functional(*config, parsed);
    } else {
      refuse(fmt::format("is a `{}`", shortened(class_name)),
             "Sequential and Functional models are read; build the model with the functional API");
    }
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

  KerasLayer parse_layer(const Json& json) {
    KerasLayer layer;
    layer.class_name = string_or(json, "class_name", "");
    const Json* const config = find(json, "config");
    if (layer.class_name.empty() || config == nullptr || !config->is_object()) {
      refuse("has a layer without `class_name` and `config`");
    }
    layer.config = *config;
    layer.name = string_or(json, "name", string_or(*config, "name", ""));
    if (layer.name.empty()) refuse(fmt::format("has a {} without a name", layer.class_name));
    add_name(layer.name);
    return layer;
  }

  void add_name(const std::string& name) {
    if (name.size() > kLongestName) refuse("has a layer with too long a name", {}, codes::kLimit);
    if (!names_.insert(name).second) refuse(fmt::format("has two layers named `{}`", name));
  }

  void parse_sequential(const Json& config, KerasModel& model) {
    const Json& layers = layer_list(config);
    for (const Json& json : layers) {
      KerasLayer layer = parse_layer(json);
      if (model.layers.empty() && layer.class_name != "InputLayer") {
        model.layers.push_back(implied_input(layer, config));
        model.inputs.push_back({model.layers.back().name});
      }
      if (model.layers.empty()) {
        model.inputs.push_back({layer.name});
        layer.calls.emplace_back();
      } else {
        layer.calls.push_back({{model.layers.back().name}});
      }
      model.layers.push_back(std::move(layer));
    }
    model.outputs.push_back({model.layers.back().name});
  }

  // Keras names the input that a Sequential model gets from its first layer `<layer>_input`.
  KerasLayer implied_input(const KerasLayer& first, const Json& config) {
    const Json* shape = find(first.config, "batch_input_shape");
    if (shape == nullptr) shape = find(first.config, "batch_shape");
    if (shape == nullptr) shape = find(config, "build_input_shape");
    if (shape == nullptr) {
      refuse("does not say the shape of its input",
             "start the model with an InputLayer, or build it before saving");
    }
    KerasLayer input;
    input.class_name = "InputLayer";
    input.name = first.name + "_input";
    input.config = {{"name", input.name}, {"batch_input_shape", *shape}};
    input.calls.emplace_back();
    add_name(input.name);
    return input;
  }

  void parse_functional(const Json& config, KerasModel& model) {
    std::size_t calls = 0;
    for (const Json& json : layer_list(config)) {
      KerasLayer layer = parse_layer(json);
      if (const Json* const nodes = find(json, "inbound_nodes");
          nodes != nullptr && nodes->is_array()) {
        for (const Json& node : *nodes) layer.calls.push_back(parse_call(layer.name, node));
      }
      if (layer.calls.empty()) layer.calls.emplace_back();
      calls += layer.calls.size();
      if (calls > kMostCalls) refuse("calls too many layers", {}, codes::kLimit);
      model.layers.push_back(std::move(layer));
    }
    model.inputs = parse_ends(config, "input_layers");
    model.outputs = parse_ends(config, "output_layers");
  }

  // A call is a list of [layer, node, tensor, arguments], or one of these alone.
  std::vector<TensorRef> parse_call(const std::string& layer, const Json& call) const {
    std::vector<TensorRef> operands;
    if (call.is_object()) return parse_arguments(layer, call);
    if (!call.is_array() || call.empty()) {
      refuse(fmt::format("does not describe the inputs of `{}` in the manner of Keras", layer));
    }
    if (call.front().is_string()) return {parse_operand(layer, call)};
    for (const Json& operand : call) operands.push_back(parse_operand(layer, operand));
    return operands;
  }

  // Keras 3: {"args": [tensor or list of tensors, ...], "kwargs": {...}}.
  std::vector<TensorRef> parse_arguments(const std::string& layer, const Json& call) const {
    const Json* const keywords = find(call, "kwargs");
    if (keywords != nullptr && !is_harmless(*keywords)) {
      refuse(fmt::format("calls `{}` with {}", layer, excerpt(*keywords)),
             "call the layer with nothing but its inputs");
    }
    std::vector<TensorRef> operands;
    const Json* const arguments = find(call, "args");
    if (arguments != nullptr) collect_tensors(layer, *arguments, operands);
    return operands;
  }

  void collect_tensors(const std::string& layer, const Json& value,
                       std::vector<TensorRef>& into) const {
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

  TensorRef parse_operand(const std::string& layer, const Json& operand) const {
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
      const bool off = value.is_null() || (value.is_boolean() && !value.get<bool>());
      if (!off || (key != "training" && key != "mask")) return false;
    }
    return true;
  }

  TensorRef parse_ref(const Json& ref, const std::string& where) const {
    if (!ref.is_array() || ref.size() < 3) refuse(fmt::format("has malformed {}", where));
    const auto layer = as_string(ref[0]);
    const auto node = as_integer(ref[1]);
    const auto tensor = as_integer(ref[2]);
    if (!layer || !node || *node < 0 || tensor != 0) {
      refuse(fmt::format("has malformed {}: {}", where, excerpt(ref)));
    }
    return {*layer, *node};
  }

  std::vector<TensorRef> parse_ends(const Json& config, const char* key) const {
    const Json* const ends = find(config, key);
    if (ends == nullptr || !ends->is_array() || ends->empty()) {
      refuse(fmt::format("has no `{}`", key));
    }
    if (ends->front().is_string()) return {parse_ref(*ends, key)};
    if (ends->size() > kMostLayers) refuse(fmt::format("has too many `{}`", key));
    std::vector<TensorRef> refs;
    for (const Json& end : *ends) refs.push_back(parse_ref(end, key));
    return refs;
  }

  const std::string& origin_;
  std::set<std::string> names_;
};

}  // namespace

KerasModel parse_keras_model(const Json& model, const std::string& origin) {
  return ModelParser(origin).parse(model);
}

}  // namespace sluice::frontend
