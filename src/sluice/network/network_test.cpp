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

/// 7 for the least mantissa, then one more for each.
Lookup::Table table_over(const TensorType& x) {
  Interval all = x.ranges.front();
  for (const Interval& range : x.ranges) all = hull(all, range);
  Lookup::Table table{all.min, {}};
  for (std::int64_t i = all.min; i <= all.max; ++i) table.mantissas.push_back(7 + i - all.min);
  return table;
}

Network small_network() {
  Network network("small net");
  const LayerId x = network.append("in put", Input{{2}, kByte}, {});
  const LayerId d =
      network.append("dense", Dense{2, 3, {1, 0, -2, 3, 0, 4}, 2, {5, -6, 7}, 8}, {x});
  const LayerId a = network.append("bn", Affine{{1, -1, 3}, 1, {0, 1, 2}, 0}, {d});
  const LayerId c = network.append("relu", Clamp{0, 96, 4}, {a});
  const LayerId q = network.append("q", Quantize{{kNibble, kByte, kNibble}}, {c});
  const LayerId r = network.append("r", Reshape{{3, 1}}, {q});
  const LayerId g = network.append("g", Gather{{2, 2}, {0, -1, 3, 2}}, {r, x});
  const LayerId m = network.append("m", Merge{Merge::Kind::subtract}, {g, g});
  const LayerId s = network.append("s", Reduce{Reduce::Kind::maximum}, {m});
  network.add_output(network.append("t", Lookup{{table_over(network.layer(s).type)}, 3}, {s}));
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

TEST(Network, InfersRangesOfMovesMergesAndTables) {
  Network network;
  const LayerId a = network.append("a", Input{{2}, {{3, 1, true}}}, {});
  const LayerId b = network.append("b", Input{{2}, {{2, 0, false}}}, {});
  const auto type = [&](std::string name, LayerOp op, std::vector<LayerId> operands) {
    return network.layer(network.append(std::move(name), std::move(op), std::move(operands))).type;
  };
  // [-4, 3] halves and [0, 3] wholes: on the finer grid [0, 6].
  const TensorType gathered = type("gather", Gather{{3}, {3, -1, 0}}, {a, b});
  EXPECT_EQ(gathered.ranges, (std::vector<Interval>{{0, 6}, {0, 0}, {-4, 3}}));
  EXPECT_EQ(gathered.format, (fixed::Format{4, 1, true}));
  const auto merged = [&](Merge::Kind kind) {
    return type(std::string(to_string(kind)), Merge{kind}, {a, b});
  };
  EXPECT_EQ(merged(Merge::Kind::add).ranges[0], (Interval{-4, 9}));
  EXPECT_EQ(merged(Merge::Kind::subtract).ranges[0], (Interval{-10, 3}));
  EXPECT_EQ(merged(Merge::Kind::multiply).ranges[0], (Interval{-12, 9}));
  EXPECT_EQ(merged(Merge::Kind::maximum).ranges[0], (Interval{0, 6}));
  EXPECT_EQ(merged(Merge::Kind::minimum).ranges[0], (Interval{-4, 3}));
  EXPECT_EQ(network.layer(*network.find("multiply")).type.format.frac_bits, 1);
  const Lookup square{{{-4, {8, 5, 2, 1, 0, 1, 2, 5}}}, 0};
  EXPECT_EQ(type("lookup", square, {a}).ranges[0], (Interval{0, 8}));
}

TEST(Network, InfersRangesOfReductions) {
  Network network;
  const LayerId x = network.append("x", Input{{2, 3}, {{3, 0, true}}}, {});
  const auto reduced = [&](Reduce::Kind kind) {
    const LayerId id = network.append(std::string(to_string(kind)), Reduce{kind}, {x});
    return network.layer(id).type;
  };
  EXPECT_EQ(reduced(Reduce::Kind::sum).ranges, (std::vector<Interval>(2, {-12, 9})));
  EXPECT_EQ(reduced(Reduce::Kind::maximum).ranges, (std::vector<Interval>(2, {-4, 3})));
  EXPECT_EQ(reduced(Reduce::Kind::minimum).shape, (Shape{2}));
  const LayerId scalar = network.append("all", Reduce{}, {*network.find("sum")});
  EXPECT_EQ(network.layer(scalar).type.shape, Shape{});
  EXPECT_THROW(network.append("none", Reduce{}, {scalar}), ModelError);
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
  expect_refused(Gather{{2}, {0, 2}}, {x});
  expect_refused(Gather{{2}, {0, -2}}, {x});
  expect_refused(Gather{{3}, {0, 1}}, {x});
  expect_refused(Gather{{1}, {-1}}, {});
  expect_refused(Merge{}, {x});
  expect_refused(Lookup{{{-128, {1, 2}}}, 0}, {x});
  expect_refused(Lookup{{}, 0}, {x});
  expect_refused(Dense{2, 1, {std::int64_t{1} << 60, 1}, 0, {0}, 0}, {x});
  EXPECT_THROW(network.append("x", Clamp{}, {x}), ModelError);
  EXPECT_EQ(network.layers().size(), 1u);
}

}  // namespace
}  // namespace sluice::network
