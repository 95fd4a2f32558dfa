#include <fmt/format.h>

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sluice/base/error.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/interrupt.hpp"
#include "sluice/cli/progress_bar.hpp"
#include "sluice/compiler/compile.hpp"

namespace sluice::cli {

namespace {

const std::map<std::string, synth::Effort> kEfforts{
    {"fast", synth::Effort::fast}, {"normal", synth::Effort::normal}, {"max", synth::Effort::max}};

const std::map<std::string, synth::PipelineGoal> kPipelineGoals{
    {"registers", synth::PipelineGoal::registers}, {"speed", synth::PipelineGoal::speed}};

struct Arguments {
  std::string model, output, config, weights;
  std::string effort = "normal";
  std::string pipeline_goal = "speed";
  std::string dsps = "0";
  compiler::CompileOptions options;
  bool no_simulator = false;
};

/// Nothing for `auto`.
std::optional<std::int64_t> parse_dsps(const std::string& text) {
  if (text == "auto") return std::nullopt;
  std::int64_t dsps = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), dsps);
  if (error != std::errc{} || end != text.data() + text.size() || dsps < 0) {
    throw UsageError("E-CLI-002", "--dsp " + text, "is no number of DSP48E2",
                     "use 0 or more, or auto");
  }
  return dsps;
}

int run_compile(const Context& context, const Arguments& arguments) {
  compiler::CompileOptions options = arguments.options;
  options.effort = kEfforts.at(arguments.effort);
  options.pipeline_goal = kPipelineGoals.at(arguments.pipeline_goal);
  options.dsps = parse_dsps(arguments.dsps);
  options.simulator = !arguments.no_simulator;
  if (!arguments.config.empty()) options.config = read_json(arguments.config);
  if (!arguments.weights.empty()) options.weights = arguments.weights;
  const StopAtSignals stop_at_signals;
  ProgressBar progress(!context.quiet);
  const compiler::Compiled compiled =
      compiler::compile(arguments.model, arguments.output, options, progress);
  progress.clear();
  Json warnings = Json::array();
  for (const Diagnostic& warning : compiled.warnings) {
    warnings.push_back(
        {{"code", warning.code}, {"subject", warning.subject}, {"message", warning.message}});
    remark(context,
           fmt::format("warning: {}: {}: {}", warning.code, warning.subject, warning.message));
  }
  const package::Manifest& manifest = compiled.package.manifest();
  const Json total = read_json(compiled.package.report_file())["estimate"]["total"];
  const Json json{{"package", arguments.output},
                  {"name", manifest.name},
                  {"latency_cycles", manifest.latency_cycles},
                  {"clock_mhz", manifest.clock_mhz},
                  {"estimate", total},
                  {"warnings", warnings},
                  {"timings_s", compiled.timings_s}};
  print_result(context, json,
               fmt::format("{}: latency {} cycles = {:.1f} ns at {:g} MHz, one event per {} "
                           "cycle; about {} LUT, {} FF, {} DSP",
                           arguments.output, manifest.latency_cycles,
                           manifest.latency_cycles * manifest.clock_period_ns(), manifest.clock_mhz,
                           manifest.initiation_interval_cycles, total["lut"].dump(),
                           total["ff"].dump(), total["dsp"].dump()));
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
  command->add_option("--name", arguments->options.name, "Name of the kernel")
      ->capture_default_str();
  command->add_option("--clock-mhz", arguments->options.clock_mhz, "Kernel clock")
      ->capture_default_str();
  command->add_option("--board", arguments->options.board, "Board, recorded in the manifest");
  command->add_option("--config", arguments->config, "Precisions in hls4ml's form, a JSON file");
  command->add_option("--weights", arguments->weights, "Weights of a .json model, an .h5 file");
  command->add_option("--effort", arguments->effort, "How long to search for fewer adders")
      ->check(CLI::IsMember(kEfforts))
      ->capture_default_str();
  command
      ->add_option(
          "--pipeline", arguments->pipeline_goal,
          "What to make of the time that a clock period leaves: speed in reserve, or fewer "
          "registers")
      ->check(CLI::IsMember(kPipelineGoals))
      ->capture_default_str();
  command
      ->add_option("--dsp", arguments->dsps,
                   "DSP48E2 that weights may take instead of adders: a number, or auto for as many "
                   "as keep the shares of DSP48E2 and LUT of an XCVU9P equal")
      ->capture_default_str();
  command->add_flag("--no-simulator", arguments->no_simulator,
                    "Write Verilog only; without the Verilated kernel");
  command->footer("Example: sluice compile model.h5 -o muon --name muon_pt --clock-mhz 200");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_compile(context, *arguments); };
  });
}

}  // namespace sluice::cli
