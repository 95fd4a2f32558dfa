#include <fmt/format.h>

#include <memory>

#include "sluice/cli/commands.hpp"
#include "sluice/cli/progress_bar.hpp"
#include "sluice/package/package.hpp"
#include "sluice/runtime/bench.hpp"
#include "sluice/runtime/device.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string package, samples;
  std::string device = "engine";
  runtime::BenchOptions options;
};

std::string span_row(const char* name, const Json& span) {
  return fmt::format("{:<11}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}\n", name,
                     span["p50"].get<double>(), span["p99"].get<double>(),
                     span["p99.9"].get<double>(), span["max"].get<double>());
}

std::string describe(const Json& json) {
  std::string text =
      fmt::format("{} on {}, {} calls of {} events{}\n{:<11}{:>10}{:>10}{:>10}{:>10}   us\n",
                  json["kernel"].get<std::string>(), json["device"]["uri"].get<std::string>(),
                  json["calls"].get<std::int64_t>(), json["batch_events"].get<std::int64_t>(),
                  json["emulated"].get<bool>() ? " (emulation, not card latency)" : "", "", "p50",
                  "p99", "p99.9", "max");
  text += span_row("injection", json["injection_us"]);
  text += span_row("inference", json["inference_us"]);
  text += span_row("extraction", json["extraction_us"]);
  text += span_row("total", json["total_us"]);
  if (json.contains("kernel_cycles")) {
    text += fmt::format("kernel: {} cycles = {:.3f} us at {:g} MHz\n",
                        json["kernel_cycles"]["median"].get<std::uint64_t>(),
                        json["kernel_cycles"]["median_us_at_kernel_clock"].get<double>(),
                        json["clock_mhz"].get<double>());
  }
  return text + fmt::format("{:.0f} events/s", json["events_per_s"].get<double>());
}

int run_bench(const Context& context, const Arguments& arguments) {
  const package::Package package = package::Package::open(arguments.package);
  const runtime::Device device = runtime::Device::open(package, arguments.device);
  ProgressBar progress(!context.quiet);
  const runtime::BenchResult result = runtime::bench(device.kernel(), arguments.options, progress);
  progress.clear();
  if (!arguments.samples.empty()) {
    write_json(arguments.samples, to_json(result, runtime::BenchSamples::included));
  }
  const Json json = to_json(result);
  print_result(context, json, describe(json));
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure injection, inference and extraction per call");
  command->add_option("package", arguments->package, "Package folder")->required();
  command->add_option("--device", arguments->device, "engine, rtl or xrt:N")->capture_default_str();
  command->add_option("--batch", arguments->options.batch_events, "Events of a call")
      ->capture_default_str();
  command->add_option("--calls", arguments->options.calls, "Timed calls")->capture_default_str();
  command->add_option("--warmup", arguments->options.warmup_calls, "Calls before them")
      ->capture_default_str();
  command->add_option("--samples-out", arguments->samples, "All samples, a JSON file");
  command->footer("Example: sluice card -- sluice bench muon --device xrt:0 --calls 5000");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_bench(context, *arguments); };
  });
}

}  // namespace sluice::cli
