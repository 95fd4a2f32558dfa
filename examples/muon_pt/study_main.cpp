#include <fmt/format.h>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "muon_pt/features.hpp"
#include "muon_pt/l1_baseline.hpp"
#include "muon_pt/program.hpp"
#include "muon_pt/simulator.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/npy.hpp"
#include "sluice/package/package.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/predictor.hpp"

namespace {

using muon_pt::Event;
using muon_pt::kFeatures;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kPartEvents = 32768;

struct Options {
  muon_pt::SampleOptions sample;
  std::string package, device = "engine", output;
};

/// What is kept of a muon; its primitives and features live only while its part is worked on.
struct Columns {
  std::vector<float> pt_gev, eta, l1_pt_gev, output;

  explicit Columns(std::size_t events)
      : pt_gev(events), eta(events), l1_pt_gev(events), output(events) {}
};

struct Seconds {
  double simulation = 0, features = 0, inference = 0;
};

double lap(Clock::time_point& start) {
  const auto now = Clock::now();
  const std::chrono::duration<double> passed = now - start;
  start = now;
  return passed.count();
}

void describe(std::span<const Event> events, std::size_t first, Columns& columns,
              std::vector<float>& x) {
  const auto& l1 = muon_pt::L1Baseline::standard();
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, events.size(), 1024),
                    [&](const auto& range) {
                      for (std::size_t k = range.begin(); k < range.end(); ++k) {
                        const Event& event = events[k];
                        columns.pt_gev[first + k] = static_cast<float>(event.muon.pt_gev);
                        columns.eta[first + k] = static_cast<float>(event.muon.eta);
                        columns.l1_pt_gev[first + k] = static_cast<float>(l1.pt_gev(event));
                        const auto features = muon_pt::scaled_features(event);
                        std::copy(features.begin(), features.end(),
                                  x.begin() + static_cast<std::ptrdiff_t>(k * kFeatures));
                      }
                    });
}

Columns study(const muon_pt::Sample& sample, std::int64_t total,
              sluice::runtime::Predictor& predictor, Seconds& seconds) {
  muon_pt::EventStream stream(sample);
  Columns columns(static_cast<std::size_t>(total));
  std::vector<Event> events(kPartEvents);
  std::vector<float> x(kPartEvents * std::size_t{kFeatures});
  muon_pt::TerminalProgress progress;
  for (std::size_t done = 0; done < columns.output.size();) {
    const std::size_t count = std::min(events.size(), columns.output.size() - done);
    const std::span part = std::span(events).first(count);
    auto start = Clock::now();
    stream.next(part);
    seconds.simulation += lap(start);
    describe(part, done, columns, x);
    seconds.features += lap(start);
    predictor.predict(std::span<const float>(x).first(count * kFeatures),
                      std::span(columns.output).subspan(done, count));
    seconds.inference += lap(start);
    done += count;
    progress.update("study", done, columns.output.size());
  }
  return columns;
}

sluice::NpyArray array(const std::vector<float>& values) {
  return sluice::NpyArray::from<float>(values, {static_cast<std::int64_t>(values.size())});
}

void check(const sluice::package::Manifest& manifest, std::int64_t events) {
  if (events < 1) throw sluice::UsageError("E-MUON-002", "events", "is not positive");
  if (manifest.input.elements() != kFeatures || manifest.output.elements() != 1) {
    throw sluice::UsageError("E-MUON-007", "package",
                             fmt::format("takes {} inputs and gives {} outputs",
                                         manifest.input.elements(), manifest.output.elements()),
                             "give a package of a network with 27 inputs and 1 output");
  }
}

void run(const Options& options) {
  const auto package = sluice::package::Package::open(options.package);
  check(package.manifest(), options.sample.events);
  const auto device = sluice::runtime::Device::open(package, options.device,
                                                    {.engine_threads = options.sample.threads});
  sluice::runtime::Predictor predictor(device.kernel(), kPartEvents);
  const muon_pt::Sample sample = options.sample.parsed();
  Seconds seconds;
  const Columns columns = study(sample, options.sample.events, predictor, seconds);
  const std::array power{static_cast<std::int8_t>(muon_pt::density_power(sample.spectrum))};
  sluice::save_npz(options.output,
                   {{"pt", array(columns.pt_gev)},
                    {"eta", array(columns.eta)},
                    {"l1_pt", array(columns.l1_pt_gev)},
                    {"y", array(columns.output)},
                    {"density_power", sluice::NpyArray::from<std::int8_t>(power, {1})}},
                   sluice::NpzStorage::stored);
  fmt::print("{}\n", sluice::Json{{"events", options.sample.events},
                                  {"seed", sample.seed},
                                  {"spectrum", options.sample.spectrum},
                                  {"pt_range_gev", {sample.pt_min_gev, sample.pt_max_gev}},
                                  {"device", options.device},
                                  {"threads", options.sample.threads},
                                  {"simulation_seconds", seconds.simulation},
                                  {"features_seconds", seconds.features},
                                  {"inference_seconds", seconds.inference}}
                         .dump());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Simulates muons and runs a compiled network on them, a part at a time",
               "muon_pt_study"};
  app.add_option("package", options.package, "folder that `sluice compile` wrote")->required();
  options.sample.declare(app);
  app.add_option("--device", options.device, "engine, rtl or xrt:N")->capture_default_str();
  app.add_option("--output", options.output,
                 ".npz with pt, eta, l1_pt and the network's output y, one number per muon")
      ->required();
  app.footer(
      "Prints the time of each step as JSON. Memory is 16 bytes per muon and a part's features.\n"
      "Example: muon_pt_study muon --events 1000000 --seed 202 --output columns.npz\n"
      "CMS-like, calibrated against public CMS constants; not endorsed by CMS.");
  return muon_pt::run_program(app, argc, argv, options.sample.threads, [&] { run(options); });
}
