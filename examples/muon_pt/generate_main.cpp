#include <fmt/format.h>
#include <tbb/global_control.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "muon_pt/features.hpp"
#include "muon_pt/l1_baseline.hpp"
#include "muon_pt/simulator.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/npy.hpp"

namespace {

using muon_pt::Event;
using muon_pt::L1Baseline;

struct Options {
  std::int64_t events = 100'000;
  muon_pt::Sample sample;
  std::string spectrum = "flat";
  std::string npz, csv, npy;
  int threads = 0;
};

/// One line on a terminal, nothing elsewhere.
class TerminalProgress : public sluice::ProgressSink {
 public:
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override {
    if (!terminal_) return;
    fmt::print(stderr, "\r{} {} / {}{}", stage, done, total, done == total ? "\n" : "");
    std::fflush(stderr);
  }

 private:
  bool terminal_ = isatty(STDERR_FILENO) == 1;
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

void write_npz(const std::string& path, const std::vector<Event>& events) {
  const auto& l1 = L1Baseline::standard();
  sluice::save_npz(
      path,
      {{"x", feature_array(events)},
       {"pt", column_array(column(events, [](const Event& e) { return e.muon.pt_gev; }))},
       {"eta", column_array(column(events, [](const Event& e) { return e.muon.eta; }))},
       {"l1_pt", column_array(column(events, [&](const Event& e) { return l1.pt_gev(e); }))}});
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
  std::optional<tbb::global_control> limit;
  if (options.threads > 0) {
    limit.emplace(tbb::global_control::max_allowed_parallelism,
                  static_cast<std::size_t>(options.threads));
  }
  muon_pt::Sample sample = options.sample;
  sample.spectrum = muon_pt::parse_spectrum(options.spectrum);
  TerminalProgress progress;
  const std::vector<Event> events = muon_pt::generate(sample, options.events, progress);
  if (!options.npz.empty()) write_npz(options.npz, events);
  if (!options.npy.empty()) sluice::save_npy(options.npy, feature_array(events));
  if (!options.csv.empty()) write_csv(options.csv, events);
}

void declare(CLI::App& app, Options& options) {
  app.add_option("--events", options.events, "accepted muons to write")->capture_default_str();
  app.add_option("--seed", options.sample.seed, "the same seed gives the same muons")
      ->capture_default_str();
  app.add_option("--spectrum", options.spectrum, "flat, logflat or invpt in pT")
      ->capture_default_str();
  app.add_option("--pt-min", options.sample.pt_min_gev, "GeV")->capture_default_str();
  app.add_option("--pt-max", options.sample.pt_max_gev, "GeV")->capture_default_str();
  app.add_option("--output", options.npz, ".npz with x [n,27], pt, eta, l1_pt, all float32");
  app.add_option("--npy", options.npy, ".npy of x alone");
  app.add_option("--csv", options.csv, "unscaled features under the column names of CMS studies");
  app.add_option("--threads", options.threads, "0: all cores; no effect on the muons")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.footer(
      "Example: muon_pt_generate --events 100000 --seed 202 --spectrum flat --output test.npz\n"
      "CMS-like, calibrated against public CMS constants; not endorsed by CMS.");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Simulates muons in a CMS-like barrel and writes their trigger primitives"};
  declare(app, options);
  try {
    app.parse(argc, argv);
    run(options);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const sluice::Error& error) {
    fmt::print(stderr, "muon_pt_generate: {}\n", error.what());
    return sluice::exit_code(error.kind());
  } catch (const std::exception& error) {
    fmt::print(stderr, "muon_pt_generate: {}\n", error.what());
    return 70;
  }
}
