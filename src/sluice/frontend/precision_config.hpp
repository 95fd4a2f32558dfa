#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

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
  /// What it says for the whole model.
  std::optional<Precision> of_model(std::string_view variable) const;
  /// The first of the two.
  std::optional<Precision> find(std::string_view name, std::string_view class_name,
                                std::string_view variable) const;

  /// Reports every name below `LayerName` that is not in `names`.
  void check_names(const std::set<std::string, std::less<>>& names, Diagnostics& diagnostics) const;

 private:
  using Entry = std::map<std::string, Precision, std::less<>>;

  static std::optional<Precision> lookup(const Entry& entry, std::string_view variable);

  Entry model_;
  std::map<std::string, Entry, std::less<>> types_;  // by lower-case class name
  std::map<std::string, Entry, std::less<>> names_;
};

}  // namespace sluice::frontend
