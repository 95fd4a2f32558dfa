#include "sluice/network/pack.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/network/testing/reference_evaluate.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::network {
namespace {

constexpr fixed::Quantizer kByte{{8, 2, true}};

Network two_of_each(const fixed::Quantizer& second) {
  Network network("pair");
  const LayerId a = network.append("inputs", Input{{2}, kByte}, {});
  const LayerId b = network.append("b", Input{{2, 1}, second}, {});
  const LayerId flat = network.append("flat", Reshape{{2}}, {b});
  network.add_output(network.append("sum", Merge{Merge::Kind::add}, {a, flat}));
  network.add_output(network.append("product", Merge{Merge::Kind::multiply}, {a, flat}));
  network.add_output(a);
  return network;
}

TEST(Pack, LaysInputsAndOutputsInARow) {
  const Network one = packed(two_of_each(kByte));
  EXPECT_NO_THROW(verify(one));
  ASSERT_EQ(one.inputs().size(), 1u);
  ASSERT_EQ(one.outputs().size(), 1u);
  EXPECT_EQ(one.layer(one.inputs()[0]).name, "inputs_");
  EXPECT_EQ(one.layer(one.outputs()[0]).type.shape, Shape{6});
  EXPECT_EQ(one.layer(one.outputs()[0]).type.format.frac_bits, 4);
  // Sums and inputs have 2 fractional bits, products 4.
  const std::vector<std::int64_t> event{3, 5, 7, -2};
  EXPECT_EQ(testing::reference_evaluate(one, event),
            (std::vector<std::int64_t>{40, 12, 21, -10, 12, 20}));
}

TEST(Pack, LeavesANetworkWithOneOfEachAlone) {
  Network network("one");
  const LayerId x = network.append("x", Input{{2}, kByte}, {});
  network.add_output(network.append("y", Clamp{0, std::nullopt, 0}, {x}));
  EXPECT_EQ(packed(network), network);
}

TEST(Pack, RefusesInputsOfDifferentFormats) {
  try {
    packed(two_of_each({{9, 2, true}}));
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("b: is rounded to"));
    EXPECT_THAT(error.hint(), ::testing::HasSubstr("InputLayer"));
  }
}

}  // namespace
}  // namespace sluice::network
