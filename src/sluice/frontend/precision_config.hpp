#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/base/json.hpp"
#include "sluice/fixed/quantize.hpp"

namespace sluice::frontend {

/// A number format from a configuration; `auto` when the exact result is to be kept.
struct Precision {
  bool is_auto = false;
  fixed::Quantizer quantizer;
  std::string text;
};

struct FormatUse;
/// That of numbers from the file that `precision` rounds; there is at least one, all are finite.
FormatUse format_of_numbers(std::string_view layer, std::string_view class_name,
                            std::string_view variable, const Precision& precision,
                            std::span<const double> numbers);
/// That of a result which the layer of the network rounds.
FormatUse format_of_result(std::string_view layer, std::string_view class_name,
                           const Precision& precision, std::string_view network_layer);

/// A layer that the configuration may ask to share multipliers.
struct ReusableLayer {
  std::string name, class_name;
  std::int64_t outputs = 0;  ///< of its products with weights, per position; 0: there are none
};

/// hls4ml's configuration dictionary, as far as it concerns what is computed.
///
/// ```
/// {"Model": {"Precision": "ap_fixed<16,6>"},
///  "LayerType": {"Dense": {"Precision": {"weight": "ap_fixed<8,2>"}}},
///  "LayerName": {"fc1": {"Precision": {"result": "ap_fixed<12,4,RND_CONV,SAT>"}}}}
/// ```
/// A name takes precedence over a type, a type over the model; within one entry a variable over
/// `default` (or a `Precision` that is one text).
class PrecisionConfig {
 public:
  PrecisionConfig() = default;

  /// Reports every unknown or unsupported key to `diagnostics`.
  static PrecisionConfig parse(const Json& config, Diagnostics& diagnostics);

  /// What the configuration says about `variable` ("weight", "bias", "scale", "result", "accum")
  /// of this layer by its name or its class.
  std::optional<Precision> of_layer(std::string_view name, std::string_view class_name,
                                    std::string_view variable) const;
  /// "table", "stable" or "argmax" where the `Strategy` of this layer, or of `LayerType/Softmax`,
  /// asks for it.
  std::string softmax_form(std::string_view name) const;
  /// The format of a softmax's "exp_table", "inv_table" or "inv_inp" (the sum), which no default
  /// gives.
  std::optional<Precision> of_table(std::string_view name, std::string_view variable) const;
  /// What it says for the whole model.
  std::optional<Precision> of_model(std::string_view variable) const;
  /// The first of the two.
  std::optional<Precision> find(std::string_view name, std::string_view class_name,
                                std::string_view variable) const;

  /// ReuseFactor of a layer, as for `find`; nothing where none is given.
  std::optional<std::int64_t> reuse(std::string_view name, std::string_view class_name) const;

  /// Reports every name below `LayerName` that is not in `names`.
  void check_names(const std::set<std::string, std::less<>>& names, Diagnostics& diagnostics) const;
  /// Warns of every form of a softmax that is asked for below a name which is not in `softmaxes`.
  void check_softmax_forms(const std::set<std::string, std::less<>>& softmaxes,
                           Diagnostics& diagnostics) const;
  /// Warns of every ReuseFactor that does nothing, or less than it asks for.
  void check_reuse(const std::vector<ReusableLayer>& layers, Diagnostics& diagnostics) const;

 private:
  struct Entry {
    std::string where;                                         // it stands, for messages
    std::map<std::string, Precision, std::less<>> precisions;  // by variable
    std::optional<std::int64_t> reuse;
    std::string softmax_form;  // "table", "stable", "argmax"; empty: none asked for
  };
  friend class ConfigParser;

  /// Of the layer and of LayerType/Softmax; null where there is none.
  std::array<const Entry*, 2> softmax_entries(std::string_view name) const;
  static std::optional<Precision> lookup(const Entry& entry, std::string_view variable);

  Entry model_;
  std::map<std::string, Entry, std::less<>> types_;  // by lower-case class name
  std::map<std::string, Entry, std::less<>> names_;
};

}  // namespace sluice::frontend
