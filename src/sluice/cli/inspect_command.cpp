#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "sluice/cli/commands.hpp"
#include "sluice/compiler/inspect.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string subject, config, weights;
};

std::string describe(const Json& json) {
  std::string text = fmt::format(
      "{} ({})\n\n{:<24}{:<20}{:<12}{:>8}{:>8}  quantisers\n", json["network"].get<std::string>(),
      json["model"]["format"].get<std::string>(), "layer", "class", "shape", "param.", "zeros");
  for (const Json& layer : json["model"]["layers"]) {
    std::string quantizers;
    for (const auto& [role, value] : layer["quantizers"].items()) {
      quantizers +=
          fmt::format("{}{} {}", quantizers.empty() ? "" : ", ", role, value.get<std::string>());
    }
    text += fmt::format("{:<24}{:<20}{:<12}{:>8}{:>8}  {}\n", layer["name"].get<std::string>(),
                        layer["class"].get<std::string>(), layer["output_shape"].dump(),
                        layer["parameters"].get<std::int64_t>(), layer["zeros"].get<std::int64_t>(),
                        quantizers);
  }
  text += fmt::format("\n{:<32}{:<10}{:<12}{:<10}range\n", "exact layer", "op", "shape", "format");
  for (const Json& layer : json["layers"]) {
    text += fmt::format("{:<32}{:<10}{:<12}{:<10}{:g} to {:g}\n", layer["name"].get<std::string>(),
                        layer["op"].get<std::string>(), layer["shape"].dump(),
                        layer["format"].get<std::string>(), layer["min"].get<double>(),
                        layer["max"].get<double>());
  }
  text += "\nSIMD engine\n";
  for (const Json& row : json["engine"]) {
    text += fmt::format("{:<48}{:<12}{}\n", row["layers"].get<std::string>(),
                        row["type"].get<std::string>(), row["reason"].get<std::string>());
  }
  for (const Json& warning : json["warnings"]) {
    text +=
        fmt::format("warning: {}: {}: {}\n", warning["code"].get<std::string>(),
                    warning["subject"].get<std::string>(), warning["message"].get<std::string>());
  }
  text.pop_back();
  return text;
}

int run_inspect(const Context& context, const Arguments& arguments) {
  compiler::InspectOptions options;
  if (!arguments.config.empty()) options.config = read_json(arguments.config);
  if (!arguments.weights.empty()) options.weights = arguments.weights;
  const Json json = compiler::inspect(arguments.subject, options);
  print_result(context, json, describe(json));
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("inspect", "Layers, formats, ranges and warnings of a model or package");
  command->add_option("subject", arguments->subject, "Model file or package folder")->required();
  command->add_option("--config", arguments->config, "Precisions in hls4ml's form, a JSON file");
  command->add_option("--weights", arguments->weights, "Weights of a .json model, an .h5 file");
  command->footer("Example: sluice inspect model.h5");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_inspect(context, *arguments); };
  });
}

}  // namespace sluice::cli
