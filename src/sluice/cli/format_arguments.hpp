#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "sluice/base/json.hpp"
#include "sluice/cli/model_arguments.hpp"
#include "sluice/compiler/formats.hpp"

namespace sluice::cli {

/// The options that choose or measure number formats.
struct FormatArguments {
  std::string calibrate, data, save_config;
  double target_error = 0;  ///< 0: not given
  std::string measure = "max";

  void add_to(CLI::App& command);
  /// Reads the data. Throws UsageError for options that need another, or exclude one.
  compiler::FormatOptions read(const ModelArguments& reading) const;
  /// Writes the chosen configuration, where that was asked for.
  void save(const Json& formats) const;
};

/// The table of what each format loses, and the total. Empty where `formats` is null.
std::string describe_formats(const Json& formats);

}  // namespace sluice::cli
