#include "muon_pt/features.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace muon_pt {

namespace {

constexpr std::size_t kSlots = kStations;
constexpr int kMaxDeltaPhi = 1023;

// Positions of the groups in the vector.
constexpr std::size_t kStation = 1, kWheel = 5, kSector = 9, kBend = 13, kQuality = 17,
                      kDeltaPhi = 21;

constexpr std::array<std::pair<std::size_t, std::size_t>, 6> kSlotPairs = {
    {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}};

/// Binary exponent of integer feature to scaled feature: the scale of the real value less the
/// 9 or 12 fractional bits of an angle's integer.
constexpr std::array<int, kFeatures> kScaleExponent = {0,  // number of primitives
                                                       0,      0,      0,      0,      // station
                                                       0,      0,      0,      0,      // wheel
                                                       -2,     -2,     -2,     -2,     // sector
                                                       3 - 9,  4 - 9,  5 - 9,  5 - 9,  // bend
                                                       0,      0,      0,      0,      // quality
                                                       6 - 12, 6 - 12, 6 - 12, 7 - 12,
                                                       7 - 12, 9 - 12};  // delta phi

struct Slots {
  std::array<Primitive, kSlots> primitive;
  std::array<int, kSlots> station{};
  std::size_t used = 0;
};

Slots compact(const Event& event) noexcept {
  Slots slots;
  for (std::size_t station = 0; station < kSlots; ++station) {
    if (!event.primitives[station].found()) continue;
    slots.primitive[slots.used] = event.primitives[station];
    slots.station[slots.used++] = static_cast<int>(station) + 1;
  }
  return slots;
}

}  // namespace

std::array<int, kFeatures> integer_features(const Event& event) noexcept {
  const Slots slots = compact(event);
  std::array<int, kFeatures> features{};
  features[0] = static_cast<int>(slots.used);
  for (std::size_t slot = 0; slot < slots.used; ++slot) {
    const Primitive& primitive = slots.primitive[slot];
    features[kStation + slot] = slots.station[slot];
    features[kWheel + slot] = primitive.wheel;
    features[kSector + slot] = primitive.sector;
    features[kBend + slot] = primitive.bend;
    features[kQuality + slot] = primitive.good() ? 1 : 0;
  }
  for (std::size_t pair = 0; pair < kSlotPairs.size(); ++pair) {
    const auto [inner, outer] = kSlotPairs[pair];
    if (outer >= slots.used) continue;
    const int difference = std::abs(delta_phi(slots.primitive[inner], slots.primitive[outer]));
    features[kDeltaPhi + pair] = std::min(difference, kMaxDeltaPhi);
  }
  return features;
}

std::array<float, kFeatures> scaled_features(const Event& event) noexcept {
  constexpr float kLargest = 32.0F - 0x1p-10F;
  const auto integers = integer_features(event);
  std::array<float, kFeatures> scaled{};
  for (std::size_t i = 0; i < scaled.size(); ++i) {
    const float value = std::ldexp(static_cast<float>(integers[i]), kScaleExponent[i]);
    scaled[i] = std::clamp(value, -32.0F, kLargest);
  }
  return scaled;
}

std::array<int, kStations> slot_qualities(const Event& event) noexcept {
  const Slots slots = compact(event);
  std::array<int, kStations> qualities{};
  for (std::size_t slot = 0; slot < slots.used; ++slot) {
    qualities[slot] = slots.primitive[slot].quality;
  }
  return qualities;
}

std::array<std::string, kFeatures> feature_names() {
  std::array<std::string, kFeatures> names;
  names[0] = "n_Primitive";
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const std::string prefix = std::to_string(slot + 1) + "dtPrimitive.";
    names[kStation + slot] = prefix + "id_r";
    names[kWheel + slot] = prefix + "id_eta";
    names[kSector + slot] = prefix + "id_phi";
    names[kBend + slot] = prefix + "phiB";
    names[kQuality + slot] = prefix + "quality";
  }
  for (std::size_t pair = 0; pair < kSlotPairs.size(); ++pair) {
    const auto [inner, outer] = kSlotPairs[pair];
    names[kDeltaPhi + pair] = "delta_phi" + std::to_string(inner + 1) + std::to_string(outer + 1);
  }
  return names;
}

}  // namespace muon_pt
