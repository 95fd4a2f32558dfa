#include "sluice/cli/format_arguments.hpp"

#include <fmt/format.h>

#include "sluice/base/error.hpp"
#include "sluice/base/npy.hpp"

namespace sluice::cli {

void FormatArguments::add_to(CLI::App& command) {
  command.add_option("--calibrate", calibrate,
                     "Choose the formats of a float model from these events, .npy");
  command.add_option("--target-error", target_error,
                     "Error of the outputs to stay within; a hundredth of the largest without it");
  command.add_option("--error", measure, "Which error that is: the largest, or root mean square")
      ->check(CLI::IsMember({"max", "rms"}))
      ->capture_default_str();
  command.add_option("--save-config", save_config,
                     "Write the chosen formats, a JSON file for --config");
  command.add_option("--data", data,
                     "Say what the formats do to the outputs of these events, .npy");
}

compiler::FormatOptions FormatArguments::read(const ModelArguments& reading) const {
  compiler::FormatOptions options;
  if (calibrate.empty() && (target_error != 0 || !save_config.empty())) {
    throw UsageError("E-CLI-004", target_error != 0 ? "--target-error" : "--save-config",
                     "is for formats that are chosen", "add --calibrate events.npy");
  }
  if (!calibrate.empty() && !data.empty()) {
    throw UsageError("E-CLI-004", "--data", "--calibrate measures with its own events",
                     "leave out one of the two");
  }
  if (!calibrate.empty() && !reading.default_precision.empty()) {
    throw UsageError("E-CLI-004", "--default-precision",
                     "--calibrate chooses the formats that nothing names",
                     "leave out one of the two");
  }
  options.choose = !calibrate.empty();
  if (options.choose || !data.empty()) options.data = load_npy(options.choose ? calibrate : data);
  if (target_error != 0) options.target.error = target_error;
  options.target.measure = calibrate::parse_measure(measure);
  return options;
}

void FormatArguments::save(const Json& formats) const {
  if (!save_config.empty()) write_json(save_config, formats.at("config"));
}

std::string describe_formats(const Json& formats) {
  if (formats.is_null()) return {};
  std::string text =
      fmt::format("{:<28}{:<9}{:<28}{:>8}{:>12}{:>12}{:>10}{:>11}{:>11}\n", "layer", "of", "format",
                  "count", "min", "max", "saturated", "max error", "rms error");
  for (const Json& row : formats["formats"]) {
    text += fmt::format("{:<28}{:<9}{:<28}{:>8}{:>12.4g}{:>12.4g}{:>10}{:>11.2e}{:>11.2e}\n",
                        row["layer"].get<std::string>(), row["variable"].get<std::string>(),
                        row["format"].get<std::string>(), row["count"].get<std::int64_t>(),
                        row["min"].get<double>(), row["max"].get<double>(),
                        row["saturated"].get<std::int64_t>(), row["error_max"].get<double>(),
                        row["error_rms"].get<double>());
  }
  text += fmt::format("All together over {} {}events: error of the outputs max {:.3g}, rms {:.3g}",
                      formats["events"].get<std::int64_t>(),
                      formats.value("events_from", "") == "generated" ? "generated " : "",
                      formats["error_max"].get<double>(), formats["error_rms"].get<double>());
  if (formats.contains("target")) {
    text += fmt::format(" (target: {} {:.3g})", formats["measure"].get<std::string>(),
                        formats["target"].get<double>());
  }
  text += fmt::format("; outputs reach {:.3g}", formats["largest_output"].get<double>());
  if (formats.contains("same_class")) {
    text += fmt::format("; the largest output is the same in {} of {}",
                        formats["same_class"].get<std::int64_t>(),
                        formats["events"].get<std::int64_t>());
  }
  return text + "\n";
}

}  // namespace sluice::cli
