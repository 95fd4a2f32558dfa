#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "muon_pt/features.hpp"
#include "muon_pt/l1_baseline.hpp"
#include "muon_pt/program.hpp"
#include "muon_pt/simulator.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/npy.hpp"

namespace {

using muon_pt::Event;
using muon_pt::L1Baseline;

struct Options {
  muon_pt::SampleOptions sample;
  std::string npz, csv, npy;
};

template <class Value>
std::vector<float> column(const std::vector<Event>& events, Value value) {
  std::vector<float> result;
  result.reserve(events.size());
  for (const Event& event : events) result.push_back(static_cast<float>(value(event)));
  return result;
}

sluice::NpyArray column_array(const std::vector<float>& values) {
  return sluice::NpyArray::from<float>(values, {static_cast<std::int64_t>(values.size())});
}

sluice::NpyArray feature_array(const std::vector<Event>& events) {
  std::vector<float> values;
  values.reserve(events.size() * muon_pt::kFeatures);
  for (const Event& event : events) {
    const auto features = muon_pt::scaled_features(event);
    values.insert(values.end(), features.begin(), features.end());
  }
  return sluice::NpyArray::from<float>(
      values, {static_cast<std::int64_t>(events.size()), muon_pt::kFeatures});
}

void write_npz(const std::string& path, const std::vector<Event>& events,
               muon_pt::Spectrum spectrum) {
  const auto& l1 = L1Baseline::standard();
  const std::array power{static_cast<std::int8_t>(muon_pt::density_power(spectrum))};
  sluice::save_npz(
      path, {{"x", feature_array(events)},
             {"pt", column_array(column(events, [](const Event& e) { return e.muon.pt_gev; }))},
             {"eta", column_array(column(events, [](const Event& e) { return e.muon.eta; }))},
             {"l1_pt", column_array(column(events, [&](const Event& e) { return l1.pt_gev(e); }))},
             {"density_power", sluice::NpyArray::from<std::int8_t>(power, {1})}});
}

void write_csv(const std::string& path, const std::vector<Event>& events) {
  const auto& l1 = L1Baseline::standard();
  const auto names = muon_pt::feature_names();
  constexpr std::size_t kQuality = 17, kDeltaPhi = 21;
  std::string text = "Event,genParticle.pt,genParticle.eta,l1Muon.pt";
  for (const auto& name : names) text += "," + name;
  text += "\n";
  auto out = std::back_inserter(text);
  for (const Event& event : events) {
    fmt::format_to(out, "{},{:.6f},{:.6f},{:.1f}", event.index, event.muon.pt_gev, event.muon.eta,
                   l1.pt_gev(event));
    const auto integers = muon_pt::integer_features(event);
    const auto qualities = muon_pt::slot_qualities(event);
    for (std::size_t i = 0; i < integers.size(); ++i) {
      if (i >= kDeltaPhi) {
        fmt::format_to(out, ",{}", integers[i] / double{muon_pt::detector::kPhiUnitsPerRad});
      } else if (i >= kQuality) {
        fmt::format_to(out, ",{}", qualities[i - kQuality]);
      } else {
        fmt::format_to(out, ",{}", integers[i]);
      }
    }
    text += "\n";
  }
  sluice::write_file(path, text);
}

void run(const Options& options) {
  if (options.npz.empty() && options.csv.empty() && options.npy.empty()) {
    throw sluice::UsageError("E-MUON-006", "output", "no file is asked for",
                             "give --output x.npz, --npy x.npy or --csv x.csv");
  }
  const muon_pt::Sample sample = options.sample.parsed();
  muon_pt::TerminalProgress progress;
  const std::vector<Event> events = muon_pt::generate(sample, options.sample.events, progress);
  if (!options.npz.empty()) write_npz(options.npz, events, sample.spectrum);
  if (!options.npy.empty()) sluice::save_npy(options.npy, feature_array(events));
  if (!options.csv.empty()) write_csv(options.csv, events);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Simulates muons in a CMS-like barrel and writes their trigger primitives",
               "muon_pt_generate"};
  options.sample.declare(app);
  app.add_option("--output", options.npz,
                 ".npz with x [n,27], pt, eta, l1_pt, all float32, and density_power k: the muons "
                 "are generated as dN/dpT ~ pT^-k");
  app.add_option("--npy", options.npy, ".npy of x alone");
  app.add_option("--csv", options.csv, "unscaled features under the column names of CMS studies");
  app.footer(
      "Example: muon_pt_generate --events 100000 --seed 202 --spectrum flat --output test.npz\n"
      "CMS-like, calibrated against public CMS constants; not endorsed by CMS.");
  return muon_pt::run_program(app, argc, argv, options.sample.threads, [&] { run(options); });
}
