#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>

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

const std::map<std::string, synth::Form> kForms{{"auto", synth::Form::automatic},
                                                {"parallel", synth::Form::parallel},
                                                {"streaming", synth::Form::streaming}};

struct Arguments {
  std::string model, output, config, weights;
  std::string effort = "normal";
  std::string pipeline_goal = "speed";
  std::string convolutions = "auto";
  compiler::CompileOptions options;
  bool no_simulator = false;
};

int run_compile(const Context& context, const Arguments& arguments) {
  compiler::CompileOptions options = arguments.options;
  options.effort = kEfforts.at(arguments.effort);
  options.pipeline_goal = kPipelineGoals.at(arguments.pipeline_goal);
  options.convolutions = kForms.at(arguments.convolutions);
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
                           "cycle{}; about {} LUT, {} FF",
                           arguments.output, manifest.latency_cycles,
                           manifest.latency_cycles * manifest.clock_period_ns(), manifest.clock_mhz,
                           manifest.initiation_interval_cycles,
                           manifest.initiation_interval_cycles == 1 ? "" : "s", total["lut"].dump(),
                           total["ff"].dump()));
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
      ->add_option("--convolutions", arguments->convolutions,
                   "All positions at once, or one after the other; auto: large ones stream")
      ->check(CLI::IsMember(kForms))
      ->capture_default_str();
  command
      ->add_option("--reuse", arguments->options.reuse,
                   "Cycles that share the multipliers of a dense layer or of a position")
      ->capture_default_str();
  command->add_flag("--no-simulator", arguments->no_simulator,
                    "Write Verilog only; without the Verilated kernel");
  command->footer("Example: sluice compile model.h5 -o muon --name muon_pt --clock-mhz 200");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_compile(context, *arguments); };
  });
}

}  // namespace sluice::cli
