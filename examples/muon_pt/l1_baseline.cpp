#include "muon_pt/l1_baseline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

namespace muon_pt {

namespace {

constexpr int kBins = 59;
constexpr double kBinLow_gev = 2.8;
constexpr double kBinHigh_gev = 210.0;
constexpr std::size_t kFewest = 60;  // muons for a quantile that means something
constexpr double kEfficiency = 0.90;

// Priority order of the track finder; also the order of the tables.
constexpr std::array<std::pair<std::size_t, std::size_t>, 6> kPairs = {
    {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}};

constexpr double step_gev(int step) { return 2.0 + 0.5 * step; }

/// Quantile of order statistics with linear interpolation. Reorders `values`.
double quantile(std::vector<int>& values, double probability) {
  const double position = probability * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(position);
  std::nth_element(values.begin(), values.begin() + below, values.end());
  const int low = values[static_cast<std::size_t>(below)];
  const double fraction = position - static_cast<double>(below);
  if (fraction == 0.0) return low;
  const int high = *std::min_element(values.begin() + below + 1, values.end());
  return low + fraction * (high - low);
}

/// A measured integer and the pT of the muon, sorted into logarithmic bins of pT.
class Calibration {
 public:
  void add(double pt_gev, int measured) {
    const double position =
        kBins * std::log(pt_gev / kBinLow_gev) / std::log(kBinHigh_gev / kBinLow_gev);
    if (position < 0.0 || position >= kBins) return;
    bins_[static_cast<std::size_t>(position)].push_back(measured);
  }

  std::array<std::int16_t, L1Baseline::kSteps> limits() {
    std::vector<double> centre, covered;
    for (int bin = 0; bin < kBins; ++bin) {
      auto& values = bins_[static_cast<std::size_t>(bin)];
      if (values.size() <= kFewest) continue;
      centre.push_back(kBinLow_gev * std::pow(kBinHigh_gev / kBinLow_gev, (bin + 0.5) / kBins));
      covered.push_back(quantile(values, kEfficiency));
    }
    std::array<std::int16_t, L1Baseline::kSteps> result;
    result.fill(-1);
    if (centre.empty()) return result;
    for (std::size_t k = covered.size() - 1; k > 0; --k) {
      covered[k - 1] = std::max(covered[k - 1], covered[k]);
    }
    for (int step = 0; step < L1Baseline::kSteps; ++step) {
      const double limit = std::floor(interpolate(centre, covered, step_gev(step)));
      result[static_cast<std::size_t>(step)] = static_cast<std::int16_t>(limit);
    }
    return result;
  }

 private:
  /// Linear between the points, constant outside.
  static double interpolate(const std::vector<double>& x, const std::vector<double>& y, double at) {
    const auto upper = std::upper_bound(x.begin(), x.end(), at);
    if (upper == x.begin()) return y.front();
    if (upper == x.end()) return y.back();
    const auto k = static_cast<std::size_t>(upper - x.begin());
    return y[k - 1] + (y[k] - y[k - 1]) * ((at - x[k - 1]) / (x[k] - x[k - 1]));
  }

  std::array<std::vector<int>, kBins> bins_;
};

constexpr L1Baseline::Limits kStandardLimits = {{
#include "muon_pt/l1_limits.inc"
}};

}  // namespace

L1Baseline::L1Baseline(const Limits& limits) {
  for (std::size_t table = 0; table < limits.size(); ++table) {
    for (int entry = 0; entry < kEntries; ++entry) {
      int step = kSteps - 1;
      while (step > 0 && limits[table][static_cast<std::size_t>(step)] < entry) --step;
      pt_gev_[table][static_cast<std::size_t>(entry)] = static_cast<float>(step_gev(step));
    }
  }
}

L1Baseline::Limits L1Baseline::calibrate(std::span<const Event> events) {
  std::array<Calibration, kTables> tables;
  for (const Event& event : events) {
    const auto& primitives = event.primitives;
    for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
      const Primitive& inner = primitives[kPairs[pair].first];
      const Primitive& outer = primitives[kPairs[pair].second];
      if (inner.found() && outer.found()) {
        tables[pair].add(event.muon.pt_gev, std::abs(delta_phi(inner, outer)));
      }
    }
    for (std::size_t station = 0; station < primitives.size(); ++station) {
      if (primitives[station].good()) {
        tables[kPairs.size() + station].add(event.muon.pt_gev, std::abs(primitives[station].bend));
      }
    }
  }
  Limits limits;
  for (std::size_t table = 0; table < limits.size(); ++table)
    limits[table] = tables[table].limits();
  return limits;
}

const L1Baseline& L1Baseline::standard() {
  static const L1Baseline baseline(kStandardLimits);
  return baseline;
}

const L1Baseline::Limits& L1Baseline::standard_limits() { return kStandardLimits; }

Sample L1Baseline::calibration_sample() {
  return {.seed = 11,
          .spectrum = Spectrum::logflat,
          .pt_min_gev = 2.5,
          .pt_max_gev = 220.0,
          .min_primitives = 0};
}

double L1Baseline::pt_gev(const Event& event) const noexcept {
  const auto& primitives = event.primitives;
  const auto look_up = [this](std::size_t table, int measured) {
    return static_cast<double>(
        pt_gev_[table][static_cast<std::size_t>(std::min(std::abs(measured), kEntries - 1))]);
  };
  for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
    const auto [inner, outer] = kPairs[pair];
    if (!primitives[inner].found() || !primitives[outer].found()) continue;
    const double from_phi = look_up(pair, delta_phi(primitives[inner], primitives[outer]));
    if (event.primitive_count() > 2) return from_phi;
    for (const std::size_t station : {inner, outer}) {
      if (!primitives[station].good()) continue;
      return std::min(from_phi, look_up(kPairs.size() + station, primitives[station].bend));
    }
    return from_phi;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string format_limits(const L1Baseline::Limits& limits) {
  constexpr std::size_t kPerLine = 18;
  std::string text;
  for (const auto& row : limits) {
    text += "    {";
    for (std::size_t k = 0; k < row.size(); ++k) {
      if (k > 0) text += k % kPerLine == 0 ? ",\n     " : ", ";
      text += fmt::format("{}", row[k]);
    }
    text += "},\n";
  }
  return text;
}

}  // namespace muon_pt
