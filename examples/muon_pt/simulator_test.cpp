#include "muon_pt/simulator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sluice/base/error.hpp"

namespace muon_pt {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Golden {
  double pt_gev, eta;
  std::array<double, kStations> phi_rad, bend_rad;
  double pt_first_station_gev;
};

// An independent numpy implementation of the same equations gave these.
constexpr std::array<Golden, 4> kGolden = {{
    {5, 0, {-.52988, -.58255, -.61063, -.59744}, {-.35814, -.23561, -.06188, .25934}, 2.598},
    {20, 0, {-.11712, -.12781, -.13541, -.13852}, {-.07201, -.05215, -.02986, -.01005}, 17.598},
    {20, .5, {-.11697, -.12742, -.13469, -.13772}, {-.07158, -.04982, -.02862, -.01029}, 17.838},
    {100, .5, {-.02299, -.02500, -.02644, -.02709}, {-.01375, -.00968, -.00579, -.00255}, 97.207},
}};

TEST(Trace, MeanTrajectoriesAreTheGoldenOnes) {
  for (const Golden& golden : kGolden) {
    const Crossings crossings =
        trace_mean({.charge = 1, .pt_gev = golden.pt_gev, .eta = golden.eta});
    for (std::size_t station = 0; station < crossings.size(); ++station) {
      SCOPED_TRACE(testing::Message() << golden.pt_gev << " GeV, station " << station + 1);
      if (golden.pt_gev == 5 && station == 3) {
        // The golden muon goes on with 0.4 GeV; here a muon stops below 0.6 GeV.
        EXPECT_FALSE(crossings[station].reached);
        continue;
      }
      ASSERT_TRUE(crossings[station].reached);
      // The golden values are rounded to 1e-5; Simpson steps are the same, so 1e-4 has room.
      EXPECT_NEAR(crossings[station].phi_rad, golden.phi_rad[station], 1e-4);
      EXPECT_NEAR(crossings[station].bend_rad, golden.bend_rad[station], 1e-4);
    }
    EXPECT_NEAR(crossings[0].pt_gev, golden.pt_first_station_gev, 1e-3);
  }
}

TEST(Trace, ChargeMirrorsTheTrajectory) {
  const Crossings plus = trace_mean({.charge = 1, .pt_gev = 10, .eta = 0.3});
  const Crossings minus = trace_mean({.charge = -1, .pt_gev = 10, .eta = 0.3});
  for (std::size_t station = 0; station < plus.size(); ++station) {
    EXPECT_DOUBLE_EQ(plus[station].phi_rad, -minus[station].phi_rad);
    EXPECT_DOUBLE_EQ(plus[station].bend_rad, -minus[station].bend_rad);
  }
}

TEST(Trace, SlowMuonsReachNoStation) {
  for (const Crossing& crossing : trace_mean({.charge = 1, .pt_gev = 2.0})) {
    EXPECT_FALSE(crossing.reached);
  }
}

TEST(DeltaPhi, FoldsSectors) {
  EXPECT_EQ(
      delta_phi({.quality = 6, .sector = 3, .phi = 10}, {.quality = 6, .sector = 3, .phi = 4}), -6);
  EXPECT_EQ(delta_phi({.quality = 6, .sector = 12}, {.quality = 6, .sector = 1}), 2144);
  EXPECT_EQ(delta_phi({.quality = 6, .sector = 1}, {.quality = 6, .sector = 12, .phi = 5}), -2139);
  EXPECT_EQ(delta_phi({.quality = 6, .sector = 1}, {.quality = 6, .sector = 7}), -6 * 2144);
}

TEST(Random, IsAFunctionOfSeedMuonAndDraw) {
  MuonRandom a(1, 2), b(1, 2), other_muon(1, 3), other_seed(2, 2);
  const double first = a.uniform();
  EXPECT_EQ(first, b.uniform());
  EXPECT_NE(first, other_muon.uniform());
  EXPECT_NE(first, other_seed.uniform());
  EXPECT_NE(first, a.uniform());
}

TEST(Random, HasTheMomentsOfItsDistributions) {
  constexpr int kDraws = 200'000;
  double normal_sum = 0, normal_squares = 0, uniform_sum = 0, exponential_sum = 0;
  for (int muon = 0; muon < kDraws / 4; ++muon) {
    MuonRandom random(77, static_cast<std::uint64_t>(muon));
    for (int draw = 0; draw < 4; ++draw) {
      const double normal = random.normal();
      normal_sum += normal;
      normal_squares += normal * normal;
      uniform_sum += random.uniform();
      exponential_sum += random.exponential();
    }
  }
  // Five standard errors each.
  EXPECT_NEAR(normal_sum / kDraws, 0.0, 5.0 / std::sqrt(kDraws));
  EXPECT_NEAR(normal_squares / kDraws, 1.0, 5.0 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(uniform_sum / kDraws, 0.5, 5.0 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(exponential_sum / kDraws, 1.0, 5.0 / std::sqrt(kDraws));
}

bool same(const Event& a, const Event& b) {
  if (a.index != b.index || a.muon.pt_gev != b.muon.pt_gev || a.muon.eta != b.muon.eta)
    return false;
  return std::ranges::equal(a.primitives, b.primitives, [](const Primitive& p, const Primitive& q) {
    return p.quality == q.quality && p.wheel == q.wheel && p.sector == q.sector && p.phi == q.phi &&
           p.bend == q.bend;
  });
}

TEST(Generate, DoesNotDependOnThreadsNorOnTheNumberOfEvents) {
  const Sample sample{.seed = 5};
  std::vector<Event> one, four;
  tbb::task_arena(1).execute([&] { one = generate(sample, 5000); });
  tbb::task_arena(4).execute([&] { four = generate(sample, 5000); });
  const std::vector<Event> fewer = generate(sample, 1700);
  EXPECT_TRUE(std::ranges::equal(one, four, same));
  EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), one.begin(), same));
}

TEST(EventStream, PartsDoNotMatter) {
  const Sample sample{.seed = 8};
  const std::vector<Event> whole = generate(sample, 3000);
  EventStream stream(sample);
  std::vector<Event> parts(3000);
  std::size_t done = 0;
  for (const std::size_t count : {1UL, 0UL, 1000UL, 37UL, 1962UL}) {
    stream.next(std::span(parts).subspan(done, count));
    done += count;
  }
  ASSERT_EQ(done, whole.size());
  EXPECT_TRUE(std::ranges::equal(parts, whole, same));
}

TEST(Generate, CountsAcceptedEventsInOrder) {
  const Sample sample{.seed = 6};
  const std::vector<Event> events = generate(sample, 3000);
  ASSERT_EQ(events.size(), 3000U);
  std::uint64_t next = 0;
  for (const Event& event : events) {
    EXPECT_GE(event.primitive_count(), 2);
    for (; next < event.index; ++next) EXPECT_LT(simulate(sample, next).primitive_count(), 2);
    ++next;
  }
}

TEST(Generate, RefusesWhatCannotBe) {
  EXPECT_THROW(generate({.pt_min_gev = 10, .pt_max_gev = 5}, 10), sluice::UsageError);
  EXPECT_THROW(generate({.pt_min_gev = -1}, 10), sluice::UsageError);
  EXPECT_THROW(generate({.pt_max_gev = std::nan("")}, 10), sluice::UsageError);
  EXPECT_THROW(generate({}, -1), sluice::UsageError);
  EXPECT_THROW(generate({.pt_min_gev = 1.0, .pt_max_gev = 1.5}, 10), sluice::UsageError);
  EXPECT_THROW(parse_spectrum("steep"), sluice::UsageError);
  EXPECT_TRUE(generate({}, 0).empty());
}

TEST(Generate, SpectraAreUniformInTheirVariable) {
  const auto mean_of = [](Spectrum spectrum, auto variable) {
    double sum = 0;
    constexpr std::uint64_t kMuons = 20'000;
    for (std::uint64_t k = 0; k < kMuons; ++k) {
      const Sample sample{.seed = 8, .spectrum = spectrum, .pt_min_gev = 4, .pt_max_gev = 100};
      sum += variable(simulate(sample, k).muon.pt_gev);
    }
    return sum / kMuons;
  };
  // Uniform in [a, b]: mean (a + b)/2, standard error (b - a)/sqrt(12 n); five of them.
  constexpr double kFiveErrors = 5.0 / 489.9;  // sqrt(12 * 20000)
  EXPECT_NEAR(mean_of(Spectrum::flat, [](double pt) { return pt; }), 52, 96 * kFiveErrors);
  EXPECT_NEAR(mean_of(Spectrum::logflat, [](double pt) { return std::log2(pt / 4); }),
              std::log2(25.0) / 2, std::log2(25.0) * kFiveErrors);
  EXPECT_NEAR(mean_of(Spectrum::invpt, [](double pt) { return 1 / pt; }), 0.13, 0.24 * kFiveErrors);
}

/// 100,000 muons flat in 3-200 GeV, accepted or not.
const std::vector<Event>& calibration_events() {
  static const std::vector<Event> events = generate({.seed = 3, .min_primitives = 0}, 100'000);
  return events;
}

TEST(Calibration, StationEfficienciesAndMultiplicities) {
  std::array<double, kStations> efficiency{};
  std::array<double, kStations + 1> multiplicity{};
  const auto& events = calibration_events();
  const double unit = 1.0 / static_cast<double>(events.size());
  for (const Event& event : events) {
    for (std::size_t s = 0; s < efficiency.size(); ++s)
      efficiency[s] += event.primitives[s].found() * unit;
    multiplicity[static_cast<std::size_t>(event.primitive_count())] += unit;
  }
  // The reference simulation's .745/.772/.778/.728 and .004/.039/.203/.439/.315 were read from
  // 200,000 muons and rounded to 1e-3: the window is five binomial errors of 0.0015 and that.
  EXPECT_THAT(efficiency,
              testing::Pointwise(testing::DoubleNear(0.008), std::array{.745, .772, .778, .728}));
  EXPECT_THAT(multiplicity, testing::Pointwise(testing::DoubleNear(0.008),
                                               std::array{.004, .039, .203, .439, .315}));
  EXPECT_NEAR(multiplicity[2] + multiplicity[3] + multiplicity[4], 0.958, 0.005);
}

TEST(Calibration, QualityFractions) {
  std::array<double, detector::kQualities> fraction{};
  double found = 0;
  for (const Event& event : calibration_events()) {
    for (const Primitive& primitive : event.primitives) {
      if (!primitive.found()) continue;
      fraction[static_cast<std::size_t>(primitive.quality)] += 1;
      found += 1;
    }
  }
  for (double& value : fraction) value /= found;
  // Public CMS simulation: .115 .08 .025 .20 .58 of the primitives found, known to 1e-2.
  EXPECT_THAT(fraction, testing::Pointwise(testing::DoubleNear(0.012),
                                           std::array{0., 0., .115, .08, .025, .20, .58}));
}

struct Medians {
  std::size_t wheel;
  std::array<double, kStations> bend;  ///< rad GeV
  std::array<double, 6> difference;    ///< station pairs 12 13 14 23 24 34; 0: too few muons
};

constexpr std::array<Medians, 3> kMedians = {{
    {0, {-1.399, -1.022, -0.610, -0.262}, {-0.207, -0.359, -0.424, -0.151, -0.218, -0.067}},
    {1, {-1.390, -0.982, -0.589, -0.267}, {-0.201, -0.346, -0.408, -0.144, -0.209, -0.066}},
    {2, {-1.266, -0.909, -0.551, -0.271}, {-0.180, -0.302, 0, -0.134, -0.206, -0.066}},
}};

class BendingConstants : public testing::TestWithParam<Medians> {};

TEST_P(BendingConstants, AreTheCalibratedOnes) {
  const Medians& expected = GetParam();
  constexpr std::array<std::pair<std::size_t, std::size_t>, 6> kPairs = {
      {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}};
  std::array<std::vector<double>, kStations> bend;
  std::array<std::vector<double>, 6> difference;
  const auto in_wheel = [&](const Primitive& p) {
    return p.found() && std::abs(p.wheel) == static_cast<int>(expected.wheel);
  };
  for (const Event& event : calibration_events()) {
    if (event.muon.pt_gev <= 15) continue;
    const double scale = event.muon.charge * event.muon.pt_gev;
    const auto& primitives = event.primitives;
    for (std::size_t s = 0; s < bend.size(); ++s) {
      if (in_wheel(primitives[s]) && primitives[s].good()) {
        bend[s].push_back(scale * primitives[s].bend / detector::kBendUnitsPerRad);
      }
    }
    for (std::size_t k = 0; k < kPairs.size(); ++k) {
      const auto& [inner, outer] = kPairs[k];
      if (!in_wheel(primitives[inner]) || !primitives[outer].found()) continue;
      difference[k].push_back(scale * delta_phi(primitives[inner], primitives[outer]) /
                              detector::kPhiUnitsPerRad);
    }
  }
  // Statistical error of these medians is below 1 % (bend of station 4, whose spread is large
  // against its value: 3 %), and the expected figures are rounded to 1e-3.
  for (std::size_t s = 0; s < bend.size(); ++s) {
    EXPECT_NEAR(median(bend[s]), expected.bend[s], 0.02 * std::abs(expected.bend[s]) + 0.01)
        << "station " << s + 1;
  }
  for (std::size_t k = 0; k < kPairs.size(); ++k) {
    if (expected.difference[k] == 0) continue;
    EXPECT_NEAR(median(difference[k]), expected.difference[k],
                0.02 * std::abs(expected.difference[k]) + 0.002)
        << "pair " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Wheel, BendingConstants, testing::ValuesIn(kMedians),
                         [](const auto& each) { return std::to_string(each.param.wheel); });

}  // namespace
}  // namespace muon_pt
