#pragma once

#include <filesystem>
#include <optional>

#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/compiler/formats.hpp"
#include "sluice/frontend/import.hpp"

namespace sluice::compiler {

struct InspectOptions {
  std::optional<Json> config;                    ///< of a model file, as for compile()
  std::optional<std::filesystem::path> weights;  ///< of a model whose JSON is apart
  FormatOptions
      formats;  ///< its data also show what the layers' values are; of a package only that
};

/// What a model file or a package holds: `model` (its layers, in the user's words), `layers` (the
/// exact network with formats, ranges and what report_layers() finds), `engine` (the SIMD plan),
/// `formats` (chosen or measured, as of FormattedModel) and `warnings`.
Json inspect(const std::filesystem::path& subject, const InspectOptions& options = {},
             ProgressSink& progress = no_progress());

/// The same of a model that has been read.
Json inspect(const frontend::Imported& model);

}  // namespace sluice::compiler
