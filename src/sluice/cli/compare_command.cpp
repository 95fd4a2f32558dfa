#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "sluice/base/npy.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/model_arguments.hpp"
#include "sluice/compiler/compare.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string subject, traces;
  ModelArguments reading;
  compiler::CompareOptions options;
};

std::string describe(const compiler::TraceComparison& comparison) {
  std::string text = fmt::format("{:<28}{:<10}{:>18}{:>20}{:>14}\n", "layer", "format",
                                 "events differing", "values differing", "largest");
  for (const compiler::LayerComparison& layer : comparison.layers) {
    text += fmt::format("{:<28}{:<10}{:>18}{:>20}{:>14.3g}\n", layer.layer, layer.format,
                        layer.differing_events, layer.differing_values, layer.largest_difference);
  }
  for (const auto& [name, why] : comparison.not_compared) {
    text += fmt::format("{:<28}not compared: {}\n", name, why);
  }
  const compiler::LayerComparison* const layer = comparison.first_difference();
  if (layer == nullptr) {
    return text + fmt::format("No difference in {} events", comparison.events);
  }
  return text + fmt::format(
                    "First difference: layer {}, event {}, element ({}): {:.17g} here ({}), "
                    "{:.17g} given, {:.3g} apart",
                    layer->layer, layer->first->event, fmt::join(layer->first->element, ", "),
                    layer->first->found, layer->format, layer->first->expected,
                    layer->first->found - layer->first->expected);
}

int run_compare(const Context& context, const Arguments& arguments) {
  compiler::CompareOptions options = arguments.options;
  options.config = arguments.reading.config();
  options.weights = arguments.reading.weights();
  const compiler::TraceComparison comparison =
      compiler::compare(arguments.subject, load_npz(arguments.traces), options);
  print_result(context, to_json(comparison), describe(comparison));
  return comparison.first_difference() == nullptr ? 0 : kAnswerIsNo;
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("compare", "Find the first layer that differs from given values");
  command->add_option("subject", arguments->subject, "Model file or package folder")->required();
  command
      ->add_option("--with", arguments->traces,
                   "Events (x) and values by the names of their layers, .npz")
      ->required();
  command
      ->add_option("--tolerance", arguments->options.tolerance,
                   "Differences up to it count as equal")
      ->capture_default_str();
  arguments->reading.add_to(*command);
  command->footer("Example: sluice compare model.h5 --with traces.npz");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_compare(context, *arguments); };
  });
}

}  // namespace sluice::cli
