#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "sluice/base/diagnostics.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/format_arguments.hpp"
#include "sluice/cli/interrupt.hpp"
#include "sluice/cli/progress_bar.hpp"
#include "sluice/compiler/inspect.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string subject;
  ModelArguments reading;
  FormatArguments formats;
};

std::string describe_model_layers(const Json& json) {
  std::string text = fmt::format(
      "{} ({})\n\n{:<24}{:<20}{:<14}{:>8}{:>8}  quantisers\n", json["network"].get<std::string>(),
      json["model"]["format"].get<std::string>(), "layer", "class", "shape", "param.", "zeros");
  for (const Json& layer : json["model"]["layers"]) {
    std::string quantizers;
    for (const auto& [role, value] : layer["quantizers"].items()) {
      quantizers +=
          fmt::format("{}{} {}", quantizers.empty() ? "" : ", ", role, value.get<std::string>());
    }
    text += fmt::format("{:<24}{:<20}{:<14}{:>8}{:>8}  {}\n", layer["name"].get<std::string>(),
                        layer["class"].get<std::string>(), layer["output_shape"].dump(),
                        layer["parameters"].get<std::int64_t>(), layer["zeros"].get<std::int64_t>(),
                        quantizers);
  }
  return text;
}

std::string count_of(const Json& layer, const char* key) {
  return layer.contains(key) ? layer[key].dump() : "";
}

std::string describe_exact_layers(const Json& layers) {
  const bool has_events = !layers.empty() && layers.front().contains("observed_min");
  std::string text = fmt::format("\n{:<32}{:<10}{:<14}{:<10}{:>10}{:>10}  {:<28}", "exact layer",
                                 "op", "shape", "format", "mult.", "constant", "range");
  if (has_events) text += fmt::format("{:<28}{:>10}", "over the events", "overflowed");
  text.erase(text.find_last_not_of(' ') + 1);
  text += "\n";
  const auto span = [](const Json& min, const Json& max) {
    return fmt::format("{:g} to {:g}", min.get<double>(), max.get<double>());
  };
  for (const Json& layer : layers) {
    text += fmt::format("{:<32}{:<10}{:<14}{:<10}{:>10}{:>10}  {:<28}",
                        layer["name"].get<std::string>(), layer["op"].get<std::string>(),
                        layer["shape"].dump(), layer["format"].get<std::string>(),
                        count_of(layer, "multiplications"), count_of(layer, "constant_elements"),
                        span(layer["min"], layer["max"]));
    if (has_events) {
      text += fmt::format("{:<28}{:>10}", span(layer["observed_min"], layer["observed_max"]),
                          count_of(layer, "overflowed"));
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

std::string describe(const Json& json) {
  std::string text = describe_model_layers(json) + describe_exact_layers(json["layers"]);
  text += "\nSIMD engine\n";
  for (const Json& row : json["engine"]) {
    text += fmt::format("{:<48}{:<12}{}\n", row["layers"].get<std::string>(),
                        row["type"].get<std::string>(), row["reason"].get<std::string>());
  }
  if (!json["formats"].is_null()) text += "\n" + describe_formats(json["formats"]);
  if (!json["warnings"].empty()) text += "\n";
  for (const Json& warning : json["warnings"]) {
    text += fmt::format("warning: {}\n", to_string(diagnostic_of(warning)));
  }
  text.pop_back();
  return text;
}

int run_inspect(const Context& context, const Arguments& arguments) {
  compiler::InspectOptions options;
  options.config = arguments.reading.config();
  options.weights = arguments.reading.weights();
  options.formats = arguments.formats.read(arguments.reading);
  const StopAtSignals stop_at_signals;
  ProgressBar progress(!context.quiet);
  const Json json = compiler::inspect(arguments.subject, options, progress);
  progress.clear();
  arguments.formats.save(json["formats"]);
  print_result(context, json, describe(json));
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("inspect", "Layers, formats, ranges and warnings of a model or package");
  command->add_option("subject", arguments->subject, "Model file or package folder")->required();
  arguments->reading.add_to(*command);
  arguments->formats.add_to(*command);
  command->footer("Example: sluice inspect model.h5 --data x.npy");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_inspect(context, *arguments); };
  });
}

}  // namespace sluice::cli
