#include "sluice/compiler/inspect.hpp"

#include <algorithm>
#include <iterator>

#include "sluice/compiler/layer_report.hpp"
#include "sluice/compiler/subject.hpp"
#include "sluice/compiler/synthesise.hpp"
#include "sluice/engine/engine.hpp"

namespace sluice::compiler {

namespace {

void append_warnings(const std::vector<Diagnostic>& warnings, Json& rows) {
  for (const Diagnostic& warning : warnings) rows.push_back(to_json(warning));
}

Json describe_plan(const network::Network& network) {
  Json rows = Json::array();
  const engine::Engine engine(network);
  for (const engine::PlanRow& row : engine.plan()) {
    rows.push_back({{"layers", row.layers},
                    {"type", engine::to_string(row.type)},
                    {"reason", row.reason},
                    {"products", row.products}});
  }
  return rows;
}

/// What compile() would warn of without options. A package was compiled with its own.
void add_unshared_hardware(Subject& subject) {
  if (subject.network.inputs().size() > 1) return;  // compile() may refuse to join them
  std::ranges::copy(unshared_hardware({subject.network, subject.source, {}, {}, {}, {}}, {}),
                    std::back_inserter(subject.warnings));
}

Json describe(const Subject& subject, const NpyArray* data) {
  LayerReport report = report_layers(subject, data);
  Json warnings = Json::array();
  append_warnings(subject.warnings, warnings);
  append_warnings(report.warnings, warnings);
  return {{"network", subject.network.name()},  {"model", describe_model(subject.source)},
          {"layers", std::move(report.layers)}, {"engine", describe_plan(subject.network)},
          {"formats", subject.formats},         {"warnings", std::move(warnings)}};
}

}  // namespace

Json inspect(const frontend::Imported& model) {
  Subject subject{model.network, model.source, model.warnings, {}};
  add_unshared_hardware(subject);
  return describe(subject, nullptr);
}

Json inspect(const std::filesystem::path& subject, const InspectOptions& options,
             ProgressSink& progress) {
  Subject read =
      read_subject(subject, {options.config, options.weights, {}}, options.formats, progress);
  if (!std::filesystem::is_directory(subject)) add_unshared_hardware(read);
  return describe(read, options.formats.data ? &*options.formats.data : nullptr);
}

}  // namespace sluice::compiler
