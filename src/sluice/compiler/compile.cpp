#include "sluice/compiler/compile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <span>

#include "card/image/card_image.hpp"
#include "card/launcher/launcher.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/base/sha256.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/compiler/card_file.hpp"
#include "sluice/compiler/device_fit.hpp"
#include "sluice/compiler/estimate_report.hpp"
#include "sluice/compiler/subject.hpp"
#include "sluice/compiler/synthesise.hpp"
#include "sluice/compiler/test_vectors.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/hw/sources.hpp"
#include "sluice/network/pack.hpp"
#include "sluice/network/text.hpp"
#include "sluice/network/verify.hpp"
#include "sluice/rtl/core.hpp"
#include "sluice/rtl/kernel.hpp"
#include "sluice/sim/build.hpp"
#include "sluice/synth/estimate.hpp"

namespace sluice::compiler {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kVectorEvents = 1000;
constexpr std::int64_t kFewestVectorEvents = 16;
// Of the interpreter, for the vectors: seconds.
constexpr std::int64_t kVectorOperations = 200'000'000;
constexpr std::uint64_t kVectorSeed = 1;

class Stopwatch {
 public:
  /// Seconds since construction or the last lap, in milliseconds' steps.
  double lap_s() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> elapsed = now - last_;
    last_ = now;
    return std::round(elapsed.count() * 1000) / 1000;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void check(const CompileOptions& options) {
  const auto is_letter = [](char c) { return c == '_' || ((c | 32) >= 'a' && (c | 32) <= 'z'); };
  bool good = !options.name.empty() && is_letter(options.name.front());
  for (const char c : options.name) good = good && (is_letter(c) || (c >= '0' && c <= '9'));
  if (!good) {
    throw UsageError("E-COMPILER-001", options.name, "is no name for a kernel",
                     "use letters, digits and underscores, for example myproject");
  }
  if (options.reuse < 1) {
    throw UsageError("E-COMPILER-001", fmt::format("reuse {}", options.reuse),
                     "is no number of ticks", "use 1 to compute every product at once");
  }
  if (!(options.clock_mhz >= 1 && options.clock_mhz <= 2000)) {
    throw UsageError("E-COMPILER-001", fmt::format("{} MHz", options.clock_mhz),
                     "is no clock for an FPGA", "use a value from 1 to 2000, for example 200");
  }
}

package::TensorPort port_of(const network::Layer& layer) {
  package::TensorPort port{layer.name, layer.type.shape, {layer.type.format}, {}};
  if (const auto* input = std::get_if<network::Input>(&layer.op)) port.quantizer = input->quantizer;
  return port;
}

// The tensors of the model that lie one after the other in the kernel's, where there are several.
std::vector<package::TensorPart> parts_of(const network::Network& network,
                                          const std::vector<network::LayerId>& ids,
                                          const std::vector<std::string>& names) {
  std::vector<package::TensorPart> parts;
  for (std::size_t i = 0; i < ids.size() && ids.size() > 1; ++i) {
    parts.push_back({names.at(i), network.layer(ids[i]).type.shape});
  }
  return parts;
}

std::vector<std::string> input_names(const network::Network& network) {
  std::vector<std::string> names;
  for (const network::LayerId id : network.inputs()) names.push_back(network.layer(id).name);
  return names;
}

void write_rtl(const fs::path& folder, const circuit::Circuit& circuit,
               const circuit::Schedule& schedule, const rtl::Family& family) {
  fs::create_directory(folder);
  hw::write_sources(folder);
  write_file(folder / (circuit.name + "_core.v"),
             rtl::emit_core(circuit, schedule, {.name = circuit.name, .family = family}));
  write_file(folder / (circuit.name + ".v"),
             rtl::emit_kernel(rtl::kernel_options(circuit, schedule, circuit.name)));
}

NpyArray as_npy(const std::vector<std::int64_t>& mantissas, std::int64_t elements) {
  const auto events = static_cast<std::int64_t>(mantissas.size()) / elements;
  return NpyArray::from<std::int64_t>(mantissas, {events, elements});
}

void write_vectors(const fs::path& folder, const circuit::Circuit& circuit,
                   const package::Manifest& manifest) {
  fs::create_directory(folder);
  const std::int64_t events = std::clamp(kVectorOperations / operations_per_event(circuit),
                                         kFewestVectorEvents, kVectorEvents);
  const std::vector<std::int64_t> inputs = make_inputs(circuit, events, kVectorSeed);
  save_npy(folder / "input.npy", as_npy(inputs, manifest.input.elements()));
  save_npy(folder / "output.npy", as_npy(interpret(circuit, inputs), manifest.output.elements()));
}

void write_card_file(const fs::path& folder, const package::Manifest& manifest,
                     const std::string& network_text) {
  package::XclbinContent content = describe_xclbin(manifest);
  content.network_sha256 = sha256_hex(network_text);
  card::CardImage image;
  image.manifest_json = to_json(manifest).dump(2);
  image.network_text = network_text;
  image.card_program = card::find_card_folder() / card::kProgramName;
  if (fs::exists(folder / "sim" / "kernel.so")) {
    image.kernel_library = folder / "sim" / "kernel.so";
  }
  content.bitstream = card::make_card_bitstream(image, content);
  write_file(folder / (manifest.name + ".xclbin"), package::write_xclbin(content));
}

}  // namespace

Compiled compile(const fs::path& model, const fs::path& output, const CompileOptions& options,
                 ProgressSink& progress) {
  check(options);
  Stopwatch watch;
  Json timings_s = Json::object();
  StagedFolder staged(output);
  const fs::path& folder = staged.path();

  progress.update("import", 0, 0);
  const FormattedModel formatted = import_with_formats(
      model, {options.config, options.weights, options.name}, options.formats, progress);
  const frontend::Imported& imported = formatted.model;
  const network::Network network = network::packed(imported.network);
  network::verify(network);
  package::Manifest manifest;
  manifest.name = options.name;
  manifest.sluice_version = SLUICE_VERSION;
  manifest.source = {model.filename().string(), sha256_hex(read_file(model))};
  manifest.board = options.board;
  manifest.clock_mhz = options.clock_mhz;
  manifest.input = port_of(network.layer(network.inputs().front()));
  manifest.input.parts =
      parts_of(imported.network, imported.network.inputs(), input_names(imported.network));
  manifest.output = port_of(network.layer(network.outputs().front()));
  manifest.output.parts =
      parts_of(imported.network, imported.network.outputs(), imported.source.outputs);
  timings_s["import"] = watch.lap_s();

  progress.update("optimise", 0, 0);
  const auto [circuit, schedule] = synthesise(imported, options);
  manifest.latency_cycles = schedule.latency_cycles;
  manifest.initiation_interval_cycles = schedule.interval_cycles;
  const synth::Estimate estimate = synth::estimate(circuit, schedule);
  timings_s["optimise"] = watch.lap_s();

  progress.update("write", 0, 0);
  const std::string network_text = network::print(network);
  write_file(folder / "network.txt", network_text);
  write_file(folder / "circuit.txt", circuit::print(circuit, &schedule));
  write_rtl(folder / "rtl", circuit, schedule, options.family);
  timings_s["verilog"] = watch.lap_s();
  write_vectors(folder / "vectors", circuit, manifest);
  Json report{{"model", describe_model(imported.source)},
              {"estimate", to_json(estimate, options.clock_mhz)}};
  if (!formatted.formats.is_null()) report["formats"] = formatted.formats;
  write_json(folder / "report.json", report);
  timings_s["vectors"] = watch.lap_s();

  if (options.simulator) {
    fs::create_directory(folder / "sim");
    sim::build_kernel_library(folder / "rtl", options.name, folder / "sim" / "kernel.so", {},
                              progress);
  }
  write_card_file(folder, manifest, network_text);
  timings_s["simulator"] = watch.lap_s();
  package::seal(folder, manifest);
  staged.commit();
  std::vector<Diagnostic> warnings = imported.warnings;
  std::ranges::copy(unshared_hardware(imported, options), std::back_inserter(warnings));
  std::ranges::copy(device_warnings(estimate), std::back_inserter(warnings));
  return {package::Package::open(output), std::move(warnings), formatted.formats, timings_s};
}

}  // namespace sluice::compiler
