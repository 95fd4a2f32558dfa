#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/base/json.hpp"
#include "sluice/compiler/formats.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/network/network.hpp"

namespace sluice::compiler {

/// A model file or a package, as far as both say what is computed.
struct Subject {
  network::Network network;
  frontend::ModelSource source;
  std::vector<Diagnostic> warnings;
  Json formats;  ///< what is known of the formats' effect on the outputs; null: nothing
};

/// Throws as import_with_formats() and Package::open(); UsageError where options that choose
/// formats meet a package, whose formats are fixed.
Subject read_subject(const std::filesystem::path& path, const frontend::ImportOptions& options,
                     const FormatOptions& formats = {}, ProgressSink& progress = no_progress());

/// The `model` object of inspect() and of report.json.
Json describe_model(const frontend::ModelSource& source);

}  // namespace sluice::compiler
