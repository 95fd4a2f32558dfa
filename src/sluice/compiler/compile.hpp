#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/compiler/formats.hpp"
#include "sluice/package/package.hpp"
#include "sluice/rtl/family.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/schedule.hpp"

namespace sluice::compiler {

struct CompileOptions {
  std::string name = "myproject";  ///< of the kernel; a C identifier
  double clock_mhz = 200;
  std::string board;                             ///< recorded in the manifest
  std::optional<Json> config;                    ///< precisions in hls4ml's form
  std::optional<std::filesystem::path> weights;  ///< of a model whose JSON is apart
  synth::Effort effort = synth::Effort::normal;  ///< of the adder-graph optimiser
  /// Most operands of an adder; nothing: as many as the family adds in one LUT per bit.
  std::optional<synth::Adders> adders;
  rtl::Family family = rtl::kFamilies.front();  ///< whose primitives the Verilog names
  synth::PipelineGoal pipeline_goal = synth::PipelineGoal::speed;
  synth::Form convolutions = synth::Form::automatic;  ///< one position after the other, or all
  std::int64_t reuse = 1;  ///< ticks that share a layer's multipliers; the configuration's
                           ///< ReuseFactor of a layer comes first
  /// DSP48E2 that constant weights may take; nothing: as many as balance the device's LUTs.
  std::optional<std::int64_t> dsps = 0;
  FormatOptions formats;  ///< of a float model: chosen, or measured
  bool simulator = true;  ///< Verilate the kernel and pack the card
};

struct Compiled {
  package::Package package;
  std::vector<Diagnostic> warnings;
  Json formats;    ///< as of FormattedModel
  Json timings_s;  ///< seconds by stage: import, optimise, write, simulator
};

/// Compiles a model file into the package folder `output`, which appears whole or not at all.
///
/// Throws ModelError for what cannot be compiled exactly, ToolError for missing tools or files,
/// UsageError for options.
Compiled compile(const std::filesystem::path& model, const std::filesystem::path& output,
                 const CompileOptions& options = {}, ProgressSink& progress = no_progress());

}  // namespace sluice::compiler
