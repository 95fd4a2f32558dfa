#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>

#include "sluice/base/files.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/network/text.hpp"
#include "sluice/package/package.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string subject, config, weights;
};

struct Inspected {
  network::Network network;
  Json model;  ///< layers of the model file
  Json warnings = Json::array();
};

Json describe_model(const frontend::ModelSource& source) {
  Json layers = Json::array();
  for (const frontend::LayerSummary& layer : source.layers) {
    Json quantizers = Json::object();
    for (const auto& [role, text] : layer.quantizers) quantizers[role] = text;
    layers.push_back({{"name", layer.name},
                      {"class", layer.class_name},
                      {"output_shape", layer.output_shape},
                      {"parameters", layer.parameters},
                      {"zeros", layer.zeros},
                      {"quantizers", quantizers}});
  }
  return {{"format", source.format}, {"layers", layers}};
}

Inspected inspect(const Arguments& arguments) {
  if (std::filesystem::is_directory(arguments.subject)) {
    const package::Package package = package::Package::open(arguments.subject);
    return {network::parse(read_file(package.network_file()), package.network_file().string()),
            read_json(package.report_file()).at("model")};
  }
  frontend::ImportOptions options;
  if (!arguments.config.empty()) options.config = read_json(arguments.config);
  if (!arguments.weights.empty()) options.weights = arguments.weights;
  frontend::Imported imported = frontend::import_model(arguments.subject, options);
  Inspected inspected{std::move(imported.network), describe_model(imported.source)};
  for (const Diagnostic& warning : imported.warnings) {
    inspected.warnings.push_back(
        {{"code", warning.code}, {"subject", warning.subject}, {"message", warning.message}});
  }
  return inspected;
}

Json describe_network(const network::Network& network) {
  Json layers = Json::array();
  for (const network::Layer& layer : network.layers()) {
    fixed::Interval range = layer.type.ranges.front();
    for (const fixed::Interval& element : layer.type.ranges) range = hull(range, element);
    const int frac_bits = layer.type.format.frac_bits;
    Json row{{"name", layer.name},
             {"op", network::op_name(layer.op)},
             {"shape", layer.type.shape},
             {"format", to_string(layer.type.format)},
             {"min", fixed::to_double(range.min, frac_bits)},
             {"max", fixed::to_double(range.max, frac_bits)}};
    if (const auto* dense = std::get_if<network::Dense>(&layer.op)) {
      const auto zeros = std::count(dense->weights.begin(), dense->weights.end(), 0);
      row["weights"] = dense->weights.size();
      row["zero_weights"] = zeros;
    }
    layers.push_back(row);
  }
  return layers;
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
  const Inspected inspected = inspect(arguments);
  const Json json{{"network", inspected.network.name()},
                  {"model", inspected.model},
                  {"layers", describe_network(inspected.network)},
                  {"engine", describe_plan(inspected.network)},
                  {"warnings", inspected.warnings}};
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
