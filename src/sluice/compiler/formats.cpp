#include "sluice/compiler/formats.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/calibrate/calibrate.hpp"
#include "sluice/calibrate/generated_events.hpp"

namespace sluice::compiler {

namespace {

// Formats of inputs alone are how a quantised model meets real numbers, not a loss of the model.
std::vector<const frontend::FormatUse*> roundings(const frontend::Imported& model) {
  std::vector<const frontend::FormatUse*> uses;
  for (const frontend::FormatUse& use : model.formats) {
    if (use.variable != "result" || use.layer != use.network_layer) uses.push_back(&use);
  }
  return uses;
}

Json measured(const frontend::ModelBytes& bytes, const frontend::ImportOptions& options,
              const NpyArray& data, const char* events_from) {
  Json formats = to_json(calibrate::measure_formats(bytes, options, data));
  formats["events_from"] = events_from;
  return formats;
}

// What the formats do to a float model, when nobody gave events.
void measure_with_generated_events(const frontend::ModelBytes& bytes,
                                   const frontend::ImportOptions& options, FormattedModel& result) {
  const std::vector<const frontend::FormatUse*> uses = roundings(result.model);
  if (uses.empty()) return;
  std::string effect;
  try {
    result.formats =
        measured(bytes, options, calibrate::generate_events(result.model), "generated");
    effect = fmt::format(
        "over {} generated events the outputs are off by up to {:.3g} (rms {:.3g}) and reach "
        "{:.3g}",
        result.formats["events"].get<std::int64_t>(), result.formats["error_max"].get<double>(),
        result.formats["error_rms"].get<double>(), result.formats["largest_output"].get<double>());
  } catch (const ModelError& error) {
    effect = fmt::format("what that does to its outputs cannot be measured: {}: {}",
                         error.subject(), error.message());
  }
  result.model.warnings.push_back(
      {"W-COMPILER-001", uses.front()->layer,
       fmt::format("{} formats of the configuration round a float model, the first is {} {}; {}; "
                   "give events of your own with --data",
                   uses.size(), uses.front()->variable, uses.front()->text, effect),
       "give events with --data, or --calibrate"});
}

}  // namespace

FormattedModel import_with_formats(const std::filesystem::path& path,
                                   const frontend::ImportOptions& options,
                                   const FormatOptions& formats, ProgressSink& progress) {
  frontend::ImportOptions named = options;
  if (named.name.empty()) named.name = path.stem().string();
  const frontend::ModelBytes bytes = frontend::read_model(path, named);
  FormattedModel result;
  if (formats.choose) {
    const calibrate::Calibration chosen =
        calibrate::calibrate(bytes, named, formats.data.value(), formats.target, progress);
    named.config = chosen.report.config;
    result.formats = to_json(chosen);
    result.formats["events_from"] = "data";
  }
  result.model = frontend::import_model(bytes, named);
  if (formats.choose || !formats.measure) return result;
  if (!formats.data) {
    measure_with_generated_events(bytes, named, result);
  } else if (!result.model.formats.empty()) {
    result.formats = measured(bytes, named, *formats.data, "data");
  }
  return result;
}

}  // namespace sluice::compiler
