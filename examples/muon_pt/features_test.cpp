#include "muon_pt/features.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace muon_pt {
namespace {

/// Stations 1, 3 and 4 of a steep muon that changes the sector.
Event three_primitives() {
  Event event;
  event.primitives[0] = {.quality = 6, .wheel = -1, .sector = 12, .phi = 1000, .bend = -300};
  event.primitives[2] = {.quality = 3, .wheel = -2, .sector = 1, .phi = -1050, .bend = 40};
  event.primitives[3] = {.quality = 4, .wheel = -2, .sector = 1, .phi = -1000, .bend = -7};
  return event;
}

TEST(Features, CompactsSlotsFromInsideOut) {
  EXPECT_THAT(integer_features(three_primitives()),
              testing::ElementsAre(3,                       // primitives
                                   1, 3, 4, 0,              // station
                                   -1, -2, -2, 0,           // wheel
                                   12, 1, 1, 0,             // sector
                                   -300, 40, -7, 0,         // bend
                                   1, 0, 1, 0,              // quality
                                   94, 144, 0, 50, 0, 0));  // |delta phi| of slots
  EXPECT_THAT(slot_qualities(three_primitives()), testing::ElementsAre(6, 3, 4, 0));
}

TEST(Features, ScalesByPowersOfTwo) {
  const auto x = scaled_features(three_primitives());
  EXPECT_EQ(x[0], 3.0F);
  EXPECT_EQ(x[9], 12.0F / 4);            // 2^-2 on the sector
  EXPECT_EQ(x[13], -300.0F / 512 * 8);   // 2^3 on rad
  EXPECT_EQ(x[14], 40.0F / 512 * 16);    // 2^4
  EXPECT_EQ(x[15], -7.0F / 512 * 32);    // 2^5
  EXPECT_EQ(x[21], 94.0F / 4096 * 64);   // 2^6
  EXPECT_EQ(x[24], 50.0F / 4096 * 128);  // 2^7
}

TEST(Features, SaturateInsideTheFormat) {
  Event event;
  for (std::size_t s = 0; s < event.primitives.size(); ++s) {
    event.primitives[s] = {.quality = 6, .sector = 1 + static_cast<int>(s), .bend = -512};
  }
  EXPECT_EQ(integer_features(event)[26], 1023);
  const auto x = scaled_features(event);
  EXPECT_EQ(x[26], 32.0F - 0x1p-10F);  // 1023/4096 rad * 2^9 is 127.9
  EXPECT_EQ(x[16], -32.0F);
}

TEST(Features, AreOnTheGridOfTheNetworksInput) {
  for (const Event& event : generate({.seed = 9}, 5000)) {
    for (const float value : scaled_features(event)) {
      const float mantissa = value * 1024.0F;
      ASSERT_EQ(mantissa, std::round(mantissa));
      ASSERT_GE(mantissa, -32768.0F);
      ASSERT_LE(mantissa, 32767.0F);
    }
  }
}

TEST(Features, HaveTheColumnNamesOfTheCsvForm) {
  EXPECT_THAT(
      feature_names(),
      testing::ElementsAre(
          "n_Primitive", "1dtPrimitive.id_r", "2dtPrimitive.id_r", "3dtPrimitive.id_r",
          "4dtPrimitive.id_r", "1dtPrimitive.id_eta", "2dtPrimitive.id_eta", "3dtPrimitive.id_eta",
          "4dtPrimitive.id_eta", "1dtPrimitive.id_phi", "2dtPrimitive.id_phi",
          "3dtPrimitive.id_phi", "4dtPrimitive.id_phi", "1dtPrimitive.phiB", "2dtPrimitive.phiB",
          "3dtPrimitive.phiB", "4dtPrimitive.phiB", "1dtPrimitive.quality", "2dtPrimitive.quality",
          "3dtPrimitive.quality", "4dtPrimitive.quality", "delta_phi12", "delta_phi13",
          "delta_phi14", "delta_phi23", "delta_phi24", "delta_phi34"));
}

}  // namespace
}  // namespace muon_pt
