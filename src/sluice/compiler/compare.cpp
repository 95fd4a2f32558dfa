#include "sluice/compiler/compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "sluice/base/diagnostics.hpp"
#include "sluice/base/error.hpp"
#include "sluice/calibrate/event_data.hpp"
#include "sluice/compiler/layer_tracer.hpp"
#include "sluice/compiler/subject.hpp"

namespace sluice::compiler {

namespace {

using frontend::LayerSummary;
using frontend::LayerValues;
using network::LayerId;

[[noreturn]] void refuse(const std::string& subject, std::string message, std::string hint) {
  throw UsageError("E-COMPARE-001", subject, std::move(message), std::move(hint));
}

/// A layer to compare, and the values that it should have.
struct Pair {
  LayerComparison result;
  LayerValues values;
  LayerId id{};
  std::vector<std::int64_t> shape;  // of an event, as given
  std::vector<double> expected;     // event after event
};

class TraceComparer {
 public:
  TraceComparer(const Subject& subject, const std::map<std::string, NpyArray>& traces,
                double tolerance)
      : subject_(subject), traces_(traces) {
    result_.tolerance = tolerance;
  }

  TraceComparison run() && {
    const LayerTracer tracer(subject_.network);
    const std::vector<double> inputs = read_inputs(tracer.input_elements());
    read_traces();
    tracer.run(inputs, [&](std::int64_t event, const LayerTracer::Event& values) {
      for (Pair& pair : pairs_) compare_event(pair, event, values.of(pair.id));
    });
    std::ranges::stable_sort(pairs_, {}, [](const Pair& pair) { return index(pair.id); });
    for (Pair& pair : pairs_) result_.layers.push_back(std::move(pair.result));
    return std::move(result_);
  }

 private:
  // The events of all inputs, event after event, their elements side by side.
  std::vector<double> read_inputs(std::size_t width) {
    const std::vector<LayerId> ids = subject_.network.inputs();
    std::vector<calibrate::EventData> parts;
    for (const LayerId id : ids) {
      const network::Layer& layer = subject_.network.layer(id);
      const auto found = input_array(layer.name, ids.size() == 1);
      used_.push_back(found->first);
      parts.push_back(calibrate::read_events(found->second, layer.type.ranges.size()));
      if (parts.back().events != parts.front().events) {
        refuse(found->first, fmt::format("has {} events", parts.back().events),
               fmt::format("give {} for every input", parts.front().events));
      }
    }
    result_.events = parts.front().events;
    std::vector<double> inputs;
    inputs.reserve(static_cast<std::size_t>(result_.events) * width);
    for (std::int64_t event = 0; event < result_.events; ++event) {
      for (const calibrate::EventData& part : parts) {
        const std::span<const double> own = part.event(event);
        inputs.insert(inputs.end(), own.begin(), own.end());
      }
    }
    return inputs;
  }

  std::map<std::string, NpyArray>::const_iterator input_array(const std::string& name,
                                                              bool is_only) const {
    auto found = traces_.find(name);
    for (const char* const other : {"x", "input"}) {
      if (found == traces_.end() && is_only) found = traces_.find(other);
    }
    if (found == traces_.end()) {
      refuse(name, "the traces hold no events for this input",
             is_only ? fmt::format("save them as `{}` or `x`", name)
                     : fmt::format("save them as `{}`", name));
    }
    return found;
  }

  // All problems at once.
  void read_traces() {
    Diagnostics diagnostics;
    for (const auto& [name, array] : traces_) {
      if (std::ranges::find(used_, name) != used_.end()) continue;
      try {
        read_trace(name, array);
      } catch (const UsageError& error) {
        diagnostics.error({error.code(), error.subject(), error.message(), error.hint()});
      }
    }
    if (!diagnostics.errors().empty()) {
      try {
        diagnostics.throw_if_errors("traces");
      } catch (const ModelError& error) {
        throw UsageError(error.code(), error.subject(), error.message(), error.hint());
      }
    }
    if (pairs_.empty()) {
      refuse("traces", "hold no values of any layer",
             fmt::format("the layers are {}", fmt::join(names(), ", ")));
    }
  }

  void read_trace(const std::string& name, const NpyArray& array) {
    Pair pair;
    pair.result.layer = name;
    if (const LayerSummary* const summary = summary_of(name)) {
      if (!summary->values) {
        result_.not_compared[name] = "the network does not hold its values";
        return;
      }
      pair.values = *summary->values;
    } else if (subject_.network.find(name)) {
      pair.values.network_layer = name;
    } else {
      refuse(name, "no layer has this name",
             fmt::format("the layers are {}", fmt::join(names(), ", ")));
    }
    pair.id = subject_.network.find(pair.values.network_layer).value();
    const network::Layer& layer = subject_.network.layer(pair.id);
    pair.result.network_layer = layer.name;
    pair.result.format = to_string(layer.type.format);
    const std::size_t width =
        pair.values.order.empty() ? layer.type.ranges.size() : pair.values.order.size();
    calibrate::EventData events;
    try {
      events = calibrate::read_events(array, width);
    } catch (const UsageError& error) {
      refuse(name, error.message(), error.hint());
    }
    if (events.events != result_.events) {
      refuse(name, fmt::format("has {} events", events.events),
             fmt::format("give {}, as for the input", result_.events));
    }
    pair.expected = std::move(events.values);
    pair.shape.assign(array.shape.begin() + 1, array.shape.end());
    pairs_.push_back(std::move(pair));
  }

  const LayerSummary* summary_of(const std::string& name) const {
    for (const LayerSummary& layer : subject_.source.layers) {
      if (layer.name == name || std::ranges::find(layer.aliases, name) != layer.aliases.end()) {
        return &layer;
      }
    }
    return nullptr;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const LayerSummary& layer : subject_.source.layers) all.push_back(layer.name);
    return all;
  }

  static double value(const LayerValues& values, std::span<const double> layer, std::size_t i) {
    double result = layer[values.order.empty() ? i : static_cast<std::size_t>(values.order[i])];
    if (!values.factor.empty()) result *= values.factor[i];
    if (!values.offset.empty()) result += values.offset[i];
    if (values.lower) result = std::max(result, *values.lower);
    if (values.upper) result = std::min(result, *values.upper);
    return result;
  }

  void compare_event(Pair& pair, std::int64_t event, std::span<const double> layer) const {
    const std::size_t width = pair.expected.size() / static_cast<std::size_t>(result_.events);
    const auto expected = std::span(pair.expected).subspan(static_cast<std::size_t>(event) * width);
    bool differs = false;
    for (std::size_t i = 0; i < width; ++i) {
      const double found = value(pair.values, layer, i);
      const double difference = std::abs(found - expected[i]);
      pair.result.largest_difference = std::max(pair.result.largest_difference, difference);
      if (difference <= result_.tolerance) continue;
      differs = true;
      ++pair.result.differing_values;
      if (!pair.result.first) {
        pair.result.first = {event, element_of(pair.shape, i), found, expected[i]};
      }
    }
    pair.result.differing_events += differs ? 1 : 0;
  }

  static std::vector<std::int64_t> element_of(const std::vector<std::int64_t>& shape,
                                              std::size_t i) {
    std::vector<std::int64_t> element(shape.size());
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      element[axis] = rest % shape[axis];
      rest /= shape[axis];
    }
    return element;
  }

  const Subject& subject_;
  const std::map<std::string, NpyArray>& traces_;
  std::vector<std::string> used_;
  std::vector<Pair> pairs_;
  TraceComparison result_;
};

}  // namespace

const LayerComparison* TraceComparison::first_difference() const noexcept {
  const auto found = std::ranges::find_if(
      layers, [](const LayerComparison& layer) { return layer.first.has_value(); });
  return found == layers.end() ? nullptr : &*found;
}

TraceComparison compare(const std::filesystem::path& subject,
                        const std::map<std::string, NpyArray>& traces,
                        const CompareOptions& options) {
  if (!(options.tolerance >= 0) || !std::isfinite(options.tolerance)) {
    refuse("tolerance", fmt::format("{} is no tolerance", options.tolerance),
           "give 0 or a small number");
  }
  const Subject read =
      read_subject(subject, {options.config, options.weights, {}}, {.measure = false});
  return TraceComparer(read, traces, options.tolerance).run();
}

Json to_json(const TraceComparison& comparison) {
  Json layers = Json::array();
  for (const LayerComparison& layer : comparison.layers) {
    Json row{{"layer", layer.layer},
             {"network_layer", layer.network_layer},
             {"format", layer.format},
             {"differing_events", layer.differing_events},
             {"differing_values", layer.differing_values},
             {"largest_difference", layer.largest_difference}};
    if (layer.first) {
      row["first"] = {{"event", layer.first->event},
                      {"element", layer.first->element},
                      {"found", layer.first->found},
                      {"expected", layer.first->expected}};
    }
    layers.push_back(std::move(row));
  }
  const LayerComparison* const first = comparison.first_difference();
  return {{"passed", first == nullptr},
          {"events", comparison.events},
          {"tolerance", comparison.tolerance},
          {"first_difference", first == nullptr ? Json(nullptr) : Json(first->layer)},
          {"layers", layers},
          {"not_compared", comparison.not_compared}};
}

}  // namespace sluice::compiler
