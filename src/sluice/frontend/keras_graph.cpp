#include "sluice/frontend/keras_graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/keras_join.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"
#include "sluice/frontend/keras_layers.hpp"
#include "sluice/frontend/plan_runner.hpp"

namespace sluice::frontend {

namespace {

using network::LayerId;
using network::Network;
using network::Shape;
using network::TensorType;

class GraphImporter {
 public:
  GraphImporter(const KerasModel& model, const PrecisionConfig& precision, std::string name,
                Diagnostics& diagnostics)
      : model_(model),
        precision_(precision),
        diagnostics_(diagnostics),
        network_(std::move(name)) {}

  Imported run(const ModelWeights& weights) {
    plan_layers(weights);
    check_references();
    for (const KerasLayer& layer : model_.layers) {
      if (plan(layer.name).input) input_quantizer(layer.name);
    }
    check_softmax();
    check_formats();
    if (diagnostics_.errors().empty()) build();
    Imported result{std::move(network_), {}, {}, std::move(formats_), std::move(tables_)};
    for (const TensorRef& output : model_.outputs) result.source.outputs.push_back(output.layer);
    for (const KerasLayer& layer : model_.layers) {
      std::ranges::copy(plan(layer.name).formats, std::back_inserter(result.formats));
      result.source.layers.push_back(std::move(plan(layer.name).summary));
    }
    return result;
  }

 private:
  using Value = PlannedValue;

  LayerPlan& plan(const std::string& layer) { return plans_.at(layer); }

  void error(const char* code, const std::string& layer, std::string message,
             std::string hint = {}) {
    diagnostics_.error({code, layer, std::move(message), std::move(hint)});
  }

  void plan_layers(const ModelWeights& weights) {
    const bool quantized = std::ranges::any_of(model_.layers, LayerPlanner::is_quantized);
    const LayerPlanner planner(weights, precision_, quantized, diagnostics_);
    std::set<std::string, std::less<>> configurable;
    std::set<std::string, std::less<>> softmaxes;
    for (const KerasLayer& layer : model_.layers) {
      softmaxes.insert(plans_.emplace(layer.name, planner.plan(layer)).first->second.softmax_name);
      for (std::string& name : LayerPlanner::configurable_names(layer)) {
        configurable.insert(std::move(name));
      }
      used_names_.insert(layer.name);
    }
    precision_.check_names(configurable, diagnostics_);
    precision_.check_softmax_forms(softmaxes, diagnostics_);
  }

  void check_references() {
    std::map<std::string_view, std::size_t> calls;
    for (const KerasLayer& layer : model_.layers) calls[layer.name] = layer.calls.size();
    const auto check = [&](const TensorRef& ref, const std::string& user) {
      const auto found = calls.find(ref.layer);
      if (found == calls.end() || static_cast<std::size_t>(ref.node) >= found->second) {
        error(codes::kGraph, user,
              fmt::format("uses call {} of `{}`, which does not exist", ref.node, ref.layer));
      }
    };
    for (const KerasLayer& layer : model_.layers) {
      for (std::size_t node = 0; node < layer.calls.size(); ++node) {
        check_operand_count(layer, layer.calls[node].size());
        for (const TensorRef& operand : layer.calls[node]) {
          check(operand, layer.name);
          consumers_[operand].push_back({layer.name, static_cast<std::int64_t>(node)});
        }
      }
    }
    for (const TensorRef& output : model_.outputs) check(output, "model output");
    for (const TensorRef& input : model_.inputs) {
      check(input, "model input");
      const auto found = plans_.find(input.layer);
      if (found != plans_.end() && !found->second.input) {
        error(codes::kGraph, input.layer, "is an input of the model, but no InputLayer");
      }
    }
  }

  void check_operand_count(const KerasLayer& layer, std::size_t found) {
    const LayerPlan& own = plan(layer.name);
    if (own.input) {
      if (found != 0) {
        error(codes::kGraph, layer.name, fmt::format("has {} inputs, expected 0", found));
      }
    } else if (own.is_complete && (found < own.least_operands || found > own.most_operands)) {
      error(codes::kGraph, layer.name,
            fmt::format("has {} inputs, expected {}{}", found, own.least_operands,
                        own.most_operands > own.least_operands ? " or more" : ""));
    }
  }

  bool is_output(const TensorRef& ref) const {
    return std::ranges::find(model_.outputs, ref) != model_.outputs.end();
  }

  void check_softmax() {
    for (const KerasLayer& layer : model_.layers) {
      if (!plan(layer.name).is_softmax) continue;
      const bool last =
          layer.calls.size() == 1 && is_output({layer.name}) && !consumers_.contains({layer.name});
      if (last) {
        diagnostics_.warn({codes::kLogits,
                           layer.name,
                           "the final softmax is left out: the outputs are the logits; the order "
                           "of the classes is the same",
                           {}});
      } else {
        error(codes::kActivation, layer.name,
              "softmax is left out at the very end only; here the configuration must say what it "
              "becomes",
              fmt::format(R"~({{"LayerName": {{"{}": {{"Strategy": "table"}}}}}}, or "argmax")~",
                          layer.name));
      }
    }
  }

  // Float32 weights are one problem with one remedy, whatever the number of layers.
  void check_formats() {
    std::vector<std::string> where;
    std::string first;
    for (const KerasLayer& layer : model_.layers) {
      const std::vector<std::string>& tensors = plan(layer.name).without_format;
      if (tensors.empty()) continue;
      if (first.empty()) first = layer.name;
      where.push_back(fmt::format("{} ({})", layer.name, fmt::join(tensors, ", ")));
    }
    if (where.empty()) return;
    error(codes::kNoPrecision, fmt::format("{}", fmt::join(where, ", ")),
          "float32 weights without a quantizer",
          fmt::format("let --calibrate events.npy choose their formats, give them one with "
                      R"~(--default-precision 'ap_fixed<16,6>', or by a configuration: )~"
                      R"~({{"Model": {{"Precision": "ap_fixed<16,6>"}}}}, or )~"
                      R"~({{"LayerName": {{"{}": {{"Precision": {{"weight": "ap_fixed<8,2>", )~"
                      R"~("bias": "ap_fixed<16,6>", "result": "ap_fixed<16,6>"}}}}, ...}}}})~",
                      first));
  }

  // What the values of a tensor meet first.
  struct FirstUses {
    std::vector<fixed::Quantizer> quantizers;
    bool others = false;   // something that is no quantizer
    bool unknown = false;  // a layer that could not be read
  };

  static void append(const std::vector<fixed::Quantizer>& from,
                     std::vector<fixed::Quantizer>& into) {
    into.insert(into.end(), from.begin(), from.end());
  }

  FirstUses first_uses(const TensorRef& start) {
    FirstUses uses;
    std::vector<TensorRef> front{start};
    std::set<TensorRef> seen;
    while (!front.empty()) {
      const TensorRef ref = std::move(front.back());
      front.pop_back();
      if (!seen.insert(ref).second) continue;
      uses.others = uses.others || is_output(ref);
      for (const TensorRef& user : consumers_[ref]) {
        const LayerPlan& user_plan = plan(user.layer);
        if (meets(user_plan, uses)) front.push_back(user);
      }
    }
    return uses;
  }

  // Notes what the values meet in a layer; true when they leave it as they are.
  static bool meets(const LayerPlan& user, FirstUses& uses) {
    if (user.join && user.join->kind != JoinOp::Kind::concatenate) {
      uses.others = true;
      return false;
    }
    for (const PlannedOp& planned : user.ops) {
      if (planned.moves_only) continue;
      const auto* const op = std::get_if<network::LayerOp>(&planned.op);
      const auto* const quantize = op == nullptr ? nullptr : std::get_if<network::Quantize>(op);
      const auto* const elements = std::get_if<ElementQuantizers>(&planned.op);
      if (quantize != nullptr && !planned.skip_if_exact) {
        append(quantize->quantizers, uses.quantizers);
      } else if (elements != nullptr) {
        append(elements->quantizers, uses.quantizers);
      } else {
        uses.others = true;
      }
      return false;
    }
    if (user.is_complete) return true;
    uses.unknown = true;
    return false;
  }

  void input_quantizer(const std::string& name) {
    const FirstUses uses = first_uses({name});
    const std::optional<fixed::Quantizer> own =
        uses.others ? std::nullopt : covering_quantizer(uses.quantizers);
    LayerSummary& summary = plan(name).summary;
    const auto asked = precision_.of_layer(name, "InputLayer", "result");
    if (asked && !asked->is_auto) {
      input_quantizers_[name] = asked->quantizer;
      summary.quantizers.emplace_back("input", asked->text);
      formats_.push_back(format_of_result(name, "InputLayer", *asked, name));
      if (own && *own != asked->quantizer) {
        diagnostics_.warn({codes::kDoubleRound, name,
                           fmt::format("rounded to {} by the configuration, then by the model's "
                                       "own quantizer",
                                       asked->text),
                           "leave the input out of the configuration"});
      }
      return;
    }
    if (own) {
      input_quantizers_[name] = *own;
      summary.quantizers.emplace_back("input", to_string(own->format));
      return;
    }
    if (const auto whole = precision_.of_model("result"); whole && !whole->is_auto) {
      input_quantizers_[name] = whole->quantizer;
      summary.quantizers.emplace_back("input", whole->text);
      formats_.push_back(format_of_result(name, "InputLayer", *whole, name));
      return;
    }
    if (uses.unknown) return;
    error(codes::kNoPrecision, name,
          uses.quantizers.empty() ? "the input is float32 and has no quantizer"
                                  : "not all users of the input quantize it in the same way",
          fmt::format("put QActivation(quantized_bits(16,6,alpha=1)) behind it, or give a "
                      R"~(configuration: {{"LayerName": {{"{}": {{"Precision": )~"
                      R"~("ap_fixed<16,6,RND_CONV,SAT>"}}}}}})~",
                      name));
  }

  void build() {
    // The inputs come first and in the model's order; the rest when their operand is there.
    for (const TensorRef& input : model_.inputs) build_call(input);
    bool progress = true;
    while (progress && diagnostics_.errors().empty()) {
      progress = false;
      for (const KerasLayer& layer : model_.layers) {
        for (std::size_t node = 0; node < layer.calls.size(); ++node) {
          progress = build_call({layer.name, static_cast<std::int64_t>(node)}) || progress;
        }
      }
    }
    for (const TensorRef& output : model_.outputs) {
      const auto found = built_.find(output);
      if (found != built_.end()) {
        add_output(output, found->second);
      } else if (diagnostics_.errors().empty()) {
        error(codes::kGraph, output.layer, "is an output of the model, but follows from no input");
      }
    }
  }

  void add_output(const TensorRef& output, const Value& value) {
    try {
      network_.add_output(settled(value));
    } catch (const ModelError& problem) {
      error(problem.code().c_str(), output.layer, problem.message(), problem.hint());
    }
  }

  // True when the call is built now.
  bool build_call(const TensorRef& call) {
    if (built_.contains(call) || failed_.contains(call)) return false;
    const LayerPlan& layer = plan(call.layer);
    try {
      if (layer.input) {
        built_[call] = {
            append(call.layer, network::Input{*layer.input, input_quantizers_.at(call.layer)}, {}),
            nullptr};
        return true;
      }
      std::vector<Value> operands;
      for (const TensorRef& operand : operands_of(call)) {
        const auto found = built_.find(operand);
        if (found == built_.end()) return false;
        operands.push_back(found->second);
      }
      const Value value = apply(call, layer, operands);
      built_[call] = value;
      LayerSummary& summary = plan(call.layer).summary;
      summary.output_shape = network_.layer(value.id).type.shape;
      if (call.node == 0 && value.function == nullptr && !layer.is_softmax) {
        summary.values = LayerValues{.network_layer = network_.layer(value.id).name};
      }
      return true;
    } catch (const ModelError& problem) {
      error(problem.code().c_str(), call.layer, problem.message(), problem.hint());
      failed_.insert(call);
      return false;
    }
  }

  const std::vector<TensorRef>& operands_of(const TensorRef& call) const {
    const auto layer = std::ranges::find(model_.layers, call.layer, &KerasLayer::name);
    return layer->calls[static_cast<std::size_t>(call.node)];
  }

  Value apply(const TensorRef& call, const LayerPlan& layer, std::vector<Value> operands) {
    for (std::size_t i = 0; i < layer.operand_quantizers.size() && i < operands.size(); ++i) {
      const PlannedOp quantize{fmt::format("{}_quantize", call.layer), layer.operand_quantizers[i]};
      operands[i] = runner_.run(quantize, {operands[i]}, operands[i].id, appender(call));
    }
    if (layer.remark) {
      diagnostics_.warn({codes::kSoftmaxTables,
                         call.layer,
                         layer.remark(network_.layer(settled(operands.front())).type),
                         {}});
    }
    Value value = operands.front();
    if (layer.join) {
      std::vector<LayerId> ids(operands.size());
      std::ranges::transform(operands, ids.begin(), settled);
      value = {joined(call, *layer.join, ids), nullptr};
    }
    return layer.each_step ? apply_each_step(call, layer, settled(value))
                           : runner_.run(layer.ops, value, appender(call));
  }

  static constexpr std::int64_t kMostSteps = 4096;

  Value apply_each_step(const TensorRef& call, const LayerPlan& layer, LayerId operand) {
    const Shape shape = network_.layer(operand).type.shape;
    if (shape.size() < 2 || shape.front() > kMostSteps) {
      throw ModelError(
          codes::kGraph, "",
          fmt::format("TimeDistributed of an operand of shape ({})", fmt::join(shape, ", ")),
          fmt::format("give it up to {} steps of one axis or more", kMostSteps));
    }
    std::vector<LayerId> results;
    for (std::int64_t step = 0; step < shape.front(); ++step) {
      std::vector<PlannedOp> ops = layer.ops;
      for (PlannedOp& planned : ops) planned.name += fmt::format("_step_{}", step);
      const LayerId part = append(call, fmt::format("{}_step_{}_operand", call.layer, step),
                                  network::index_first_axis(shape, step), {operand});
      results.push_back(settled(runner_.run(ops, {part, nullptr}, appender(call))));
    }
    const std::vector<Shape> shapes(results.size(), network_.layer(results.front()).type.shape);
    return {append(call, call.layer, network::stack(shapes), results), nullptr};
  }

  LayerId joined(const TensorRef& call, const JoinOp& join, const std::vector<LayerId>& operands) {
    const auto add = [&](const std::string& suffix, network::LayerOp op, std::vector<LayerId> of) {
      return append(call, suffix.empty() ? call.layer : fmt::format("{}_{}", call.layer, suffix),
                    std::move(op), std::move(of));
    };
    return join_operands(join, operands, {network_, add});
  }

  PlanRunner::Append appender(const TensorRef& call) {
    return [this, call](const std::string& name, network::LayerOp op, std::vector<LayerId> of) {
      return append(call, name, std::move(op), std::move(of));
    };
  }

  // A layer that belongs to a call of a Keras layer.
  LayerId append(const TensorRef& call, const std::string& planned_name, network::LayerOp op,
                 std::vector<LayerId> operands) {
    check_budget(op, network_.layer(operands.back()).type);
    const std::string name =
        call.node == 0 ? planned_name : fmt::format("{}_{}", planned_name, call.node);
    const LayerId id = append(planned_name == call.layer && call.node == 0 ? name : unique(name),
                              std::move(op), std::move(operands));
    plan(call.layer).summary.network_layers.push_back(network_.layer(id).name);
    return id;
  }

  LayerId append(const std::string& name, network::LayerOp op, std::vector<LayerId> operands) {
    if (const auto* const input = std::get_if<network::Input>(&op)) {
      take(1, input->shape, elements_, kMostElements);
      plan(name).summary.output_shape = input->shape;
      plan(name).summary.network_layers.push_back(name);
      plan(name).summary.values = LayerValues{.network_layer = name};
    }
    return network_.append(name, std::move(op), std::move(operands));
  }

  std::string unique(const std::string& name) {
    std::string candidate = name;
    for (int i = 1; !used_names_.insert(candidate).second; ++i) {
      candidate = fmt::format("{}_{}", name, i);
    }
    return candidate;
  }

  // Counts `factor` times the elements of `shape` against a limit.
  static void take(std::int64_t factor, const Shape& shape, std::int64_t& used, std::int64_t most) {
    std::int64_t count = factor;
    for (const std::int64_t extent : shape) {
      if (extent < 1) {
        throw ModelError(codes::kModelConfig, "",
                         fmt::format("shape ({}) is not possible", fmt::join(shape, ", ")),
                         "fix every extent but the batch");
      }
      if (extent > (most - used) / count) {
        throw ModelError(codes::kLimit, "", "the model is larger than what is read",
                         "split the model");
      }
      count *= extent;
    }
    used += count;
  }

  void check_budget(const network::LayerOp& op, const TensorType& type) {
    if (const auto* const dense = std::get_if<network::Dense>(&op)) {
      take(dense->units, type.shape, multiplications_, kMostMultiplications);
      Shape result = type.shape;
      if (!result.empty()) result.back() = dense->units;
      take(1, result, elements_, kMostElements);
    } else if (const auto* const gather = std::get_if<network::Gather>(&op)) {
      take(1, gather->shape, elements_, kMostElements);
    } else {
      take(1, type.shape, elements_, kMostElements);
    }
  }

  const KerasModel& model_;
  const PrecisionConfig& precision_;
  Diagnostics& diagnostics_;
  Network network_;
  std::map<std::string, LayerPlan> plans_;
  std::map<TensorRef, std::vector<TensorRef>> consumers_;
  std::map<std::string, fixed::Quantizer> input_quantizers_;
  std::map<TensorRef, Value> built_;
  std::vector<FormatUse> formats_;
  std::vector<TabulatedFunction> tables_;
  PlanRunner runner_{network_, formats_, tables_};
  std::set<TensorRef> failed_;
  std::set<std::string> used_names_;
  std::int64_t elements_ = 0;
  std::int64_t multiplications_ = 0;
};

}  // namespace

Imported import_keras(const KerasModel& model, const ModelWeights& weights,
                      const PrecisionConfig& precision, const std::string& name,
                      Diagnostics& diagnostics) {
  return GraphImporter(model, precision, name, diagnostics).run(weights);
}

}  // namespace sluice::frontend
