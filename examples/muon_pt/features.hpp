#pragma once

#include <array>
#include <string>

#include "muon_pt/simulator.hpp"

namespace muon_pt {

inline constexpr int kFeatures = 27;

/// Integer features before scaling. Slot j = 1..4 holds the j-th primitive found from inside out;
/// an empty slot is 0 everywhere. The order is: number of primitives; station, wheel, sector, bend
/// (1/512 rad), good quality (0 or 1) of the four slots each; |delta phi| (1/4096 rad, at most
/// 1023) of the slot pairs 12, 13, 14, 23, 24, 34.
std::array<int, kFeatures> integer_features(const Event& event) noexcept;

/// The network's inputs: real units times a power of two per feature, saturated to [-32, 32). Each
/// is exactly on the grid of 2^-10, so that ap_fixed<16,6> holds it without rounding.
std::array<float, kFeatures> scaled_features(const Event& event) noexcept;

/// Column names of the CSV form; quality there is the raw code 0..6 instead of 0 or 1.
std::array<std::string, kFeatures> feature_names();

/// Raw quality codes of the four slots.
std::array<int, kStations> slot_qualities(const Event& event) noexcept;

}  // namespace muon_pt
