#pragma once

#include <array>
#include <cmath>
#include <cstddef>

/// Geometry, field, material and response of a CMS-like muon barrel. Cylindrical frame: origin at
/// the beam, z along the beam and along the field. Calibrated against public CMS constants; not
/// endorsed by CMS.
namespace muon_pt::detector {

inline constexpr int kStations = 4;
inline constexpr std::array<double, kStations> kStationRadius_m = {4.31133, 5.12401, 6.17946, 7.23};

// Field. Inside the solenoid it is uniform; between kSolenoidEdge_m and kCoilOuter_m it is scaled
// so that the flux equals that of a uniform field up to kEffectiveRadius_m of the muon's wheel.
inline constexpr double kSolenoidField_t = 3.8;
inline constexpr double kSolenoidEdge_m = 3.0;
inline constexpr double kCoilOuter_m = 3.40;
inline constexpr std::array<double, 3> kEffectiveRadius_m = {3.215, 3.205, 3.06};

/// Effective return field in the yoke by |wheel| and layer: fitted to measured bending angles, not
/// a field map. Its direction is opposite to the solenoid's.
inline constexpr std::array<std::array<double, 3>, 3> kYokeField_t = {
    {{1.80, 1.30, 1.40}, {2.25, 1.25, 1.30}, {2.60, 1.25, 1.20}}};

/// A cylinder of matter; thicknesses are radial, at eta = 0.
struct Volume {
  double inner_m, outer_m;
  double radiation_lengths;
  double grammage_g_cm2;
  int slabs;          ///< steps in which loss and scattering are applied
  bool central_only;  ///< present only below kTailCatcherHalfLength_m in |z|
};

inline constexpr double kTailCatcherHalfLength_m = 1.268;

inline constexpr std::array<Volume, 5> kInnerVolumes = {{
    {0.40, 0.60, 0.8, 12.0, 1, false},    // tracker, lumped
    {1.29, 1.52, 25.8, 190.0, 2, false},  // electromagnetic calorimeter, 23 cm of PbWO4
    {1.81, 2.88, 64.0, 812.0, 4, false},  // hadron calorimeter, brass equivalent of 5.82 lambda
    {3.12, 3.40, 9.6, 165.0, 1, false},   // coil and vacuum vessel
    {3.84, 4.02, 10.2, 142.0, 1, true},   // tail catcher
}};

constexpr Volume iron(double inner_m, double outer_m, int slabs) {
  constexpr double kRadiationLength_m = 0.01757;
  constexpr double kGrammagePerMetre = 787.4;
  const double thickness_m = outer_m - inner_m;
  return {inner_m, outer_m, thickness_m / kRadiationLength_m, thickness_m * kGrammagePerMetre,
          slabs,   false};
}

/// Yoke layer k lies between stations k and k + 1.
inline constexpr std::array<Volume, 3> kYokeVolumes = {iron(4.560, 4.855, 2), iron(5.310, 5.940, 3),
                                                       iron(6.380, 7.010, 3)};

// Chambers. A sector spans 30 degrees; its local phi window depends on the station.
inline constexpr std::array<double, 3> kWheelCentre_m = {0.0, 2.66, 5.32};
inline constexpr double kWheelHalfLength_m = 1.22;
inline constexpr std::array<double, 2> kWheelBoundary_m = {1.33, 3.99};
inline constexpr int kSectors = 12;
inline constexpr std::array<double, kStations> kWindowLow_rad = {-0.145, -0.270, -0.200, -0.360};
inline constexpr std::array<double, kStations> kWindowHigh_rad = {0.310, 0.200, 0.265, 0.360};
inline constexpr std::array<double, kStations> kChamberAcceptance = {0.99, 0.98, 0.99, 0.91};

/// Nearest wheel without its sign: 0, 1 or 2.
inline std::size_t wheel_magnitude(double z_m) {
  const double distance_m = std::abs(z_m);
  return distance_m < kWheelBoundary_m[0] ? 0 : distance_m < kWheelBoundary_m[1] ? 1 : 2;
}

// Response by primitive quality: 0 no primitive, 2-3 one superlayer, 4-6 correlated segments.
inline constexpr int kQualities = 7;
inline constexpr int kGoodQuality = 4;
inline constexpr std::array<double, kQualities> kQualityProbability = {0.040, 0.0,   0.110, 0.080,
                                                                       0.025, 0.195, 0.550};
inline constexpr std::array<double, kQualities> kPositionSigma_m = {0,      0,       1.6e-3, 1.6e-3,
                                                                    0.9e-3, 0.75e-3, 0.6e-3};
inline constexpr std::array<double, kQualities> kBendSigma_rad = {0,      0,      44e-3, 44e-3,
                                                                  5.0e-3, 3.6e-3, 2.8e-3};
inline constexpr std::array<double, kQualities> kBadSegmentProbability = {0,    0,     0.06, 0.06,
                                                                          0.02, 0.015, 0.012};
inline constexpr double kBadPhiScale_rad = 6e-3;    ///< Laplace
inline constexpr double kBadBendSigma_rad = 60e-3;  ///< normal
inline constexpr double kSteepAngle_rad = 0.60;     ///< beyond it half of the segments are lost
inline constexpr double kSteepLoss = 0.5;

// Digitisation, as in the CMS barrel track finder.
inline constexpr int kPhiUnitsPerRad = 4096;
inline constexpr int kBendUnitsPerRad = 512;
inline constexpr int kPhiUnitsPerSector = 2144;  ///< the track finder's integer for 30 degrees

}  // namespace muon_pt::detector
