#include <fmt/format.h>

#include <memory>

#include "sluice/cli/commands.hpp"
#include "sluice/cli/progress_bar.hpp"
#include "sluice/compiler/verify.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string package;
  compiler::VerifyOptions options;
};

int run_verify(const Context& context, const Arguments& arguments) {
  ProgressBar progress(!context.quiet);
  const compiler::Verification verification =
      compiler::verify(package::Package::open(arguments.package), arguments.options, progress);
  progress.clear();
  std::string text;
  for (const compiler::Comparison& row : verification.comparisons) {
    text += row.skipped.empty()
                ? fmt::format("{:<20} {} of {} events differ from the interpreter\n", row.engine,
                              row.differing, row.events)
                : fmt::format("{:<20} skipped: {}\n", row.engine, row.skipped);
    if (!row.limited.empty()) {
      text += fmt::format("  fewer than the {} asked for: {}\n", row.asked, row.limited);
    }
    if (!row.first_difference.empty()) text += "  first: " + row.first_difference + '\n';
  }
  const bool passed = verification.passed();
  text += fmt::format("{} (seed {})", passed ? "All engines agree" : "Engines disagree",
                      verification.seed);
  print_result(context, to_json(verification), text);
  return passed ? 0 : kAnswerIsNo;
}

}  // namespace

void add_verify(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("verify", "Compare every engine with the interpreter, as integers");
  command->add_option("package", arguments->package, "Package folder")->required();
  command
      ->add_option("--samples", arguments->options.samples,
                   "Events for the SIMD engine, as far as --interpreted-operations allows")
      ->capture_default_str();
  command
      ->add_option("--rtl-samples", arguments->options.rtl_samples,
                   "Events for devices, as far as --simulated-cycles allows")
      ->capture_default_str();
  command
      ->add_option("--interpreted-operations", arguments->options.interpreted_operations,
                   "Most operations of the interpreter; at least 64 events are compared")
      ->capture_default_str();
  command
      ->add_option("--simulated-cycles", arguments->options.simulated_cycles,
                   "Most cycles for events of a device; at least 16 events are compared")
      ->capture_default_str();
  command->add_option("--seed", arguments->options.seed, "Seed of events and memory stalls")
      ->capture_default_str();
  command->add_option("--device", arguments->options.devices, "Devices: rtl, xrt:0")
      ->capture_default_str();
  command->footer("Example: sluice verify muon --samples 100000 --seed 7");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_verify(context, *arguments); };
  });
}

}  // namespace sluice::cli
