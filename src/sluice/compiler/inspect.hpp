#pragma once

#include <filesystem>
#include <optional>

#include "sluice/base/json.hpp"
#include "sluice/frontend/import.hpp"

namespace sluice::compiler {

struct InspectOptions {
  std::optional<Json> config;                    ///< of a model file, as for compile()
  std::optional<std::filesystem::path> weights;  ///< of a model whose JSON is apart
};

/// What a model file or a package holds: `model` (its layers, in the user's words), `layers` (the
/// exact network with formats and ranges), `engine` (the SIMD plan) and `warnings`.
Json inspect(const std::filesystem::path& subject, const InspectOptions& options = {});

/// The same of a model that has been read.
Json inspect(const frontend::Imported& model);

/// The `model` object of inspect() and of report.json.
Json describe_model(const frontend::ModelSource& source);

}  // namespace sluice::compiler
