#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"

namespace sluice::compiler {

struct CompareOptions {
  std::optional<Json> config;                    ///< of a model file, as for compile()
  std::optional<std::filesystem::path> weights;  ///< of a model whose JSON is apart
  double tolerance = 0;                          ///< differences up to it count as equal
};

/// One layer against the values given for it.
struct LayerComparison {
  std::string layer;          ///< in the user's words
  std::string network_layer;  ///< that holds the layer's values
  std::string format;         ///< of these
  std::int64_t differing_events = 0;
  std::int64_t differing_values = 0;
  double largest_difference = 0;
  /// The first event that differs, and the first element in it.
  struct First {
    std::int64_t event = 0;
    std::vector<std::int64_t> element;
    double found = 0;
    double expected = 0;
  };
  std::optional<First> first;
};

struct TraceComparison {
  std::int64_t events = 0;
  double tolerance = 0;
  std::vector<LayerComparison> layers;              ///< in the order of computation
  std::map<std::string, std::string> not_compared;  ///< name and why
  /// The first layer that differs; null when all agree.
  const LayerComparison* first_difference() const noexcept;
};

/// Runs the events of `traces` through the exact network of a model file or package, and compares
/// every layer that `traces` holds values for, by name. The events are the array named as the input
/// layer, `x` or `input`.
///
/// Throws UsageError for names that no layer has, for shapes that do not fit and for NaN; as
/// import_model().
TraceComparison compare(const std::filesystem::path& subject,
                        const std::map<std::string, NpyArray>& traces,
                        const CompareOptions& options = {});

Json to_json(const TraceComparison& comparison);

}  // namespace sluice::compiler
