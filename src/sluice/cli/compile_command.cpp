#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "sluice/base/diagnostics.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/format_arguments.hpp"
#include "sluice/cli/interrupt.hpp"
#include "sluice/cli/progress_bar.hpp"
#include "sluice/compiler/compile.hpp"
#include "sluice/compiler/options.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string model, output;
  std::map<std::string, std::string> values;  ///< of compiler::option_rows(), by their names
  ModelArguments reading;
  FormatArguments formats;
  bool no_simulator = false;
};

compiler::CompileOptions options_of(const Arguments& arguments) {
  Json values{{"simulator", !arguments.no_simulator}};
  for (const compiler::OptionRow& row : compiler::option_rows()) {
    const std::string& value = arguments.values.at(row.name);
    values[row.name] = row.usual.is_number() ? Json(std::stod(value)) : Json(value);
  }
  compiler::CompileOptions options = compiler::parse_options(values);
  options.config = arguments.reading.config();
  options.weights = arguments.reading.weights();
  options.formats = arguments.formats.read(arguments.reading);
  return options;
}

std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : fmt::format("{:g}", value.get<double>());
}

int run_compile(const Context& context, const Arguments& arguments) {
  const compiler::CompileOptions options = options_of(arguments);
  const StopAtSignals stop_at_signals;
  ProgressBar progress(!context.quiet);
  const compiler::Compiled compiled =
      compiler::compile(arguments.model, arguments.output, options, progress);
  progress.clear();
  arguments.formats.save(compiled.formats);
  Json warnings = Json::array();
  for (const Diagnostic& warning : compiled.warnings) {
    warnings.push_back(to_json(warning));
    remark(context, fmt::format("warning: {}", to_string(warning)));
  }
  const package::Manifest& manifest = compiled.package.manifest();
  const Json total = read_json(compiled.package.report_file())["estimate"]["total"];
  const Json json{{"package", arguments.output},
                  {"name", manifest.name},
                  {"latency_cycles", manifest.latency_cycles},
                  {"clock_mhz", manifest.clock_mhz},
                  {"estimate", total},
                  {"warnings", warnings},
                  {"formats", compiled.formats},
                  {"timings_s", compiled.timings_s}};
  print_result(context, json,
               describe_formats(compiled.formats) +
                   fmt::format("{}: latency {} cycles = {:.1f} ns at {:g} MHz, one event per {} "
                               "cycle{}; about {} LUT, {} FF, {} DSP",
                               arguments.output, manifest.latency_cycles,
                               manifest.latency_cycles * manifest.clock_period_ns(),
                               manifest.clock_mhz, manifest.initiation_interval_cycles,
                               manifest.initiation_interval_cycles == 1 ? "" : "s",
                               total["lut"].dump(), total["ff"].dump(), total["dsp"].dump()));
  return 0;
}

}  // namespace

void add_compile(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("compile", "Compile a model file into a kernel package");
  command
      ->add_option("model", arguments->model, "Model: .h5, .keras, .onnx, or .json with --weights")
      ->required();
  command->add_option("-o,--output", arguments->output, "Package folder to make")->required();
  for (const compiler::OptionRow& row : compiler::option_rows()) {
    std::string flag = "--" + row.name;
    std::ranges::replace(flag, '_', '-');
    std::string& value = arguments->values[row.name] = as_text(row.usual);
    CLI::Option* option = command->add_option(flag, value, row.help);
    if (!row.choices.empty()) option->check(CLI::IsMember(row.choices));
    if (row.usual.is_number()) option->check(CLI::Number);
    if (!value.empty()) option->capture_default_str();
  }
  arguments->reading.add_to(*command);
  arguments->formats.add_to(*command);
  command->add_flag("--no-simulator", arguments->no_simulator,
                    "Write Verilog only; without the Verilated kernel");
  command->footer("Example: sluice compile model.h5 -o muon --name muon_pt --clock-mhz 200");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_compile(context, *arguments); };
  });
}

}  // namespace sluice::cli
