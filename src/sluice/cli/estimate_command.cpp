#include <fmt/format.h>

#include <memory>

#include "sluice/base/diagnostics.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/package/package.hpp"

namespace sluice::cli {

namespace {

std::string cycles_text(int cycles) {
  return fmt::format("{} cycle{}", cycles, cycles == 1 ? "" : "s");
}

std::string describe(const Json& estimate) {
  std::string text = fmt::format("{:<28}{:>9}{:>9}{:>9}{:>7}{:>8}\n", "layer", "LUT", "FF", "carry",
                                 "DSP", "BRAM18");
  const auto row = [&](const std::string& name, const Json& figures) {
    text +=
        fmt::format("{:<28}{:>9}{:>9}{:>9}{:>7}{:>8}\n", name, figures["lut"].get<std::int64_t>(),
                    figures["ff"].get<std::int64_t>(), figures["carry8"].get<std::int64_t>(),
                    figures["dsp"].get<std::int64_t>(), figures["bram18"].get<std::int64_t>());
  };
  for (const Json& layer : estimate["layers"]) row(layer["name"].get<std::string>(), layer);
  row("total", estimate["total"]);
  text += fmt::format(
      "latency {} cycles = {:.1f} ns at {:g} MHz, initiation interval {}\n"
      "clock reachable: {:.0f} to {:.0f} MHz by the delay model, not a place-and-route result",
      estimate["latency_cycles"].get<int>(), estimate["latency_ns"].get<double>(),
      estimate["clock_mhz"].get<double>(),
      cycles_text(estimate["initiation_interval_cycles"].get<int>()),
      estimate["fmax_mhz"][0].get<double>(), estimate["fmax_mhz"][1].get<double>());
  for (const Json& found : estimate["advice"]) {
    text += fmt::format("\n{}", to_string(diagnostic_of(found)));
  }
  return text;
}

}  // namespace

void add_estimate(CLI::App& app, Context& context) {
  const auto folder = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("estimate", "Area and latency per layer of a compiled kernel");
  command->add_option("package", *folder, "Package folder")->required();
  command->footer("Example: sluice estimate muon --json");
  command->callback([&context, folder] {
    context.run = [&context, folder] {
      const package::Package package = package::Package::open(*folder);
      const Json estimate = read_json(package.report_file()).at("estimate");
      print_result(context, estimate, describe(estimate));
      return 0;
    };
  });
}

}  // namespace sluice::cli
