#include "sluice/frontend/onnx_graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/onnx_constants.hpp"
#include "sluice/frontend/onnx_input.hpp"
#include "sluice/frontend/onnx_nodes.hpp"
#include "sluice/frontend/scaled_values.hpp"

namespace sluice::frontend {

namespace {

using network::Shape;

class OnnxImporter {
 public:
  OnnxImporter(const OnnxModel& model, const PrecisionConfig& precision, const std::string& name,
               Diagnostics& diagnostics)
      : model_(model),
        precision_(precision),
        diagnostics_(diagnostics),
        builder_(name),
        quantized_(std::ranges::any_of(model.nodes, is_onnx_quantizer)),
        nodes_(builder_, precision, quantized_, model.opset, diagnostics) {}

  Imported run() {
    check_operators();
    check_names();
    for (const auto& [name, tensor] : model_.initializers) values_[name] = tensor;
    for (const OnnxNode& node : model_.nodes) {
      for (const std::string& input : node.inputs) users_[input].push_back(&node);
    }
    fold_constants();
    for (const OnnxInput& input : model_.inputs) add_input(input);
    for (const OnnxNode& node : model_.nodes) add(node);
    for (const std::string& output : model_.outputs) add_output(output);
    std::ranges::copy(nodes_.formats(), std::back_inserter(formats_));
    return {builder_.take(), std::move(source_), {}, std::move(formats_), std::move(tables_)};
  }

 private:
  void error(const char* code, const std::string& subject, std::string message,
             std::string hint = {}) {
    diagnostics_.error({code, subject, std::move(message), std::move(hint)});
  }

  void check_operators() {
    constexpr std::int64_t kOldest = 7;
    constexpr std::int64_t kNewest = 22;
    if (model_.opset < kOldest || model_.opset > kNewest) {
      error(codes::kFormat, "operator set",
            fmt::format("version {}; {} to {} are read", model_.opset, kOldest, kNewest),
            "export with opset_version=13");
    }
  }

  void check_names() {
    std::set<std::string, std::less<>> names;
    for (const OnnxInput& input : model_.inputs) names.insert(input.name);
    std::set<std::string, std::less<>> softmaxes;
    for (const OnnxNode& node : model_.nodes) {
      names.insert(node.label());
      if (node.op_type == "Softmax") softmaxes.insert(node.label());
    }
    precision_.check_names(names, diagnostics_);
    precision_.check_softmax_forms(softmaxes, diagnostics_);
  }

  bool is_output(const std::string& name) const {
    return std::ranges::find(model_.outputs, name) != model_.outputs.end();
  }

  // Nodes are in an order in which every value comes before its users.
  void fold_constants() {
    for (const OnnxNode& node : model_.nodes) {
      const bool constant = std::ranges::all_of(node.inputs, [&](const std::string& name) {
        return name.empty() ||
               (values_.contains(name) && std::holds_alternative<OnnxTensor>(values_.at(name)));
      });
      if (constant) attempt(node, [&] { fold_node(node, inputs_of(node)); });
    }
  }

  std::vector<const OnnxTensor*> inputs_of(const OnnxNode& node) const {
    std::vector<const OnnxTensor*> inputs;
    for (const std::string& name : node.inputs) {
      const auto found = values_.find(name);
      inputs.push_back(found == values_.end() ? nullptr : std::get_if<OnnxTensor>(&found->second));
    }
    return inputs;
  }

  void fold_node(const OnnxNode& node, const std::vector<const OnnxTensor*>& inputs) {
    auto folded = fold(node, inputs, model_.opset);
    if (!folded) {
      throw ModelError(codes::kLayer, "",
                       fmt::format("operator `{}` of constants is not supported", node.op_type),
                       "simplify the model with onnxsim or qonnx-cleanup");
    }
    folded_ += folded->values.size();
    constexpr std::size_t kMostFolded = std::size_t{1} << 26;
    if (folded_ > kMostFolded) {
      throw ModelError(codes::kLimit, "", "its constants take too much memory");
    }
    values_[node.outputs.front()] = *std::move(folded);
  }

  template <class Action>
  void attempt(const OnnxNode& node, Action action) {
    try {
      action();
    } catch (const ModelError& problem) {
      error(problem.code().c_str(), node.label(),
            fmt::format("{}: {}", node.op_type, problem.message()), problem.hint());
      for (const std::string& output : node.outputs) values_[output] = std::monostate();
    }
  }

  void add_input(const OnnxInput& input) {
    Shape shape = input.shape;
    if (shape.size() > 1) {
      batch_ = shape.front();
      shape.front() = 1;
    }
    values_[input.name] = std::monostate();
    if (shape.empty() || std::ranges::any_of(shape, [](std::int64_t extent) {
          return extent < 1 || extent > (1 << 24);
        })) {
      error(codes::kModelConfig, input.name,
            fmt::format("shape ({}) leaves an extent open", fmt::join(shape, ", ")),
            "fix every extent but the batch");
      return;
    }
    LayerSummary summary;
    summary.name = input.name;
    summary.class_name = "Input";
    summary.output_shape.assign(shape.begin() + (shape.size() > 1 ? 1 : 0), shape.end());
    const auto quantizer = input_quantizer(input.name, summary);
    if (quantizer) {
      try {
        ScaledTensor x = builder_.input(input.name, shape, *quantizer);
        // Before anything else, so that a streaming circuit reads the event in this order.
        if (const auto order = windowed_order(input.name, shape.size(), view())) {
          builder_.arrange(x, *order, input.name);
        }
        values_[input.name] = std::move(x);
      } catch (const ModelError& problem) {
        error(problem.code().c_str(), input.name, problem.message(), problem.hint());
      }
    }
    summary.network_layers = builder_.take_added();
    if (quantizer) summary.values = LayerValues{.network_layer = input.name};
    source_.layers.push_back(std::move(summary));
  }

  OnnxGraphView view() const {
    const auto constant = [this](const std::string& input) -> const OnnxTensor* {
      const auto found = values_.find(input);
      return found == values_.end() ? nullptr : std::get_if<OnnxTensor>(&found->second);
    };
    const auto users = [this](const std::string& value) -> std::span<const OnnxNode* const> {
      const auto found = users_.find(value);
      if (found == users_.end()) return {};
      return found->second;
    };
    return {users, constant, [this](const std::string& value) { return is_output(value); }};
  }

  std::optional<fixed::Quantizer> input_quantizer(const std::string& name, LayerSummary& summary) {
    if (const auto asked = precision_.of_layer(name, "Input", "result"); asked && !asked->is_auto) {
      summary.quantizers.emplace_back("input", asked->text);
      formats_.push_back(format_of_result(name, "Input", *asked, name));
      return asked->quantizer;
    }
    if (const auto own = first_quantizer(name, view())) {
      summary.quantizers.emplace_back("input", to_string(own->format));
      return own;
    }
    if (const auto whole = precision_.of_model("result"); whole && !whole->is_auto) {
      summary.quantizers.emplace_back("input", whole->text);
      formats_.push_back(format_of_result(name, "Input", *whole, name));
      return whole->quantizer;
    }
    error(codes::kNoPrecision, name,
          "the input is float32, and no quantizer with a power-of-two scale stands right behind it",
          fmt::format(R"~(give a configuration: {{"LayerName": {{"{}": {{"Precision": )~"
                      R"~("ap_fixed<16,6,RND_CONV,SAT>"}}}}}})~",
                      name));
    return std::nullopt;
  }

  void add(const OnnxNode& node) {
    if (done_.contains(&node) || values_.contains(node.outputs.front())) return;
    std::vector<const OnnxValue*> inputs;
    for (const std::string& name : node.inputs) {
      const auto found = values_.find(name);
      if (!name.empty() && found == values_.end()) {
        error(codes::kGraph, node.label(), fmt::format("uses `{}`, which does not exist", name));
        values_[node.outputs.front()] = std::monostate();
        return;
      }
      inputs.push_back(name.empty() ? nullptr : &found->second);
    }
    const bool unknown = std::ranges::any_of(inputs, [](const OnnxValue* value) {
      return value != nullptr && std::holds_alternative<std::monostate>(*value);
    });
    const bool constant = std::ranges::all_of(inputs, [](const OnnxValue* value) {
      return value == nullptr || std::holds_alternative<OnnxTensor>(*value);
    });
    if (constant) {
      attempt(node, [&] { fold_node(node, inputs_of(node)); });
      return;
    }
    const bool final_softmax = (node.op_type == "Softmax" || node.op_type == "LogSoftmax") &&
                               is_output(node.outputs.front()) &&
                               precision_.softmax_form(node.label()).empty();
    if (!OnnxNodes::is_supported(node) && node.op_type != "Shape" && !final_softmax) {
      refuse_operator(node);
      return;
    }
    if (unknown) {
      for (const std::string& output : node.outputs) values_[output] = std::monostate();
      return;
    }
    attempt(node, [&] { add_known(node, inputs, final_softmax); });
  }

  void refuse_operator(const OnnxNode& node) {
    std::string what = fmt::format("operator `{}{}{}` is not supported", node.domain,
                                   node.domain.empty() ? "" : ".", node.op_type);
    std::string hint = "see the list of operators in docs/reference/import.md";
    if (node.op_type == "LogSoftmax") {
      what = "a logarithm of softmax is supported at the very end only";
      hint = "remove it: the largest logit is the largest probability";
    }
    error(codes::kLayer, node.label(), std::move(what), std::move(hint));
    for (const std::string& output : node.outputs) values_[output] = std::monostate();
  }

  void add_known(const OnnxNode& node, const std::vector<const OnnxValue*>& inputs,
                 bool final_softmax) {
    if (final_softmax) {
      diagnostics_.warn({codes::kLogits,
                         node.label(),
                         "the final softmax is left out: the outputs are the logits; the order of "
                         "the classes is the same",
                         {}});
      values_[node.outputs.front()] = *inputs.at(0);
      return;
    }
    if (node.op_type == "Shape") {
      OnnxTensor shape_only;
      shape_only.shape = std::get<ScaledTensor>(*inputs.at(0)).shape;
      fold_node(node, {&shape_only});
      return;
    }
    LayerSummary summary;
    summary.name = node.label();
    summary.class_name = node.op_type;
    const OnnxNode* const bias = following_bias(node);
    OnnxNodes::Bias operand;
    if (bias != nullptr) {
      operand.label = bias->label();
      for (const std::string& name : bias->inputs) {
        const auto value = values_.find(name);
        if (value == values_.end()) continue;
        if (const auto* const tensor = std::get_if<OnnxTensor>(&value->second)) {
          operand.values = tensor;
        }
      }
    }
    std::vector<ScaledTensor> results =
        nodes_.build(node, with_batch(node, inputs), operand, summary);
    const OnnxNode& last = bias != nullptr ? *bias : node;
    if (bias != nullptr) done_.insert(bias);
    for (ScaledTensor& result : results) round_result(node, last, result, summary);
    const Shape& shape = results.front().shape;
    summary.output_shape.assign(shape.begin() + (shape.size() > 1 ? 1 : 0), shape.end());
    summary.network_layers = builder_.take_added();
    if (results.size() == 1 && results.front().function == nullptr) {
      const ScaledTensor& result = results.front();
      summary.values = layer_values(result, builder_.network().layer(result.layer).name);
    }
    summary.aliases = last.outputs;
    summary.aliases.push_back(last.label());
    source_.layers.push_back(std::move(summary));
    for (std::size_t i = 0; i < results.size(); ++i) {
      values_[last.outputs.at(i)] = std::move(results[i]);
    }
  }

  // A shape that repeats the batch of the file means the batch of one.
  std::vector<const OnnxValue*> with_batch(const OnnxNode& node,
                                           std::vector<const OnnxValue*> inputs) {
    if (node.op_type != "Reshape" || inputs.size() < 2 || batch_ <= 1) return inputs;
    const auto* const shape = std::get_if<OnnxTensor>(inputs[1]);
    if (shape == nullptr || shape->values.empty() ||
        shape->values.front() != static_cast<double>(batch_)) {
      return inputs;
    }
    OnnxTensor one_event = *shape;
    one_event.values.front() = 1;
    batch_shape_ = std::move(one_event);
    inputs[1] = &batch_shape_;
    return inputs;
  }

  // The Add of a constant vector that is the only user of a matrix product.
  const OnnxNode* following_bias(const OnnxNode& node) const {
    const std::string& product = node.outputs.front();
    const auto found = users_.find(product);
    if (node.op_type != "MatMul" || node.inputs.size() != 2 || found == users_.end() ||
        found->second.size() != 1 || is_output(product)) {
      return nullptr;
    }
    const OnnxNode& user = *found->second.front();
    if (user.op_type != "Add" || user.inputs.size() != 2 || !user.domain.empty()) return nullptr;
    const std::string& other = user.inputs[user.inputs[0] == product ? 1 : 0];
    const auto value = values_.find(other);
    const auto* const bias =
        value == values_.end() ? nullptr : std::get_if<OnnxTensor>(&value->second);
    const auto matrix = values_.find(node.inputs.at(1));
    const auto* const weights =
        matrix == values_.end() ? nullptr : std::get_if<OnnxTensor>(&matrix->second);
    if (bias == nullptr || weights == nullptr || weights->shape.size() != 2) return nullptr;
    const std::int64_t units = weights->shape[1];
    const auto numbers = static_cast<std::int64_t>(bias->values.size());
    const bool row = !bias->shape.empty() && bias->shape.back() == units && numbers == units;
    return numbers == 1 || row ? &user : nullptr;
  }

  void round_result(const OnnxNode& node, const OnnxNode& last, ScaledTensor& result,
                    LayerSummary& summary) {
    if (is_onnx_quantizer(node)) return;
    auto asked = precision_.of_layer(last.label(), last.op_type, "result");
    if (!asked) asked = precision_.of_layer(node.label(), node.op_type, "result");
    if (!asked && !quantized_) asked = precision_.of_model("result");
    if (!asked || asked->is_auto) return;
    summary.quantizers.emplace_back("result", asked->text);
    const ScaledTensor before = result;
    builder_.round(result, asked->quantizer, node.label());
    if (before.function != nullptr) add_table(before, result);
    formats_.push_back(format_of_result(last.label(), last.op_type, *asked,
                                        builder_.network().layer(result.layer).name));
  }

  // A function of numbers per channel stays a table to whoever evaluates the network.
  void add_table(const ScaledTensor& before, const ScaledTensor& after) {
    if (before.factor.size() != 1) return;
    const network::Network& network = builder_.network();
    const network::Layer& lookup = network.layer(after.layer);
    const network::LayerId operand = lookup.operands.front();
    const double factor = before.factor.front().get_d();
    const double offset = before.offset.front().get_d();
    const double lower = before.lower ? before.lower->get_d() : -HUGE_VAL;
    const double upper = before.upper ? before.upper->get_d() : HUGE_VAL;
    const auto function = real_function(*before.function);
    tables_.push_back(
        {operand == before.layer ? "" : network.layer(operand).name, lookup.name,
         [=](double x) { return function(std::clamp(x * factor + offset, lower, upper)); }});
  }

  void add_output(const std::string& name) {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      error(codes::kGraph, name, "is an output of the model, but no node makes it");
      return;
    }
    auto* const x = std::get_if<ScaledTensor>(&found->second);
    if (x == nullptr) {
      if (diagnostics_.errors().empty()) {
        error(codes::kGraph, name, "is an output of the model that follows from no input");
      }
      return;
    }
    try {
      ScaledTensor result = *x;
      OnnxNodes::require_values(result);
      const double bound = builder_.finish(result, name + "_output");
      if (bound > 0) {
        diagnostics_.warn({codes::kOutputGrid, name,
                           fmt::format("its exact values are no fixed-point numbers; the output is "
                                       "within {:.1e} of them",
                                       bound),
                           "give the last layer a result format for a narrower output"});
      }
      builder_.add_output(result.layer);
      source_.outputs.push_back(name);
    } catch (const ModelError& problem) {
      error(problem.code().c_str(), name, problem.message(), problem.hint());
    }
  }

  const OnnxModel& model_;
  const PrecisionConfig& precision_;
  Diagnostics& diagnostics_;
  ScaledBuilder builder_;
  bool quantized_;
  OnnxNodes nodes_;
  ModelSource source_;
  std::vector<FormatUse> formats_;
  std::vector<TabulatedFunction> tables_;
  std::map<std::string, OnnxValue, std::less<>> values_;
  std::map<std::string, std::vector<const OnnxNode*>, std::less<>> users_;
  std::set<const OnnxNode*> done_;
  OnnxValue batch_shape_;
  std::int64_t batch_ = 1;
  std::size_t folded_ = 0;
};

}  // namespace

Imported import_onnx(const OnnxModel& model, const PrecisionConfig& precision,
                     const std::string& name, Diagnostics& diagnostics) {
  return OnnxImporter(model, precision, name, diagnostics).run();
}

}  // namespace sluice::frontend
