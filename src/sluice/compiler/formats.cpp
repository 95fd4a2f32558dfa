#include "sluice/compiler/formats.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/base/error.hpp"
#include "sluice/calibrate/calibrate.hpp"

namespace sluice::compiler {

namespace {

// Formats of inputs alone are how a quantised model meets real numbers, not a loss of the model.
void warn_of_unknown_loss(frontend::Imported& model) {
  const auto rounds = [](const frontend::FormatUse& use) {
    return use.variable != "result" || use.layer != use.network_layer;
  };
  const auto count = std::ranges::count_if(model.formats, rounds);
  if (count == 0) return;
  const frontend::FormatUse& first = *std::ranges::find_if(model.formats, rounds);
  model.warnings.push_back(
      {"W-COMPILER-001", first.layer,
       fmt::format("{} formats of the configuration round a float model, the first is {} {}; what "
                   "that does to its outputs has not been measured: give events with --data",
                   count, first.variable, first.text),
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
  }
  result.model = frontend::import_model(bytes, named);
  if (formats.choose) return result;
  if (!formats.data) {
    warn_of_unknown_loss(result.model);
  } else if (!result.model.formats.empty()) {
    result.formats = to_json(calibrate::measure_formats(bytes, named, *formats.data));
  }
  return result;
}

}  // namespace sluice::compiler
