#pragma once

#include <filesystem>
#include <optional>

#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/calibrate/calibrate.hpp"
#include "sluice/frontend/import.hpp"

namespace sluice::compiler {

/// How formats are judged and chosen.
struct FormatOptions {
  std::optional<NpyArray> data;   ///< events of the user
  bool measure = true;            ///< says what formats do to the outputs, also without data
  bool choose = false;            ///< chooses the formats that are missing, from `data`
  calibrate::ErrorTarget target;  ///< of the choice
};

struct FormattedModel {
  frontend::Imported model;
  /// calibrate::to_json of what was chosen or measured, and `events_from`: "data" or "generated";
  /// null where no format rounds.
  Json formats;
};

/// Imports a model with the formats of its configuration, or with chosen ones. Without data, what
/// they do to a float model is measured with generated events, and a warning says so. Throws as
/// import_model(), calibrate() and measure_formats().
FormattedModel import_with_formats(const std::filesystem::path& path,
                                   const frontend::ImportOptions& options,
                                   const FormatOptions& formats,
                                   ProgressSink& progress = no_progress());

}  // namespace sluice::compiler
