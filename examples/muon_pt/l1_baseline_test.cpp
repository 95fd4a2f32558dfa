#include "muon_pt/l1_baseline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sluice/base/files.hpp"

namespace muon_pt {
namespace {

TEST(L1Baseline, CommittedTableIsTheCalibration) {
  const auto events = generate(L1Baseline::calibration_sample(), L1Baseline::kCalibrationMuons);
  const auto limits = L1Baseline::calibrate(events);
  EXPECT_EQ(limits, L1Baseline::standard_limits());
  EXPECT_EQ(format_limits(limits),
            sluice::read_file(SLUICE_SOURCE_DIR "/examples/muon_pt/l1_limits.inc"));
}

TEST(L1Baseline, LimitsDoNotIncreaseWithPt) {
  for (const auto& row : L1Baseline::standard_limits()) {
    EXPECT_TRUE(std::ranges::is_sorted(row, std::greater{}));
  }
}

/// Two primitives of one sector in the given stations, `difference` apart.
Event pair_event(std::size_t inner, std::size_t outer, int difference) {
  Event event;
  event.primitives[inner] = {.quality = 6, .sector = 4};
  event.primitives[outer] = {.quality = 6, .sector = 4, .phi = difference};
  return event;
}

TEST(L1Baseline, FollowsTheDeployedScale) {
  // pT in GeV that the CMS track finder assigns to |delta phi| of stations 1 and 2. Derived
  // independently, so agreement is to 0.5 GeV or 6 %.
  const std::vector<std::pair<int, double>> deployed = {{15, 65}, {20, 48.5}, {30, 32},
                                                        {40, 24}, {60, 16.5}, {80, 12.5},
                                                        {120, 9}, {160, 7},   {240, 5}};
  for (const auto& [difference, pt_gev] : deployed) {
    Event event = pair_event(0, 1, difference);
    event.primitives[2] = {.quality = 6, .sector = 4};  // three stations: no bend rule
    EXPECT_NEAR(L1Baseline::standard().pt_gev(event), pt_gev, std::max(0.5, 0.06 * pt_gev));
    event.primitives[1].phi = -difference;
    EXPECT_NEAR(L1Baseline::standard().pt_gev(event), pt_gev, std::max(0.5, 0.06 * pt_gev));
  }
}

TEST(L1Baseline, TwoStationsTakeTheSmallerOfAngleAndBend) {
  const auto& l1 = L1Baseline::standard();
  Event event = pair_event(0, 1, 0);
  EXPECT_EQ(l1.pt_gev(event), 140.0);
  event.primitives[0].bend = 100;
  const double from_bend = l1.pt_gev(event);
  EXPECT_LT(from_bend, 20.0);
  event.primitives[0].quality = 3;  // its bend does not count; the outer one's is 0
  EXPECT_EQ(l1.pt_gev(event), 140.0);
}

TEST(L1Baseline, OnePrimitiveHasNoPt) {
  Event event;
  event.primitives[1] = {.quality = 6, .sector = 4};
  EXPECT_TRUE(std::isnan(L1Baseline::standard().pt_gev(event)));
}

TEST(L1Baseline, NinetyPercentReachTheirThreshold) {
  const auto events =
      generate({.seed = 12, .spectrum = Spectrum::logflat, .pt_max_gev = 120}, 100'000);
  for (const double threshold : {10.0, 20.0, 40.0}) {
    double near = 0, accepted = 0;
    for (const Event& event : events) {
      if (std::abs(event.muon.pt_gev / threshold - 1) >= 0.05) continue;
      near += 1;
      accepted += L1Baseline::standard().pt_gev(event) >= threshold;
    }
    // About 2,700 muons: five binomial errors are 0.029.
    EXPECT_NEAR(accepted / near, 0.90, 0.03) << threshold << " GeV";
  }
}

TEST(L1Baseline, HalfWidthIsThatOfTheTrigger) {
  std::vector<double> residual;
  for (const Event& event : generate({.seed = 202}, 50'000)) {
    residual.push_back(L1Baseline::standard().pt_gev(event) / event.muon.pt_gev - 1);
  }
  std::ranges::sort(residual);
  const double hw68 = 0.5 * (residual[42'000] - residual[8'000]);
  EXPECT_GT(hw68, 0.24);
  EXPECT_LT(hw68, 0.28);
}

}  // namespace
}  // namespace muon_pt
