#pragma once

#include <filesystem>
#include <optional>

#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/calibrate/calibrate.hpp"
#include "sluice/frontend/import.hpp"

namespace sluice::compiler {

/// What to do with events of the user.
struct FormatOptions {
  std::optional<NpyArray> data;   ///< says what the formats do to the outputs
  bool choose = false;            ///< chooses the formats that are missing, from `data`
  calibrate::ErrorTarget target;  ///< of the choice
};

struct FormattedModel {
  frontend::Imported model;
  Json formats;  ///< calibrate::to_json of what was chosen or measured; null without data
};

/// Imports a model with the formats of its configuration, or with chosen ones. Without data, a
/// warning says that the effect of rounding a float model is not known. Throws as import_model(),
/// calibrate() and measure_formats().
FormattedModel import_with_formats(const std::filesystem::path& path,
                                   const frontend::ImportOptions& options,
                                   const FormatOptions& formats,
                                   ProgressSink& progress = no_progress());

}  // namespace sluice::compiler
