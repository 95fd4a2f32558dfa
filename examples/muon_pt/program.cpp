#include "muon_pt/program.hpp"

#include <fmt/format.h>
#include <tbb/global_control.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "sluice/base/error.hpp"

namespace muon_pt {

void SampleOptions::declare(CLI::App& app) {
  app.add_option("--events", events, "accepted muons")->capture_default_str();
  app.add_option("--seed", sample.seed, "the same seed gives the same muons")
      ->capture_default_str();
  app.add_option("--spectrum", spectrum, "flat, logflat or invpt in pT")->capture_default_str();
  app.add_option("--pt-min", sample.pt_min_gev, "GeV")->capture_default_str();
  app.add_option("--pt-max", sample.pt_max_gev, "GeV")->capture_default_str();
  app.add_option("--threads", threads, "0: all cores; no effect on any result")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

Sample SampleOptions::parsed() const {
  Sample result = sample;
  result.spectrum = parse_spectrum(spectrum);
  return result;
}

int density_power(Spectrum spectrum) noexcept {
  switch (spectrum) {
    case Spectrum::flat:
      return 0;
    case Spectrum::logflat:
      return 1;
    case Spectrum::invpt:
      return 2;
  }
  return 0;
}

TerminalProgress::TerminalProgress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void TerminalProgress::update(std::string_view stage, std::uint64_t done, std::uint64_t total) {
  if (!terminal_) return;
  fmt::print(stderr, "\r{} {} / {}{}", stage, done, total, done == total ? "\n" : "");
  std::fflush(stderr);
}

int run_program(CLI::App& app, int argc, char** argv, const int& threads,
                const std::function<void()>& run) {
  try {
    app.parse(argc, argv);
    std::optional<tbb::global_control> limit;
    if (threads > 0) {
      limit.emplace(tbb::global_control::max_allowed_parallelism,
                    static_cast<std::size_t>(threads));
    }
    run();
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const sluice::Error& error) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), error.what());
    return sluice::exit_code(error.kind());
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), error.what());
    return 70;
  }
}

}  // namespace muon_pt
