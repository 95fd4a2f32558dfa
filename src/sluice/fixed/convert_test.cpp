#include "sluice/fixed/convert.hpp"

#include <gtest/gtest.h>

#include "sluice/base/error.hpp"

namespace sluice::fixed {
namespace {

TEST(Convert, ApFixed) {
  EXPECT_EQ(from_ap_fixed(16, 6, true), (Format{16, 10, true}));
  EXPECT_EQ(from_ap_fixed(8, 10, false), (Format{8, -2, false}));
  EXPECT_EQ(parse_ap_fixed("ap_fixed<16,6>"),
            (Quantizer{{16, 10, true}, Rounding::trn, Overflow::wrap}));
  EXPECT_EQ(parse_ap_fixed("ap_ufixed<8, 0, AP_RND_CONV, AP_SAT>"),
            (Quantizer{{8, 8, false}, Rounding::rnd_conv, Overflow::sat}));
  EXPECT_EQ(parse_ap_fixed("fixed<12,-2,RND>"),
            (Quantizer{{12, 14, true}, Rounding::rnd, Overflow::wrap}));
  EXPECT_EQ(parse_ap_fixed("ap_uint<5>").format, (Format{5, 0, false}));
  for (const char* bad :
       {"", "ap_fixed", "ap_fixed<>", "ap_fixed<a,b>", "float<16,6>", "ap_fixed<65,6>",
        "ap_fixed<16,6,BAD>", "ap_fixed<1,2,RND,SAT,0>", "ap_int<4,2>", "ap_fixed<16,6"}) {
    EXPECT_THROW(parse_ap_fixed(bad), ModelError) << bad;
  }
}

TEST(Convert, QKerasBits) {
  // quantized_bits(6, 0): multiples of 1/32 in [-1, 31/32].
  EXPECT_EQ(from_qkeras_bits(6, 0, true, false),
            (Quantizer{{6, 5, true}, Rounding::rnd_conv, Overflow::sat}));
  // quantized_bits(12, 6): multiples of 1/32 in [-64, 64 - 1/32].
  EXPECT_EQ(from_qkeras_bits(12, 6, true, false).format, (Format{12, 5, true}));
  EXPECT_EQ(from_qkeras_bits(8, 2, false, false).format, (Format{8, 6, false}));
  EXPECT_EQ(from_qkeras_bits(8, 0, true, true).overflow, Overflow::sat_sym);
}

TEST(Convert, QKerasRelu) {
  // quantized_relu(6): multiples of 1/64 in [0, 63/64]; quantized_relu(6, 6): integers 0 to 63.
  EXPECT_EQ(from_qkeras_relu(6, 0).format, (Format{6, 6, false}));
  EXPECT_EQ(from_qkeras_relu(6, 6).format, (Format{6, 0, false}));
}

TEST(Convert, Hgq) {
  EXPECT_EQ(from_hgq(true, 2, 5), (Format{8, 5, true}));
  EXPECT_EQ(from_hgq(false, 3, -1), (Format{2, -1, false}));
  EXPECT_EQ(from_hgq(true, -4, 3).width, 0);
}

TEST(Convert, Qonnx) {
  EXPECT_EQ(from_qonnx(1.0 / 32, 6, true), (Format{6, 5, true}));
  EXPECT_EQ(from_qonnx(4.0, 8, false), (Format{8, -2, false}));
  EXPECT_THROW(from_qonnx(0.1, 6, true), ModelError);
  EXPECT_THROW(from_qonnx(0.0, 6, true), ModelError);
  EXPECT_THROW(from_qonnx(0.5, 6.5, true), ModelError);
}

}  // namespace
}  // namespace sluice::fixed
