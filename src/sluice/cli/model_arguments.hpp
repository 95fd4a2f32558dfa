#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "sluice/base/json.hpp"

namespace sluice::cli {

/// The options that say how a model file is to be read.
struct ModelArguments {
  std::string config_file, default_precision, weights_file;

  void add_to(CLI::App& command);
  /// hls4ml's configuration dictionary. Throws UsageError where both options give the model's
  /// precision.
  std::optional<Json> config() const;
  std::optional<std::filesystem::path> weights() const;
};

}  // namespace sluice::cli
