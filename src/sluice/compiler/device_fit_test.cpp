#include "sluice/compiler/device_fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::compiler {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

synth::Estimate estimate_of(std::vector<synth::LayerEstimate> layers) {
  synth::Estimate estimate{.layers = std::move(layers), .total = {.layer = "total"}};
  for (const synth::LayerEstimate& layer : estimate.layers) estimate.total.area += layer.area;
  return estimate;
}

constexpr synth::DeviceCells kDevice{
    .name = "X1", .luts = 100, .flip_flops = 50, .dsps = 4, .block_rams = 2};

TEST(DeviceFit, NothingIsSaidOfWhatFits) {
  const synth::Estimate estimate = estimate_of(
      {{"a", {.luts = 60, .flip_flops = 50, .dsps = 4, .block_rams = 2}}, {"b", {.luts = 40}}});
  EXPECT_THAT(device_warnings(estimate, kDevice), IsEmpty());
}

TEST(DeviceFit, NamesTheLargeLayersAndWhatWouldHelp) {
  const synth::Estimate estimate = estimate_of(
      {{"small", {.luts = 1, .dsps = 5}}, {"large", {.luts = 80}}, {"medium", {.luts = 20}}});
  const std::vector<Diagnostic> warnings = device_warnings(estimate, kDevice);
  ASSERT_THAT(warnings, SizeIs(3));
  EXPECT_EQ(warnings[0].code, "W-COMPILER-004");
  EXPECT_EQ(warnings[0].subject, "large");
  EXPECT_EQ(warnings[0].message,
            "takes 80 of the 101 LUT of a network that does not fit an X1, which has 100");
  EXPECT_THAT(warnings[0].hint, HasSubstr("--reuse"));
  EXPECT_EQ(warnings[1].subject, "medium");
  EXPECT_EQ(warnings[2].subject, "small");
  EXPECT_THAT(warnings[2].message, HasSubstr("5 of the 5 DSP48E2"));
}

}  // namespace
}  // namespace sluice::compiler
