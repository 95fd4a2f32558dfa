#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace muon_pt {

/// The random numbers of one muon: draw k is a pure function of (seed, muon index, k), so muons may
/// be simulated in any order by any number of threads. SplitMix64 from a hashed starting state.
class MuonRandom {
 public:
  MuonRandom(std::uint64_t seed, std::uint64_t muon_index) noexcept
      : state_(mix(mix(seed + kWeyl) ^ mix(muon_index + 2 * kWeyl))) {}

  /// Uniform in the open interval (0, 1), on a grid of 2^-53.
  double uniform() noexcept {
    state_ += kWeyl;
    return (static_cast<double>(mix(state_) >> 12) + 0.5) * 0x1p-52;
  }

  /// Standard normal by Box and Muller; written out because std::normal_distribution differs
  /// between standard libraries.
  double normal() noexcept {
    if (has_spare_normal_) {
      has_spare_normal_ = false;
      return spare_normal_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_normal_ = radius * std::sin(angle);
    has_spare_normal_ = true;
    return radius * std::cos(angle);
  }

  /// Exponential of mean 1.
  double exponential() noexcept { return -std::log(uniform()); }

  /// Double exponential of mean 0: density exp(-|x|/scale) / (2 scale).
  double laplace(double scale) noexcept {
    const double magnitude = scale * exponential();
    return uniform() < 0.5 ? -magnitude : magnitude;
  }

 private:
  static constexpr std::uint64_t kWeyl = 0x9e3779b97f4a7c15;

  static constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }

  std::uint64_t state_;
  double spare_normal_ = 0.0;
  bool has_spare_normal_ = false;
};

}  // namespace muon_pt
