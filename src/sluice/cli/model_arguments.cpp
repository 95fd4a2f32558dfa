#include "sluice/cli/model_arguments.hpp"

#include "sluice/base/error.hpp"

namespace sluice::cli {

void ModelArguments::add_to(CLI::App& command) {
  command.add_option("--config", config_file, "Precisions in hls4ml's form, a JSON file");
  command.add_option(
      "--default-precision", default_precision,
      "Format of all that nothing else gives one, ap_fixed<16,6>: Model/Precision of "
      "a configuration");
  command.add_option("--weights", weights_file, "Weights of a .json model, an .h5 file");
}

std::optional<Json> ModelArguments::config() const {
  std::optional<Json> config;
  if (!config_file.empty()) config = read_json(config_file);
  if (default_precision.empty()) return config;
  Json whole = config.value_or(Json::object());
  if (!whole.is_object()) return whole;  // its reader says what is wrong
  Json& model = whole["Model"];
  if (model.is_null()) model = Json::object();
  if (!model.is_object()) return whole;
  if (model.contains("Precision")) {
    throw UsageError("E-CLI-004", "--default-precision",
                     "the configuration has a Model/Precision of its own",
                     "leave out one of the two");
  }
  model["Precision"] = default_precision;
  return whole;
}

std::optional<std::filesystem::path> ModelArguments::weights() const {
  if (weights_file.empty()) return std::nullopt;
  return weights_file;
}

}  // namespace sluice::cli
