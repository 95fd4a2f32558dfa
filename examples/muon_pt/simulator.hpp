#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "muon_pt/detector.hpp"
#include "muon_pt/random.hpp"
#include "sluice/base/progress.hpp"

namespace muon_pt {

using detector::kStations;

/// A muon where it is produced. The transverse origin is the beam.
struct Muon {
  int charge = 1;  ///< +1 or -1
  double pt_gev = 0.0;
  double eta = 0.0;
  double phi_rad = 0.0;
  double z0_m = 0.0;
};

/// A muon at the radius of a station. `bend_rad` is the angle from the radial direction to the
/// transverse momentum, which is what a chamber measures as bending angle.
struct Crossing {
  bool reached = false;
  double phi_rad = 0.0;
  double bend_rad = 0.0;
  double z_m = 0.0;
  double pt_gev = 0.0;
};

using Crossings = std::array<Crossing, kStations>;

/// Tracks a muon through field and matter to the four stations. A muon that stops or curls reaches
/// no further station.
Crossings trace(const Muon& muon, MuonRandom& random);

/// The same without fluctuations: no scattering, mean energy loss.
Crossings trace_mean(const Muon& muon);

/// What a station's chamber reports; all fields are the trigger's integers.
struct Primitive {
  int quality = 0;  ///< 2 to 6; 0 says that there is no primitive
  int wheel = 0;    ///< -2 to 2
  int sector = 0;   ///< 1 to 12
  int phi = 0;      ///< in the sector, 1/4096 rad
  int bend = 0;     ///< 1/512 rad

  bool found() const noexcept { return quality > 0; }
  bool good() const noexcept { return quality >= detector::kGoodQuality; }
};

/// Azimuthal difference outer - inner in 1/4096 rad; sectors differ by 2144 units.
int delta_phi(const Primitive& inner, const Primitive& outer) noexcept;

struct Event {
  std::uint64_t index = 0;  ///< of the muon in its sample, counting those not accepted
  Muon muon;
  std::array<Primitive, kStations> primitives;  ///< by station

  int primitive_count() const noexcept;
};

enum class Spectrum {
  flat,     ///< uniform in pT
  logflat,  ///< uniform in log(pT)
  invpt     ///< uniform in 1/pT
};

/// "flat", "logflat" or "invpt"; throws sluice::UsageError for another word.
Spectrum parse_spectrum(std::string_view name);

/// Muons with |eta| < 0.9, both charges, from the beam line.
struct Sample {
  std::uint64_t seed = 1;
  Spectrum spectrum = Spectrum::flat;
  double pt_min_gev = 3.0;
  double pt_max_gev = 200.0;
  int min_primitives = 2;  ///< acceptance: stations with a primitive
};

/// Muon `index` of a sample, accepted or not.
Event simulate(const Sample& sample, std::uint64_t index);

/// The accepted muons of a sample in the order of their index, a part at a time: what comes does
/// not depend on the sizes of the parts.
class EventStream {
 public:
  /// Throws sluice::UsageError for a pT range that cannot be.
  explicit EventStream(const Sample& sample);

  /// Simulates the next `events.size()` accepted muons on the threads of the caller's oneTBB arena;
  /// their number does not change the result. Throws sluice::UsageError for a sample in which no
  /// muon is accepted.
  void next(std::span<Event> events);

 private:
  void simulate_round(std::size_t missing);

  Sample sample_;
  std::uint64_t first_ = 0;     ///< index of the first muon not simulated yet
  std::vector<Event> pending_;  ///< accepted, and not handed out from `taken_` on
  std::size_t taken_ = 0;
};

/// The first `events` accepted muons of a sample, as from EventStream. Throws sluice::UsageError
/// also for `events` < 0.
std::vector<Event> generate(const Sample& sample, std::int64_t events,
                            sluice::ProgressSink& progress = sluice::no_progress());

}  // namespace muon_pt
