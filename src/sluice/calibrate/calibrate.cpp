#include "sluice/calibrate/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sluice/base/error.hpp"
#include "sluice/calibrate/format_config.hpp"
#include "sluice/calibrate/format_search.hpp"
#include "sluice/calibrate/reference.hpp"
#include "sluice/fixed/convert.hpp"

namespace sluice::calibrate {

namespace {

std::vector<std::int64_t> all_events(const Reference& reference) {
  std::vector<std::int64_t> events(static_cast<std::size_t>(reference.data().events));
  std::iota(events.begin(), events.end(), std::int64_t{0});
  return events;
}

void add_outputs(const Reference& reference, FormatReport& report) {
  double squares = 0;
  std::size_t count = 0;
  for (std::int64_t event = 0; event < report.events; ++event) {
    for (const double output : reference.outputs(event)) {
      report.largest_output = std::max(report.largest_output, std::abs(output));
      squares += output * output;
      ++count;
    }
  }
  report.rms_output = count == 0 ? 0 : std::sqrt(squares / static_cast<double>(count));
}

FormatReport report_of(Reference& reference, const Json& config) {
  const frontend::Imported model = reference.import(config);
  const std::vector<std::int64_t> events = all_events(reference);
  FormatReport report;
  report.events = reference.data().events;
  report.config = config;
  std::int64_t same_class = 0;
  report.error = reference.error_of(model.network, events, &same_class);
  if (reference.has_one_output() && reference.outputs(0).size() > 1) report.same_class = same_class;
  add_outputs(reference, report);
  for (const FormatSlot& slot : reference.slots()) {
    FormatLoss loss{slot.layer, slot.variable, {}, 0, slot.count, slot.min, slot.max, 0, {}};
    for (const frontend::FormatUse& use : model.formats) {
      if (use.layer != slot.layer || use.variable != slot.variable) continue;
      loss.format = use.text;
      loss.saturated += use.saturated;
    }
    if (loss.format.empty()) continue;
    loss.bits = fixed::parse_ap_fixed(loss.format).format.width;
    const Reference::Alone alone = reference.alone(slot, loss.format, events);
    loss.error = alone.error;
    loss.saturated += alone.saturated;
    report.formats.push_back(std::move(loss));
  }
  return report;
}

}  // namespace

std::string_view to_string(ErrorMeasure measure) noexcept {
  return measure == ErrorMeasure::max ? "max" : "rms";
}

FormatReport measure_formats(const frontend::ModelBytes& model,
                             const frontend::ImportOptions& options, const NpyArray& data) {
  Reference reference(model, options, data);
  return report_of(reference, options.config.value_or(Json::object()));
}

Calibration calibrate(const frontend::ModelBytes& model, const frontend::ImportOptions& options,
                      const NpyArray& data, const ErrorTarget& target, ProgressSink& progress) {
  if (target.error && !(*target.error > 0 && std::isfinite(*target.error))) {
    throw UsageError("E-CALIBRATE-004", "target error",
                     fmt::format("{} is no error", *target.error),
                     "give a number above 0, in the units of the outputs");
  }
  Reference reference(model, options, data);
  Calibration result;
  result.measure = target.measure;
  FormatReport outputs;
  outputs.events = reference.data().events;
  add_outputs(reference, outputs);
  result.target = target.error.value_or(outputs.largest_output / 100);
  if (!(result.target > 0)) {
    throw UsageError("E-CALIBRATE-004", "target error", "all outputs are 0, which leaves no scale",
                     "give other data, or a target");
  }
  const FoundFormats found = search_formats(reference, options.config.value_or(Json::object()),
                                            result.target, result.measure, progress);
  result.networks_tried = found.networks_tried;
  result.report = report_of(reference, found.config);
  return result;
}

Json to_json(const FormatReport& report) {
  Json rows = Json::array();
  for (const FormatLoss& loss : report.formats) {
    rows.push_back({{"layer", loss.layer},
                    {"variable", loss.variable},
                    {"format", loss.format},
                    {"bits", loss.bits},
                    {"count", loss.count},
                    {"min", loss.min},
                    {"max", loss.max},
                    {"saturated", loss.saturated},
                    {"error_max", loss.error.max},
                    {"error_rms", loss.error.rms}});
  }
  Json json{{"events", report.events},         {"error_max", report.error.max},
            {"error_rms", report.error.rms},   {"largest_output", report.largest_output},
            {"rms_output", report.rms_output}, {"formats", rows},
            {"config", report.config}};
  if (report.same_class) json["same_class"] = *report.same_class;
  return json;
}

Json to_json(const Calibration& calibration) {
  Json json{{"target", calibration.target},
            {"measure", to_string(calibration.measure)},
            {"networks_tried", calibration.networks_tried}};
  json.update(to_json(calibration.report));
  return json;
}

}  // namespace sluice::calibrate
