#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "muon_pt/simulator.hpp"

/// What the example's programs share.
namespace muon_pt {

/// A sample as asked for on the command line.
struct SampleOptions {
  std::int64_t events = 100'000;
  int threads = 0;  ///< 0: all cores
  Sample sample;
  std::string spectrum = "flat";

  /// Adds --events, --seed, --spectrum, --pt-min, --pt-max and --threads.
  void declare(CLI::App& app);
  /// The sample with its spectrum. Throws sluice::UsageError for an unknown one.
  Sample parsed() const;
};

/// k of the density dN/dpT ~ pT^-k that a spectrum is generated with.
int density_power(Spectrum spectrum) noexcept;

/// One line on a terminal, nothing elsewhere.
class TerminalProgress : public sluice::ProgressSink {
 public:
  TerminalProgress();
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override;

 private:
  bool terminal_;
};

/// Parses the arguments, calls `run` on `threads` threads of oneTBB (0: all) and turns errors into
/// messages and the exit codes of the `sluice` program.
int run_program(CLI::App& app, int argc, char** argv, const int& threads,
                const std::function<void()>& run);

}  // namespace muon_pt
