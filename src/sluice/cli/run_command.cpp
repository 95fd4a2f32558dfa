#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <memory>

#include "sluice/base/error.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/package/package.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/predictor.hpp"

namespace sluice::cli {

namespace {

struct Arguments {
  std::string package, input, output;
  std::string device = "engine";
  bool raw = false;
  int threads = 0;
};

bool is_real(const NpyArray& array) {
  return array.type == NpyType::f4 || array.type == NpyType::f8;
}

void check_kind(const NpyArray& array, bool raw, const std::string& file) {
  if (raw == !is_real(array)) return;
  throw UsageError("E-CLI-001", file,
                   fmt::format("holds {}, expected {}", npy_type_name(array.type),
                               raw ? "integer mantissas" : "float32 or float64 values"),
                   raw ? "leave out --raw for real values" : "add --raw for integer mantissas");
}

int execute(const Context& context, const Arguments& arguments) {
  const package::Package package = package::Package::open(arguments.package);
  const NpyArray input = load_npy(arguments.input);
  check_kind(input, arguments.raw, arguments.input);
  runtime::DeviceOptions options;
  options.engine_threads = arguments.threads;
  const runtime::Device device = runtime::Device::open(package, arguments.device, options);
  runtime::Predictor predictor(device.kernel());
  const auto start = std::chrono::steady_clock::now();
  const NpyArray output = predictor.predict(
      input, arguments.raw ? runtime::Outputs::mantissas : runtime::Outputs::values);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  save_npy(arguments.output, output);
  const std::int64_t events = output.shape.empty() ? 0 : output.shape.front();
  const runtime::DeviceInfo& info = device.info();
  const std::string_view label = runtime::time_label(info.emulated, info.emulation);
  print_result(context,
               {{"events", events},
                {"device", info.uri},
                {"emulated", info.emulated},
                {"seconds", elapsed.count()},
                {"output", arguments.output},
                {"output_shape", output.shape}},
               fmt::format("{} events on {}{} in {:.3f} s; {} holds ({})", events, info.uri,
                           label.empty() ? "" : fmt::format(" ({})", label), elapsed.count(),
                           arguments.output, fmt::join(output.shape, ", ")));
  return 0;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("run", "Run events through a compiled kernel");
  command->add_option("package", arguments->package, "Package folder")->required();
  command->add_option("--input", arguments->input, "Events, .npy of float32 or float64")
      ->required();
  command->add_option("--output", arguments->output, "Results, .npy")->required();
  command->add_option("--device", arguments->device, "engine, rtl or xrt:N")->capture_default_str();
  command->add_flag("--raw", arguments->raw, "Integer mantissas in and out");
  command->add_option("--threads", arguments->threads, "For the engine; 0: all")
      ->capture_default_str();
  command->footer("Example: sluice run muon --input x.npy --output y.npy --device rtl");
  command->callback([&context, arguments] {
    context.run = [&context, arguments] { return execute(context, *arguments); };
  });
}

}  // namespace sluice::cli
