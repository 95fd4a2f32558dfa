#include "sluice/frontend/keras_nesting.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <set>
#include <string_view>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {

namespace {

constexpr std::size_t kMostCalls = 4096;

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

class Flattener {
 public:
  Flattener(const KerasScope& root, const std::string& origin, KerasModel& model)
      : origin_(origin), model_(model) {
    open(root, nullptr, nullptr);
  }

  void run() {
    // Outer layers come first, so that they keep their own names.
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      frames_[i].layers = name_layers(frames_[i]);
    }
    for (const Frame& frame : frames_) add_layers(frame);
    const Frame& root = frames_.front();
    for (const NestedRef& input : root.scope->inputs) {
      model_.inputs.push_back(resolved(root, 0, input));
    }
    for (const NestedRef& output : root.scope->outputs) {
      model_.outputs.push_back(resolved(root, 0, output));
    }
  }

 private:
  struct Frame;
  struct Placed {
    const ScopeLayer* layer = nullptr;
    std::string flat_name;
    std::vector<std::string> groups;
    const Frame* inside = nullptr;  // of a model
    std::int64_t first_node = 0;    // the node of its first call
  };
  /// A model and where it stands. It runs `runs` times: once for every call of itself in every run
  /// of the model around it.
  struct Frame {
    const KerasScope* scope = nullptr;
    const Frame* around = nullptr;
    const ScopeLayer* self = nullptr;
    std::vector<std::string> path;
    std::vector<std::string> groups;
    std::size_t runs = 1;
    std::map<std::string, Placed, std::less<>> layers;
  };

  [[noreturn]] void refuse(std::string message, const char* code = codes::kGraph) const {
    throw ModelError(code, origin_, fmt::format("the model {}", message));
  }

  Frame& open(const KerasScope& scope, const Frame* around, const Placed* self) {
    Frame frame;
    frame.scope = &scope;
    frame.around = around;
    if (self != nullptr) {
      frame.self = self->layer;
      frame.path = around->path;
      frame.path.push_back(self->layer->layer.name);
      frame.groups = self->groups;
      frame.runs = around->runs * self->layer->calls.size();
    }
    calls_ += frame.runs * scope.layers.size();
    if (calls_ > kMostCalls && around != nullptr) refuse("calls too many layers", codes::kLimit);
    return frames_.emplace_back(std::move(frame));
  }

  std::map<std::string, Placed, std::less<>> name_layers(const Frame& frame) {
    std::map<std::string, Placed, std::less<>> placed;
    std::map<std::string, int> used;
    for (const ScopeLayer& layer : frame.scope->layers) {
      Placed& own = placed[layer.layer.name];
      own.layer = &layer;
      std::string group =
          snake_case(layer.layer.each_step ? "TimeDistributed" : layer.layer.class_name);
      if (const int before = used[group]++; before > 0) group += fmt::format("_{}", before);
      own.groups = frame.groups;
      own.groups.push_back(std::move(group));
      if (layer.model != nullptr) {
        own.first_node = first_node(*frame.scope, layer.layer.name);
        own.inside = &open(*layer.model, &frame, &own);
      } else if (!is_inner_input(frame, layer)) {
        own.flat_name = unique_name(frame, layer.layer.name);
      }
    }
    return placed;
  }

  static bool is_inner_input(const Frame& frame, const ScopeLayer& layer) {
    return frame.around != nullptr && layer.layer.class_name == "InputLayer";
  }

  std::string unique_name(const Frame& frame, const std::string& own) {
    std::string name = own;
    if (names_.contains(name) && !frame.path.empty()) {
      name = fmt::format("{}/{}", fmt::join(frame.path, "/"), own);
    }
    if (!names_.insert(name).second) refuse(fmt::format("has two layers named `{}`", name));
    return name;
  }

  // Keras counts the making of a model as its node 0; Sequential models of old do not.
  static std::int64_t first_node(const KerasScope& scope, const std::string& name) {
    std::int64_t first = 1;
    const auto look = [&](const NestedRef& ref) {
      if (ref.layer == name) first = std::min(first, ref.node);
    };
    for (const ScopeLayer& layer : scope.layers) {
      for (const auto& call : layer.calls) std::ranges::for_each(call, look);
    }
    std::ranges::for_each(scope.outputs, look);
    return first;
  }

  /// The tensor that `ref` means in run `run` of a model.
  TensorRef resolved(const Frame& start, std::size_t run, NestedRef ref) const {
    const Frame* frame = &start;
    constexpr int kMostSteps = 1000;
    for (int step = 0; step < kMostSteps; ++step) {
      const auto found = frame->layers.find(ref.layer);
      if (found == frame->layers.end()) {
        // The importer says who uses what does not exist.
        if (frame->around == nullptr) return {ref.layer, ref.node};
        refuse(fmt::format("uses `{}`, which does not exist in `{}`", ref.layer,
                           fmt::join(frame->path, "/")));
      }
      const Placed& placed = found->second;
      const std::size_t calls = placed.layer->calls.size();
      if (placed.inside != nullptr) {
        const auto call = static_cast<std::size_t>(ref.node - placed.first_node);
        const auto& outputs = placed.inside->scope->outputs;
        if (ref.node < placed.first_node || call >= calls || ref.tensor >= std::ssize(outputs)) {
          refuse(fmt::format("uses call {}, tensor {} of `{}`, which does not exist", ref.node,
                             ref.tensor, ref.layer));
        }
        run = run * calls + call;
        ref = outputs[static_cast<std::size_t>(ref.tensor)];
        frame = placed.inside;
      } else if (ref.tensor != 0) {
        refuse(fmt::format("uses tensor {} of `{}`, which has one", ref.tensor, ref.layer));
      } else if (is_inner_input(*frame, *placed.layer)) {
        const std::size_t own_calls = frame->self->calls.size();
        const auto& operands = frame->self->calls[run % own_calls];
        const auto& inputs = frame->scope->inputs;
        const auto place = std::ranges::find(inputs, ref.layer, &NestedRef::layer);
        const auto index = static_cast<std::size_t>(place - inputs.begin());
        if (place == inputs.end() || index >= operands.size()) {
          refuse(fmt::format("calls `{}` with {} tensors for {} inputs",
                             fmt::join(frame->path, "/"), operands.size(), inputs.size()));
        }
        ref = operands[index];
        run /= own_calls;
        frame = frame->around;
      } else {
        const auto node = static_cast<std::int64_t>(run * calls) + ref.node;
        const bool exists = ref.node < static_cast<std::int64_t>(calls);
        if (!exists && frame->around != nullptr) {
          refuse(fmt::format("uses call {} of `{}`, which does not exist", ref.node, ref.layer));
        }
        return {placed.flat_name, node};
      }
    }
    refuse("has a cycle");
  }

  void add_layers(const Frame& frame) {
    for (const ScopeLayer& layer : frame.scope->layers) {
      const Placed& placed = frame.layers.find(layer.layer.name)->second;
      if (placed.flat_name.empty()) continue;
      KerasLayer flat = layer.layer;
      flat.name = placed.flat_name;
      flat.path = frame.path;
      flat.path.push_back(layer.layer.name);
      flat.groups = placed.groups;
      for (std::size_t run = 0; run < frame.runs; ++run) {
        for (const auto& call : layer.calls) {
          std::vector<TensorRef>& operands = flat.calls.emplace_back();
          for (const NestedRef& ref : call) operands.push_back(resolved(frame, run, ref));
        }
      }
      model_.layers.push_back(std::move(flat));
    }
  }

  const std::string& origin_;
  KerasModel& model_;
  std::deque<Frame> frames_;  // that placed layers point to
  std::set<std::string> names_;
  std::size_t calls_ = 0;
};

}  // namespace

void flatten(const KerasScope& scope, const std::string& origin, KerasModel& model) {
  Flattener(scope, origin, model).run();
}

}  // namespace sluice::frontend
