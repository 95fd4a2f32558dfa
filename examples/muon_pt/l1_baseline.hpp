#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "muon_pt/simulator.hpp"

namespace muon_pt {

/// pT assignment by look-up, as a hardware trigger without a network does it: |delta phi| of the
/// first available station pair to pT, on a scale on which 90 % of the muons with true pT = T reach
/// the threshold T. A track of two stations takes the smaller of that and the pT from the bending
/// angle of its innermost good primitive.
class L1Baseline {
 public:
  /// Assigned pT goes from 2.0 to 140.0 GeV in steps of 0.5 GeV.
  static constexpr int kSteps = 277;
  static constexpr int kTables = 10;  ///< six station pairs, then the bend of four stations
  /// By table and pT step: the largest |delta phi| (1/4096 rad) or |bend| (1/512 rad) that the step
  /// covers, or -1 for none. Does not increase with pT.
  using Limits = std::array<std::array<std::int16_t, kSteps>, kTables>;

  explicit L1Baseline(const Limits& limits);

  /// Limits from muons of known pT in about 2.5 to 220 GeV, none left out for want of primitives.
  static Limits calibrate(std::span<const Event> events);

  /// The baseline from the table in the source tree, which is `calibrate` of `calibration_sample`.
  static const L1Baseline& standard();
  static const Limits& standard_limits();
  static Sample calibration_sample();
  static constexpr std::int64_t kCalibrationMuons = 400'000;

  /// pT in GeV; NaN for an event with fewer than two primitives.
  double pt_gev(const Event& event) const noexcept;

 private:
  static constexpr int kEntries = 1024;
  std::array<std::array<float, kEntries>, kTables> pt_gev_;
};

/// The text of `l1_limits.inc`: one brace-enclosed row per table.
std::string format_limits(const L1Baseline::Limits& limits);

}  // namespace muon_pt
