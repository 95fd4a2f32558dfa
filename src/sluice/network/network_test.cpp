#include "sluice/network/network.hpp"

#include <gtest/gtest.h>

#include "sluice/base/error.hpp"
#include "sluice/network/text.hpp"
#include "sluice/network/verify.hpp"

namespace sluice::network {
namespace {

using fixed::Interval;
using fixed::Overflow;
using fixed::Quantizer;
using fixed::Rounding;

const Quantizer kByte{{8, 4, true}, Rounding::rnd_conv, Overflow::sat};
const Quantizer kNibble{{4, 4, false}, Rounding::trn, Overflow::sat};

Network small_network() {
  Network network("small net");
  const LayerId x = network.append("in put", Input{{2}, kByte}, {});
  const LayerId d =
      network.append("dense", Dense{2, 3, {1, 0, -2, 3, 0, 4}, 2, {5, -6, 7}, 8}, {x});
  const LayerId a = network.append("bn", Affine{{1, -1, 3}, 1, {0, 1, 2}, 0}, {d});
  const LayerId c = network.append("relu", Clamp{0, 96, 4}, {a});
  const LayerId q = network.append("q", Quantize{{kNibble, kByte, kNibble}}, {c});
  network.add_output(network.append("r", Reshape{{3, 1}}, {q}));
  return network;
}

TEST(Network, InfersExactRanges) {
  const Network network = small_network();
  const auto ranges = [&](const char* name) {
    return network.layer(*network.find(name)).type.ranges;
  };
  EXPECT_EQ(ranges("in put"), (std::vector<Interval>(2, {-128, 127})));
  // Products have 6 fractional bits, the bias 8: sums are shifted by 2.
  const TensorType& dense = network.layer(*network.find("dense")).type;
  EXPECT_EQ(dense.format.frac_bits, 8);
  EXPECT_EQ(dense.ranges[0], (Interval{4 * (-128 - 3 * 128) + 5, 4 * (127 + 3 * 127) + 5}));
  EXPECT_EQ(dense.ranges[1], (Interval{-6, -6}));
  EXPECT_EQ(dense.ranges[2], (Interval{4 * (-2 * 127 - 4 * 128) + 7, 4 * (2 * 128 + 4 * 127) + 7}));
  EXPECT_EQ(ranges("relu")[1].min, ranges("relu")[1].max);
  EXPECT_EQ(network.layer(*network.find("q")).type.format.frac_bits, 4);
}

TEST(Network, TextRoundTrips) {
  const Network network = small_network();
  const std::string text = print(network);
  const Network back = parse(text, "test");
  EXPECT_EQ(back, network) << text;
  EXPECT_EQ(print(back), text);
  EXPECT_NO_THROW(verify(back));
}

TEST(Network, MalformedTextIsRefusedWithItsLine) {
  const std::string text = print(small_network());
  for (std::size_t size = 0; size < text.size(); size += 3) {
    try {
      const Network partial = parse(text.substr(0, size), "test");
      verify(partial);
      ADD_FAILURE() << "accepted a prefix of " << size << " bytes";
    } catch (const ModelError&) {
    } catch (const InternalError&) {
    }
  }
  try {
    parse("network \"n\"\nnonsense\n", "file.txt");
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_NE(std::string(error.what()).find("file.txt:2"), std::string::npos) << error.what();
  }
}

TEST(Network, WrongUseNamesTheLayer) {
  Network network;
  const LayerId x = network.append("x", Input{{2}, kByte}, {});
  const auto expect_refused = [&](LayerOp op, std::vector<LayerId> operands) {
    try {
      network.append("culprit", std::move(op), std::move(operands));
      ADD_FAILURE();
    } catch (const ModelError& error) {
      EXPECT_NE(std::string(error.what()).find("culprit"), std::string::npos) << error.what();
    }
  };
  expect_refused(Dense{3, 1, {1, 2, 3}, 0, {0}, 0}, {x});
  expect_refused(Dense{2, 1, {1}, 0, {0}, 0}, {x});
  expect_refused(Dense{2, 1, {1, 1}, 0, {0}, 0}, {x, x});
  expect_refused(Clamp{3, 2, 0}, {x});
  expect_refused(Quantize{{kByte, kByte, kByte}}, {x});
  expect_refused(Reshape{{3}}, {x});
  expect_refused(Reshape{{-1}}, {x});
  expect_refused(Clamp{}, {static_cast<LayerId>(7)});
  expect_refused(Dense{2, 1, {std::int64_t{1} << 60, 1}, 0, {0}, 0}, {x});
  EXPECT_THROW(network.append("x", Clamp{}, {x}), ModelError);
  EXPECT_EQ(network.layers().size(), 1u);
}

}  // namespace
}  // namespace sluice::network
