#include <cstdio>
#include <exception>

#include "muon_pt/l1_baseline.hpp"

/// Prints `l1_limits.inc`.
int main() {
  try {
    using muon_pt::L1Baseline;
    const auto events =
        muon_pt::generate(L1Baseline::calibration_sample(), L1Baseline::kCalibrationMuons);
    const std::string text = muon_pt::format_limits(L1Baseline::calibrate(events));
    return std::fputs(text.c_str(), stdout) < 0 ? 4 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muon_pt_l1_table: %s\n", error.what());
    return 70;
  }
}
