#include "sluice/frontend/precision_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "sluice/fixed/convert.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/frontend/json_access.hpp"

namespace sluice::frontend {

namespace {

constexpr std::array<std::string_view, 9> kVariables{
    "weight", "bias", "scale", "result", "accum", "default", "exp_table", "inv_table", "inv_inp"};
// What a softmax may become, as `Strategy` of its entry.
constexpr std::array<std::string_view, 3> kSoftmaxForms{"table", "stable", "argmax"};
// hls4ml's value for weights that always stay inside of the kernel.
constexpr std::int64_t kNoBramFactor = 1'000'000'000;

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return result;
}

// hls4ml calls an InputLayer `Input`, and a quantised layer by the name of the plain one.
std::string hls4ml_class(std::string_view class_name) {
  if (class_name == "InputLayer") return "input";
  if (class_name.starts_with('Q')) class_name.remove_prefix(1);
  return lower(class_name);
}

}  // namespace

class ConfigParser {
 public:
  using Entry = PrecisionConfig::Entry;

  explicit ConfigParser(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void report(const std::string& where, std::string message, std::string hint = {}) {
    diagnostics_.error({codes::kConfiguration, where, std::move(message), std::move(hint)});
  }

  /// The forms of a softmax have no meaning for other layers.
  void expect_softmax(bool is_softmax, const Entry& entry, const std::string& where) {
    if (is_softmax || entry.softmax_form.empty()) return;
    report(where, fmt::format("Strategy={} is for a softmax alone", entry.softmax_form),
           R"(write it below LayerType/Softmax, or the layer's own name)");
  }

  Entry entry(const Json& json, const std::string& where) {
    Entry result{.where = where, .precisions = {}, .reuse = {}, .softmax_form = {}};
    if (!json.is_object()) {
      report(where, fmt::format("is {}, expected an object", excerpt(json)));
      return result;
    }
    for (const auto& [key, value] : json.items()) {
      if (key == "Precision") {
        precisions(value, where + "/Precision", result.precisions);
      } else if (key == "Strategy" && is_softmax_form(value)) {
        result.softmax_form = lower(value.get<std::string>());
      } else if (key == "ReuseFactor") {
        result.reuse = as_integer(value);
        require(result.reuse && *result.reuse >= 1, key, value, where, "a number of at least 1");
      } else {
        setting(key, value, where);
      }
    }
    return result;
  }

 private:
  static bool is_softmax_form(const Json& value) {
    return value.is_string() &&
           std::ranges::find(kSoftmaxForms, lower(value.get<std::string>())) != kSoftmaxForms.end();
  }

  void precisions(const Json& json, const std::string& where,
                  std::map<std::string, Precision, std::less<>>& into) {
    if (json.is_string()) {
      precision("default", json, where, into);
      return;
    }
    if (!json.is_object()) {
      report(where, fmt::format("is {}, expected a type or an object", excerpt(json)));
      return;
    }
    for (const auto& [variable, value] : json.items()) {
      if (std::ranges::find(kVariables, variable) == kVariables.end()) {
        report(where, fmt::format("has the unknown key `{}`", shortened(variable)),
               fmt::format("use one of {}", fmt::join(kVariables, ", ")));
      } else {
        precision(variable, value, fmt::format("{}/{}", where, variable), into);
      }
    }
  }

  void precision(const std::string& variable, const Json& json, const std::string& where,
                 std::map<std::string, Precision, std::less<>>& into) {
    const std::string text = json.is_string() ? json.get<std::string>() : excerpt(json);
    if (text == "auto") {
      into[variable] = {true, {}, text};
      return;
    }
    try {
      into[variable] = {false, fixed::parse_ap_fixed(text), text};
    } catch (const ModelError& error) {
      report(where, fmt::format("`{}`: {}", shortened(text), error.message()), error.hint());
    }
  }

  // Settings that do not touch the numbers pass when they ask for what is built anyway.
  void setting(const std::string& key, const Json& value, const std::string& where) {
    if (key == "Strategy") {
      const std::string strategy = lower(value.is_string() ? value.get<std::string>() : "");
      require(
          strategy == "latency" || strategy == "resource" || strategy == "distributed_arithmetic",
          key, value, where, "Latency, Resource or distributed_arithmetic");
    } else if (key == "TableSize") {
      require(as_integer(value) == 1024, key, value, where, "1024");
    } else if (key == "Trace" || key == "TraceOutput") {
      require(as_bool(value) == false, key, value, where, "false");
    } else if (key == "BramFactor") {
      require(as_integer(value).value_or(0) >= kNoBramFactor, key, value, where,
              "leave it out: weights are part of the kernel");
    } else {
      report(where, fmt::format("has the unknown key `{}`", shortened(key)),
             "Precision, ReuseFactor and Strategy are understood");
    }
  }

  void require(bool condition, const std::string& key, const Json& value, const std::string& where,
               std::string hint) {
    if (!condition) {
      report(where, fmt::format("{}={} is not supported", key, excerpt(value)), std::move(hint));
    }
  }

  Diagnostics& diagnostics_;
};

FormatUse format_of_numbers(std::string_view layer, std::string_view class_name,
                            std::string_view variable, const Precision& precision,
                            std::span<const double> numbers) {
  FormatUse use;
  use.layer = layer;
  use.class_name = class_name;
  use.variable = variable;
  use.text = precision.text;
  use.count = std::ssize(numbers);
  std::tie(use.min, use.max) = std::pair(std::ranges::min(numbers), std::ranges::max(numbers));
  const fixed::Quantizer& to = precision.quantizer;
  const double step = std::ldexp(1.0, -to.format.frac_bits);
  use.saturated = std::ranges::count_if(numbers, [&](double number) {
    const double rounded = fixed::to_double(fixed::quantize_real(number, to), to.format.frac_bits);
    return std::abs(rounded - number) >= step;
  });
  return use;
}

FormatUse format_of_result(std::string_view layer, std::string_view class_name,
                           const Precision& precision, std::string_view network_layer) {
  FormatUse use;
  use.layer = layer;
  use.class_name = class_name;
  use.variable = "result";
  use.text = precision.text;
  use.network_layer = network_layer;
  return use;
}

PrecisionConfig PrecisionConfig::parse(const Json& config, Diagnostics& diagnostics) {
  PrecisionConfig result;
  ConfigParser parser(diagnostics);
  if (!config.is_object()) {
    parser.report("configuration", "is not an object", R"(write {"Model": {"Precision": ...}})");
    return result;
  }
  for (const auto& [section, value] : config.items()) {
    if (section == "Model") {
      result.model_ = parser.entry(value, "configuration: Model");
      parser.expect_softmax(false, result.model_, "configuration: Model");
    } else if ((section == "LayerType" || section == "LayerName") && value.is_object()) {
      for (const auto& [key, entry] : value.items()) {
        const std::string where = fmt::format("configuration: {}/{}", section, shortened(key));
        auto& into = section == "LayerType" ? result.types_[hls4ml_class(key)] : result.names_[key];
        into = parser.entry(entry, where);
        if (section == "LayerType")
          parser.expect_softmax(hls4ml_class(key) == "softmax", into, where);
      }
    } else {
      parser.report("configuration",
                    fmt::format("has the unknown section `{}`", shortened(section)),
                    "Model, LayerType and LayerName are understood: what hls4ml keeps under "
                    "HLSConfig");
    }
  }
  return result;
}

std::optional<Precision> PrecisionConfig::lookup(const Entry& entry, std::string_view variable) {
  const auto& precisions = entry.precisions;
  if (const auto found = precisions.find(variable); found != precisions.end()) {
    return found->second;
  }
  // A default format is not a request to cut the sums of a layer: hls4ml's `accum` must be named.
  if (variable == "accum") return std::nullopt;
  if (const auto found = precisions.find("default"); found != precisions.end()) {
    return found->second;
  }
  return std::nullopt;
}

std::optional<Precision> PrecisionConfig::of_layer(std::string_view name,
                                                   std::string_view class_name,
                                                   std::string_view variable) const {
  if (const auto entry = names_.find(name); entry != names_.end()) {
    if (auto found = lookup(entry->second, variable)) return found;
  }
  if (const auto entry = types_.find(hls4ml_class(class_name)); entry != types_.end()) {
    return lookup(entry->second, variable);
  }
  return std::nullopt;
}

std::string PrecisionConfig::softmax_form(std::string_view name) const {
  for (const Entry* const entry : softmax_entries(name)) {
    if (entry != nullptr && !entry->softmax_form.empty()) return entry->softmax_form;
  }
  return {};
}

std::optional<Precision> PrecisionConfig::of_table(std::string_view name,
                                                   std::string_view variable) const {
  for (const Entry* const entry : softmax_entries(name)) {
    if (entry == nullptr) continue;
    const auto found = entry->precisions.find(variable);
    if (found != entry->precisions.end()) return found->second;
  }
  return std::nullopt;
}

std::array<const PrecisionConfig::Entry*, 2> PrecisionConfig::softmax_entries(
    std::string_view name) const {
  const auto own = names_.find(name);
  const auto all = types_.find(std::string_view("softmax"));
  return {own == names_.end() ? nullptr : &own->second,
          all == types_.end() ? nullptr : &all->second};
}

std::optional<Precision> PrecisionConfig::of_model(std::string_view variable) const {
  return lookup(model_, variable);
}

std::optional<Precision> PrecisionConfig::find(std::string_view name, std::string_view class_name,
                                               std::string_view variable) const {
  if (auto found = of_layer(name, class_name, variable)) return found;
  return of_model(variable);
}

std::optional<std::int64_t> PrecisionConfig::reuse(std::string_view name,
                                                   std::string_view class_name) const {
  if (const auto entry = names_.find(name); entry != names_.end() && entry->second.reuse) {
    return entry->second.reuse;
  }
  if (const auto entry = types_.find(hls4ml_class(class_name));
      entry != types_.end() && entry->second.reuse) {
    return entry->second.reuse;
  }
  return model_.reuse;
}

void PrecisionConfig::check_names(const std::set<std::string, std::less<>>& names,
                                  Diagnostics& diagnostics) const {
  for (const auto& [name, entry] : names_) {
    if (!names.contains(name)) {
      diagnostics.error(
          {codes::kConfiguration, fmt::format("configuration: LayerName/{}", shortened(name)),
           "no layer has this name",
           fmt::format("the layers are {}", shortened(fmt::format("{}", fmt::join(names, ", "))))});
    }
  }
}

void PrecisionConfig::check_softmax_forms(const std::set<std::string, std::less<>>& softmaxes,
                                          Diagnostics& diagnostics) const {
  for (const auto& [name, entry] : names_) {
    if (entry.softmax_form.empty() || softmaxes.contains(name)) continue;
    diagnostics.warn(
        {codes::kNoEffect, entry.where,
         fmt::format("Strategy={} has no effect: the layer is no softmax", entry.softmax_form),
         "leave it out"});
  }
}

void PrecisionConfig::check_reuse(const std::vector<ReusableLayer>& layers,
                                  Diagnostics& diagnostics) const {
  // `most` outputs in all layers that go by the entry; nothing where no layer does.
  const auto check = [&](const Entry& entry, std::optional<std::int64_t> most) {
    const std::int64_t reuse = entry.reuse.value_or(1);
    if (reuse == 1 || (most && *most >= reuse)) return;
    std::string why = "no layer of the model goes by it";
    if (most == 0) why = "it acts on products with weights, and there are none";
    if (most == 1) why = "there is one output, and the products of an output are made at once";
    std::string what = fmt::format("ReuseFactor={} has no effect: {}", reuse, why);
    if (most > 1) {
      what = fmt::format(
          "ReuseFactor={} acts as {}: the products of an output are made at once, "
          "and there are {} outputs",
          reuse, *most, *most);
    }
    diagnostics.warn({codes::kNoEffect, entry.where, std::move(what), "leave it out"});
  };
  const auto most_of = [&](const auto& goes_by_it) {
    std::optional<std::int64_t> most;
    for (const ReusableLayer& layer : layers) {
      if (goes_by_it(layer)) most = std::max(most.value_or(0), layer.outputs);
    }
    return most;
  };
  check(model_, most_of([](const ReusableLayer&) { return true; }));
  for (const auto& [type, entry] : types_) {
    check(entry, most_of([&type = type](const ReusableLayer& layer) {
            return hls4ml_class(layer.class_name) == type;
          }));
  }
  for (const auto& [name, entry] : names_) {
    // A name that no layer has is one of a part: an activation inside of a layer.
    const auto has_name = [&name = name](const ReusableLayer& layer) { return layer.name == name; };
    check(entry, most_of(has_name).value_or(0));
  }
}

}  // namespace sluice::frontend
