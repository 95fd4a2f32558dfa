#include "muon_pt/simulator.hpp"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "sluice/base/error.hpp"

namespace muon_pt {

namespace {

using detector::Volume;

constexpr double kMuonMass_gev = 0.1056583755;
constexpr double kCurvature = 0.299792458;  // GeV / (T m)
constexpr double kEtaMax = 0.9;
constexpr double kVertexSigma_m = 0.05;
constexpr double kSectorAngle_rad = std::numbers::pi / 6;

/// Stands in for MuonRandom with every fluctuation at its mean.
struct MeanFluctuations {
  static double uniform() noexcept { return 0.5; }
  static double normal() noexcept { return 0.0; }
  static double exponential() noexcept { return 1.0; }
};

/// A muon on its way outwards. In a uniform field h = r sin(bend) obeys
/// h(r2) = h(r1) + c (r2^2 - r1^2) / 2 with c = -q 0.2998 B / pT.
class Track {
 public:
  explicit Track(const Muon& muon)
      : charge_(muon.charge),
        cosh_eta_(std::cosh(muon.eta)),
        sinh_eta_(std::sinh(muon.eta)),
        z0_m_(muon.z0_m),
        momentum_gev_(muon.pt_gev * cosh_eta_),
        phi_rad_(muon.phi_rad),
        effective_radius_m_(detector::kEffectiveRadius_m[detector::wheel_magnitude(
            z_at(detector::kStationRadius_m[0]))]) {}

  bool alive() const { return alive_; }
  double z_at(double radius_m) const { return z0_m_ + radius_m * sinh_eta_; }
  double pt_gev() const { return momentum_gev_ / cosh_eta_; }

  Crossing crossing() const {
    return {alive_, phi_rad_, std::asin(h_m_ / r_m_), z_at(r_m_), pt_gev()};
  }

  /// Through a uniform field, parallel to the beam when positive. A muon that curls dies.
  void advance(double to_m, double field_t) {
    if (!alive_ || to_m <= r_m_) return;
    const double half_c = -0.5 * charge_ * kCurvature * field_t / pt_gev();
    const double from_m = r_m_;
    const double from_h_m = h_m_;
    const auto h_at = [&](double r) { return from_h_m + half_c * (r * r - from_m * from_m); };
    const auto sin_bend = [&](double r) { return std::clamp(h_at(r) / r, -0.999, 0.999); };
    const auto dphi_dr = [&](double r) {
      const double s = sin_bend(r);
      return s / (std::sqrt(1.0 - s * s) * r);
    };
    if (from_m == 0.0) {
      phi_rad_ += std::asin(sin_bend(to_m));
    } else {
      phi_rad_ += (to_m - from_m) / 6.0 *
                  (dphi_dr(from_m) + 4.0 * dphi_dr(0.5 * (from_m + to_m)) + dphi_dr(to_m));
    }
    h_m_ = h_at(to_m);
    r_m_ = to_m;
    alive_ = std::abs(h_m_) < 0.97 * to_m;
  }

  /// Through the field of the solenoid and the field-free space outside it.
  void advance_from_beam(double to_m) {
    using namespace detector;
    const auto square = [](double x) { return x * x; };
    advance(std::min(to_m, kSolenoidEdge_m), kSolenoidField_t);
    const double edge = (square(effective_radius_m_) - square(kSolenoidEdge_m)) /
                        (square(kCoilOuter_m) - square(kSolenoidEdge_m));
    advance(std::min(to_m, kCoilOuter_m), kSolenoidField_t * edge);
    advance(to_m, 0.0);
  }

  /// Energy loss and multiple scattering (Highland) of one of the slabs of a volume.
  template <class Random>
  void cross_slab(const Volume& volume, Random& random) {
    if (!alive_) return;
    const double sin_bend = h_m_ / r_m_;
    const double path = cosh_eta_ / std::sqrt(std::max(1.0 - sin_bend * sin_bend, 0.05));
    const double share = path / volume.slabs;
    double energy_gev = std::hypot(momentum_gev_, kMuonMass_gev);
    energy_gev -= volume.grammage_g_cm2 * share * (1.70e-3 + 6.0e-6 * energy_gev) *
                  (0.90 + 0.10 * random.exponential());
    if (energy_gev <= 0.6) {
      alive_ = false;
      return;
    }
    momentum_gev_ = std::sqrt(energy_gev * energy_gev - kMuonMass_gev * kMuonMass_gev);
    const double beta = momentum_gev_ / energy_gev;
    const double sigma_rad = 0.0136 / (beta * momentum_gev_) *
                             std::sqrt(volume.radiation_lengths * share) *
                             (1.0 + 0.038 * std::log(1.1 * volume.radiation_lengths));
    const double tail = random.uniform() < 0.02 ? 3.0 : 1.0;
    const double kick_rad = sigma_rad * cosh_eta_ * tail * random.normal();
    h_m_ = r_m_ * std::sin(std::asin(std::clamp(sin_bend, -0.999, 0.999)) + kick_rad);
  }

 private:
  int charge_;
  double cosh_eta_, sinh_eta_, z0_m_;
  double momentum_gev_;
  double phi_rad_;
  double effective_radius_m_;
  double r_m_ = 0.0, h_m_ = 0.0;
  bool alive_ = true;
};

template <class Random>
void cross_inner_volume(Track& track, const Volume& volume, Random& random) {
  const double step_m = (volume.outer_m - volume.inner_m) / volume.slabs;
  const bool present = !volume.central_only ||
                       std::abs(track.z_at(volume.inner_m)) < detector::kTailCatcherHalfLength_m;
  for (int slab = 0; slab < volume.slabs; ++slab) {
    track.advance_from_beam(volume.inner_m + step_m * (slab + 0.5));
    if (present) track.cross_slab(volume, random);
    track.advance_from_beam(volume.inner_m + step_m * (slab + 1));
  }
}

template <class Random>
void cross_yoke(Track& track, std::size_t layer, Random& random) {
  const Volume& volume = detector::kYokeVolumes[layer];
  const double step_m = (volume.outer_m - volume.inner_m) / volume.slabs;
  for (int slab = 0; slab < volume.slabs; ++slab) {
    const double low_m = volume.inner_m + step_m * slab;
    track.advance(low_m, 0.0);
    const double field_t =
        -detector::kYokeField_t[detector::wheel_magnitude(track.z_at(low_m))][layer];
    track.advance(low_m + 0.5 * step_m, field_t);
    track.cross_slab(volume, random);
    track.advance(low_m + step_m, field_t);
  }
}

template <class Random>
Crossings trace_with(const Muon& muon, Random& random) {
  Track track(muon);
  Crossings crossings;
  for (const Volume& volume : detector::kInnerVolumes) cross_inner_volume(track, volume, random);
  for (std::size_t station = 0; station < crossings.size() && track.alive(); ++station) {
    if (station == 0) {
      track.advance_from_beam(detector::kStationRadius_m[station]);
    } else {
      cross_yoke(track, station - 1, random);
      track.advance(detector::kStationRadius_m[station], 0.0);
    }
    if (track.alive()) crossings[station] = track.crossing();
  }
  return crossings;
}

int draw_quality(MuonRandom& random) {
  const double draw = random.uniform();
  double cumulative = 0.0;
  for (std::size_t quality = 0; quality < detector::kQualityProbability.size(); ++quality) {
    cumulative += detector::kQualityProbability[quality];
    if (draw < cumulative) return static_cast<int>(quality);
  }
  return detector::kQualities - 1;
}

int digitise(double value, int units, int limit) {
  const auto rounded = static_cast<int>(std::floor(value * units + 0.5));
  return std::clamp(rounded, -limit, limit - 1);
}

/// Sector 1 to 12 whose chamber's centre is nearest, and the local angle, if inside its window.
struct SectorHit {
  int sector;
  double phi_rad;
};

std::optional<SectorHit> find_sector(std::size_t station, double phi_rad) {
  const double low = detector::kWindowLow_rad[station];
  const double high = detector::kWindowHigh_rad[station];
  const auto nearest = std::lround((phi_rad - 0.5 * (low + high)) / kSectorAngle_rad);
  const double local_rad = phi_rad - static_cast<double>(nearest) * kSectorAngle_rad;
  if (local_rad <= low || local_rad >= high) return std::nullopt;
  const int wrapped = static_cast<int>(nearest % detector::kSectors + detector::kSectors);
  return SectorHit{wrapped % detector::kSectors + 1, local_rad};
}

Primitive measure(const Crossing& crossing, std::size_t station, MuonRandom& random) {
  using namespace detector;
  const std::size_t wheel = wheel_magnitude(crossing.z_m);
  const bool in_wheel =
      std::abs(std::abs(crossing.z_m) - kWheelCentre_m[wheel]) < kWheelHalfLength_m;
  const std::optional<SectorHit> hit = find_sector(station, crossing.phi_rad);
  if (!crossing.reached || !in_wheel || !hit) return {};
  const int quality = draw_quality(random);
  if (quality == 0 || random.uniform() >= kChamberAcceptance[station]) return {};

  // The chamber is flat: step along the straight track to its plane.
  const double h_m = kStationRadius_m[station] * std::sin(crossing.bend_rad);
  const double plane_m = 0.99 * kStationRadius_m[station] / std::cos(hit->phi_rad);
  double bend_rad = std::asin(std::clamp(h_m / plane_m, -0.999, 0.999));
  double phi_rad = hit->phi_rad + crossing.bend_rad - bend_rad;
  if (std::abs(bend_rad + phi_rad) > kSteepAngle_rad && random.uniform() < kSteepLoss) return {};

  const auto q = static_cast<std::size_t>(quality);
  const bool bad = random.uniform() < kBadSegmentProbability[q];
  phi_rad += random.normal() * kPositionSigma_m[q] / plane_m;
  bend_rad += random.normal() * kBendSigma_rad[q];
  if (bad) {
    phi_rad += random.laplace(kBadPhiScale_rad);
    bend_rad += random.normal() * kBadBendSigma_rad;
  }
  const int side = crossing.z_m < 0 ? -1 : 1;
  return {quality, side * static_cast<int>(wheel), hit->sector,
          digitise(phi_rad, kPhiUnitsPerRad, 2048), digitise(bend_rad, kBendUnitsPerRad, 512)};
}

double draw_pt(const Sample& sample, double u) {
  const double low = sample.pt_min_gev;
  const double high = sample.pt_max_gev;
  switch (sample.spectrum) {
    case Spectrum::flat:
      return low + (high - low) * u;
    case Spectrum::logflat:
      return low * std::pow(high / low, u);
    case Spectrum::invpt:
      return 1.0 / (1.0 / high + (1.0 / low - 1.0 / high) * u);
  }
  throw sluice::InternalError("E-MUON-001", "spectrum", "has no case");
}

Muon draw_muon(const Sample& sample, MuonRandom& random) {
  Muon muon;
  muon.pt_gev = draw_pt(sample, random.uniform());
  muon.eta = kEtaMax * (2.0 * random.uniform() - 1.0);
  muon.phi_rad = std::numbers::pi * (2.0 * random.uniform() - 1.0);
  muon.charge = random.uniform() < 0.5 ? 1 : -1;
  muon.z0_m = kVertexSigma_m * random.normal();
  return muon;
}

void check(const Sample& sample) {
  if (!(sample.pt_min_gev >= 1.0 && sample.pt_max_gev > sample.pt_min_gev &&
        sample.pt_max_gev <= 1e4)) {
    throw sluice::UsageError("E-MUON-003", "pT range",
                             "is [" + std::to_string(sample.pt_min_gev) + ", " +
                                 std::to_string(sample.pt_max_gev) + "] GeV",
                             "choose 1 <= minimum < maximum <= 10000");
  }
}

}  // namespace

Crossings trace(const Muon& muon, MuonRandom& random) { return trace_with(muon, random); }

Crossings trace_mean(const Muon& muon) {
  MeanFluctuations mean;
  return trace_with(muon, mean);
}

int delta_phi(const Primitive& inner, const Primitive& outer) noexcept {
  constexpr int kHalfTurn = detector::kSectors / 2;
  const int sectors =
      (outer.sector - inner.sector + kHalfTurn + detector::kSectors) % detector::kSectors -
      kHalfTurn;
  return outer.phi - inner.phi + detector::kPhiUnitsPerSector * sectors;
}

int Event::primitive_count() const noexcept {
  return static_cast<int>(std::ranges::count_if(primitives, &Primitive::found));
}

Spectrum parse_spectrum(std::string_view name) {
  if (name == "flat") return Spectrum::flat;
  if (name == "logflat") return Spectrum::logflat;
  if (name == "invpt") return Spectrum::invpt;
  throw sluice::UsageError("E-MUON-004", "spectrum", "is '" + std::string(name) + "'",
                           "choose flat, logflat or invpt");
}

Event simulate(const Sample& sample, std::uint64_t index) {
  MuonRandom random(sample.seed, index);
  Event event;
  event.index = index;
  event.muon = draw_muon(sample, random);
  const Crossings crossings = trace(event.muon, random);
  for (std::size_t station = 0; station < crossings.size(); ++station) {
    event.primitives[station] = measure(crossings[station], station, random);
  }
  return event;
}

EventStream::EventStream(const Sample& sample) : sample_(sample) { check(sample_); }

void EventStream::simulate_round(std::size_t missing) {
  constexpr std::size_t kBlock = 1024;
  constexpr std::size_t kBlocksPerRound = 64;
  // A little more than is missing, so that the last round is short.
  const std::size_t used = std::min(kBlocksPerRound, missing * 21 / 20 / kBlock + 1);
  std::vector<std::vector<Event>> blocks(used);
  tbb::parallel_for(std::size_t{0}, used, [&](std::size_t block) {
    for (std::size_t k = 0; k < kBlock; ++k) {
      const Event event = simulate(sample_, first_ + block * kBlock + k);
      if (event.primitive_count() >= sample_.min_primitives) blocks[block].push_back(event);
    }
  });
  first_ += used * kBlock;
  pending_.clear();
  taken_ = 0;
  for (const auto& block : blocks) pending_.insert(pending_.end(), block.begin(), block.end());
  if (pending_.empty()) {
    throw sluice::UsageError("E-MUON-005", "sample", "no muon of a block is accepted",
                             "raise the pT range or lower the required primitives");
  }
}

void EventStream::next(std::span<Event> events) {
  while (!events.empty()) {
    if (taken_ == pending_.size()) simulate_round(events.size());
    const std::size_t count = std::min(events.size(), pending_.size() - taken_);
    std::copy_n(pending_.begin() + static_cast<std::ptrdiff_t>(taken_), count, events.begin());
    taken_ += count;
    events = events.subspan(count);
  }
}

std::vector<Event> generate(const Sample& sample, std::int64_t events,
                            sluice::ProgressSink& progress) {
  constexpr std::size_t kPart = 65536;
  if (events < 0) throw sluice::UsageError("E-MUON-002", "events", "is negative");
  EventStream stream(sample);
  std::vector<Event> accepted(static_cast<std::size_t>(events));
  for (std::size_t done = 0; done < accepted.size();) {
    const std::size_t count = std::min(kPart, accepted.size() - done);
    stream.next(std::span(accepted).subspan(done, count));
    done += count;
    progress.update("simulate", done, accepted.size());
  }
  return accepted;
}

}  // namespace muon_pt
