#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/frontend/import.hpp"

/// Number formats for models that have none: chosen from data for a stated error of the outputs,
/// and what each of them costs.
namespace sluice::calibrate {

/// How far outputs are from those of the model in float64, over all outputs of all events.
struct OutputError {
  double max = 0;
  double rms = 0;
};

enum class ErrorMeasure : std::uint8_t { max, rms };
std::string_view to_string(ErrorMeasure measure) noexcept;  ///< "max", "rms"

struct ErrorTarget {
  /// Nothing: a hundredth of the largest output.
  std::optional<double> error;
  ErrorMeasure measure = ErrorMeasure::max;
};

/// One format of a configuration, and what it alone does while all else is float64.
struct FormatLoss {
  std::string layer;     ///< key under `LayerName`
  std::string variable;  ///< "weight", "bias", "scale", "result"
  std::string format;    ///< `ap_fixed<12,4,RND,SAT>`
  int bits = 0;
  std::int64_t count = 0;      ///< numbers, or elements of the result
  double min = 0, max = 0;     ///< of the numbers, or of the result's values over the events
  std::int64_t saturated = 0;  ///< values of all events, or numbers, that the format's range cut
  OutputError error;
};

struct FormatReport {
  std::int64_t events = 0;
  OutputError error;          ///< of the exact network, all formats together
  double largest_output = 0;  ///< magnitude, in float64
  double rms_output = 0;      ///< in float64
  /// Events whose largest output is the same; set for one output tensor of several elements.
  std::optional<std::int64_t> same_class;
  std::vector<FormatLoss> formats;  ///< in the order of the model
  Json config;                      ///< the formats, as a configuration
};

struct Calibration {
  double target = 0;
  ErrorMeasure measure = ErrorMeasure::max;
  int networks_tried = 0;
  FormatReport report;
};

/// What the formats that `options.config` gives do to the outputs for these events.
///
/// Throws as import_model(); UsageError for data that do not fit the model's inputs.
FormatReport measure_formats(const frontend::ModelBytes& model,
                             const frontend::ImportOptions& options, const NpyArray& data);

/// Chooses a format for every weight, bias, scale and result that has none by its own name or type
/// in `options.config`, as narrow as a search finds for the error target; the result's `config`
/// imports to the network that was measured. The same arguments give the same formats.
///
/// Throws as measure_formats(); UsageError when there is nothing to choose, ModelError when no
/// format reaches the target.
Calibration calibrate(const frontend::ModelBytes& model, const frontend::ImportOptions& options,
                      const NpyArray& data, const ErrorTarget& target,
                      ProgressSink& progress = no_progress());

Json to_json(const FormatReport& report);
Json to_json(const Calibration& calibration);

}  // namespace sluice::calibrate
