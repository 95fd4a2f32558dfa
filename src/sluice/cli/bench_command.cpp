#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "sluice/base/error.hpp"
#include "sluice/base/subprocess.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/progress_bar.hpp"
#include "sluice/cli/share.hpp"
#include "sluice/package/package.hpp"
#include "sluice/runtime/bench.hpp"
#include "sluice/runtime/device.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string package, samples, plot;
  std::string device = "engine";
  std::vector<std::string> compared;
  bool mantissas = false;
  runtime::BenchOptions options;
  runtime::CompareOptions comparison;
};

std::string span_row(const std::string& name, const Json& span) {
  return fmt::format("{:<11}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}\n", name,
                     span["p50"].get<double>(), span["p90"].get<double>(),
                     span["p99"].get<double>(), span["p99.9"].get<double>(),
                     span["max"].get<double>(), span["mean"].get<double>());
}

/// "injection" of "injection_us".
std::string span_name(std::string_view column) {
  return std::string(column.substr(0, column.find("_us")));
}

std::string caveat(std::string_view time_label) {
  return time_label.empty() ? "" : fmt::format(" ({}, not card latency)", time_label);
}

std::string describe(const Json& json) {
  std::string text = fmt::format(
      "{} on {}: {} calls of {} events, {} thread(s), {} in flight{}\n"
      "{:<11}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}   us\n",
      json["kernel"].get<std::string>(), json["device"]["uri"].get<std::string>(),
      json["calls"].get<std::int64_t>(), json["batch_events"].get<std::int64_t>(),
      json["threads"].get<int>(), json["depth"].get<int>(),
      caveat(runtime::time_label(json["emulated"].get<bool>(),
                                 json["device"]["emulation"].get<std::string>())),
      "", "p50", "p90", "p99", "p99.9", "max", "mean");
  for (const runtime::SpanColumn& column : runtime::kSpanColumns) {
    text += span_row(span_name(column.name), json[std::string(column.name)]);
  }
  text +=
      fmt::format("first call {:.1f} us; {:.0f} events/s\n",
                  json["first_call"]["total_us"].get<double>(), json["events_per_s"].get<double>());
  if (json.contains("kernel_cycles")) {
    text += fmt::format("kernel, start to done: {} cycles = {:.3f} us at {:g} MHz (exact)\n",
                        json["kernel_cycles"]["median"].get<std::uint64_t>(),
                        json["kernel_cycles"]["median_us_at_kernel_clock"].get<double>(),
                        json["clock_mhz"].get<double>());
  }
  const Json& schedule = json["schedule"];
  return text + fmt::format(
                    "core at {:g} MHz: latency {} cycles = {:.3f} us, {:g} cycles per "
                    "event = {:.0f} events/s (exact)",
                    json["clock_mhz"].get<double>(), schedule["core_latency_cycles"].get<int>(),
                    schedule["core_latency_us"].get<double>(),
                    schedule["cycles_per_event"].get<double>(),
                    schedule["events_per_s"].get<double>());
}

int measure(const Context& context, const Arguments& arguments) {
  const package::Package package = package::Package::open(arguments.package);
  const runtime::Device device = runtime::Device::open(package, arguments.device);
  runtime::BenchOptions options = arguments.options;
  if (arguments.mantissas) options.values = runtime::BenchValues::mantissas;
  ProgressBar progress(!context.quiet);
  const runtime::BenchResult result = runtime::bench(device.kernel(), options, progress);
  progress.clear();
  if (!arguments.samples.empty()) {
    write_json(arguments.samples, to_json(result, runtime::BenchSamples::included));
  }
  const Json json = to_json(result);
  print_result(context, json, describe(json));
  return 0;
}

std::string name_of(const runtime::LatencyRun& run) {
  return run.emulation.empty() ? run.program : fmt::format("{} ({})", run.program, run.emulation);
}

std::string ratio_text(const runtime::Ratio& ratio) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", ratio.value, ratio.low, ratio.high);
}

std::string describe(const runtime::LatencyRun& first, const runtime::LatencyRun& second,
                     const std::vector<runtime::ColumnComparison>& rows) {
  const std::string_view first_label = runtime::time_label(first.emulated, first.emulation);
  const std::string_view second_label = runtime::time_label(second.emulated, second.emulation);
  const std::string_view label = std::max(first_label, second_label);  // emulation before CPU
  std::string text = fmt::format(
      "{} over {}, {} and {} calls{}\n{:<11}{:>11}{:>11}{:>26}{:>26}{:>26}\n", name_of(second),
      name_of(first), second.samples.size(), first.samples.size(), caveat(label), "", "first p50",
      "second p50", "p50 ratio [95 %]", "p99 ratio [95 %]", "mean ratio [95 %]");
  for (const runtime::ColumnComparison& row : rows) {
    text += fmt::format("{:<11}{:>8.1f} us{:>8.1f} us{:>26}{:>26}{:>26}\n", span_name(row.column),
                        row.first.p50_us, row.second.p50_us, ratio_text(row.median),
                        ratio_text(row.p99), ratio_text(row.mean));
  }
  text.pop_back();
  return text;
}

/// Where Python says what went wrong.
std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

void draw(const Arguments& arguments) {
  Command command{{"/usr/bin/python3", find_shared_file("latency_plot.py").string()}, {}, {}};
  command.arguments.insert(command.arguments.end(), arguments.compared.begin(),
                           arguments.compared.end());
  command.arguments.insert(command.arguments.end(), {"--output", arguments.plot});
  const Finished finished = run_process(command);
  if (finished.exit_status == 0) return;
  throw ToolError("E-CLI-004", arguments.plot, "not drawn: " + last_line(finished.output),
                  "install python3-matplotlib; give a name that ends in .png, .svg or .pdf");
}

int compare(const Context& context, const Arguments& arguments) {
  const runtime::LatencyRun first = runtime::read_latency_run(arguments.compared.front());
  const runtime::LatencyRun second = runtime::read_latency_run(arguments.compared.back());
  const auto rows = runtime::compare(first, second, arguments.comparison);
  if (!arguments.plot.empty()) draw(arguments);
  const Json json{{"first", {{"file", arguments.compared.front()}, {"program", name_of(first)}}},
                  {"second", {{"file", arguments.compared.back()}, {"program", name_of(second)}}},
                  {"emulated", first.emulated || second.emulated},
                  {"ratios", runtime::to_json(rows)}};
  print_result(context, json, describe(first, second, rows));
  return 0;
}

int run_bench(const Context& context, const Arguments& arguments) {
  if (!arguments.compared.empty()) return compare(context, arguments);
  if (!arguments.package.empty()) return measure(context, arguments);
  throw UsageError("E-CLI-002", "sluice bench", "found neither a package nor --compare",
                   "see `sluice bench --help`");
}

}  // namespace

void add_bench(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure injection, inference and extraction per call");
  command->add_option("package", arguments->package, "Package folder");
  command->add_option("--device", arguments->device, "engine, rtl or xrt:N")->capture_default_str();
  command->add_option("--batch", arguments->options.batch_events, "Events of a call")
      ->capture_default_str();
  command->add_option("--calls", arguments->options.calls, "Timed calls of each thread")
      ->capture_default_str();
  command->add_option("--warmup", arguments->options.warmup_calls, "Calls before them")
      ->capture_default_str();
  command->add_option("--threads", arguments->options.threads, "Threads that call")
      ->capture_default_str();
  command->add_option("--depth", arguments->options.depth, "Calls in flight of each thread")
      ->capture_default_str();
  command->add_flag("--raw", arguments->mantissas, "Integer mantissas instead of float32");
  command->add_option("--samples-out", arguments->samples, "All samples, a JSON file");
  command->add_option("--compare", arguments->compared, "Two files of samples: second over first")
      ->expected(2);
  command->add_option("--resamples", arguments->comparison.resamples, "Of the bootstrap")
      ->capture_default_str();
  command
      ->add_option("--plot", arguments->plot, "With --compare: both distributions, a .png or .svg")
      ->needs("--compare");
  command->footer(
      "Example: sluice card -- sluice bench muon --device xrt:0 --calls 5000 --samples-out a.json\n"
      "         sluice bench --compare a.json b.json --plot figure.png");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return run_bench(context, *arguments); };
  });
}

}  // namespace sluice::cli
