#include "sluice/circuit/multipliers.hpp"

#include <gtest/gtest.h>

namespace sluice::circuit {
namespace {

constexpr OriginId kLayer{};
constexpr fixed::Format kByte{8, 0, true};

class MultipliersTest : public ::testing::Test {
 protected:
  ValueId input(const fixed::Format& format = kByte) {
    return f_.input(inputs_++, format, fixed::range_of(format), kLayer);
  }
  ValueId product(ValueId x, std::int64_t factor) {
    return f_.multiply(x, f_.constant(factor, 0, kLayer), kLayer);
  }

  Function f_;
  std::int64_t inputs_ = 0;
};

TEST_F(MultipliersTest, ASumMakesItsProductItself) {
  const ValueId m = product(input(), 93);
  const ValueId s = f_.add(input(), m, 0, kLayer);
  f_.add_output(s);
  const Multipliers multipliers(f_);
  EXPECT_TRUE(multipliers.is_inside(index(m)));
  EXPECT_FALSE(multipliers.behind(index(m)));
  ASSERT_TRUE(multipliers.behind(index(s)));
  EXPECT_EQ(multipliers.behind(index(s))->factor, 93);
  EXPECT_EQ(multipliers.behind(index(s))->addend, f_.instr(s).operands[0]);
}

TEST_F(MultipliersTest, ASubtrahendIsAddedNegatedAndAMinuendIsNot) {
  const ValueId x = input();
  const ValueId m = product(input(), 93);
  const ValueId difference = f_.sub(x, m, 0, kLayer);
  const ValueId other = f_.sub(product(input(), 77), x, 0, kLayer);
  f_.add_output(difference);
  f_.add_output(other);
  const Multipliers multipliers(f_);
  ASSERT_TRUE(multipliers.behind(index(difference)));
  EXPECT_EQ(multipliers.behind(index(difference))->factor, -93);
  EXPECT_FALSE(multipliers.behind(index(other)));
  EXPECT_TRUE(multipliers.behind(index(f_.instr(other).operands[0])));
}

TEST_F(MultipliersTest, SumsDoNotShareAProduct) {
  const ValueId m = product(input(), 93);
  const ValueId s = f_.add(input(), m, 0, kLayer);
  const ValueId t = f_.add(m, input(), 0, kLayer);
  f_.add_output(s);
  f_.add_output(t);
  const Multipliers shared(f_);
  EXPECT_TRUE(shared.is_inside(index(m)));
  EXPECT_TRUE(shared.behind(index(s)) && shared.behind(index(t)));
  f_.add_output(m);
  const Multipliers read(f_);
  EXPECT_FALSE(read.is_inside(index(m)));
  EXPECT_TRUE(read.behind(index(m)));
}

TEST_F(MultipliersTest, TheAddendMayBeShiftedButNotTheProduct) {
  const ValueId m = product(input(), 93);
  const ValueId s = f_.add(m, input(), 3, kLayer);
  const ValueId t = f_.add(input(), product(input(), 75), 2, kLayer);
  f_.add_output(s);
  f_.add_output(t);
  const Multipliers multipliers(f_);
  ASSERT_TRUE(multipliers.behind(index(s)));
  EXPECT_EQ(multipliers.behind(index(s))->addend_shift, 3);
  EXPECT_FALSE(multipliers.behind(index(t)));
}

TEST_F(MultipliersTest, BothFactorsMayVary) {
  const ValueId narrow = input({5, 0, false});
  const ValueId wide = input({12, 0, false});
  const ValueId m = f_.multiply(narrow, wide, kLayer);
  const ValueId s = f_.add(m, input(), 2, kLayer);
  const ValueId bit = f_.multiply(wide, input({1, 0, false}), kLayer);
  const ValueId n = f_.multiply(narrow, wide, kLayer);
  const ValueId difference = f_.sub(input(), n, 0, kLayer);
  for (const ValueId output : {s, bit, difference}) f_.add_output(output);
  const Multipliers multipliers(f_);
  EXPECT_TRUE(multipliers.is_inside(index(m)));
  ASSERT_TRUE(multipliers.behind(index(s)));
  EXPECT_EQ(multipliers.behind(index(s))->value, wide);
  EXPECT_EQ(multipliers.behind(index(s))->varying_factor, narrow);
  EXPECT_FALSE(multipliers.behind(index(bit))) << "an AND";
  EXPECT_FALSE(multipliers.behind(index(difference))) << "a multiplier does not negate";
  EXPECT_TRUE(multipliers.behind(index(n)));
}

TEST(SuitsMultiplier, KnowsThePortsAndWhatALutDoes) {
  EXPECT_TRUE(suits_multiplier({18, 0, true}, (1 << 26) - 1));
  EXPECT_FALSE(suits_multiplier({18, 0, false}, (1 << 26) - 1));
  EXPECT_TRUE(suits_multiplier({26, 0, false}, -(1 << 17) + 1));
  EXPECT_FALSE(suits_multiplier({19, 0, true}, (1 << 18) + 1));
  EXPECT_FALSE(suits_multiplier({16, 0, true}, 64));
  EXPECT_FALSE(suits_multiplier({4, 0, true}, 5));
  EXPECT_FALSE(suits_multiplier({16, 0, true}, 0));
  EXPECT_TRUE(suits_multiplier({17, 0, false}, fixed::Format{26, 0, false}));
  EXPECT_FALSE(suits_multiplier({18, 0, false}, fixed::Format{26, 0, false}));
  EXPECT_FALSE(suits_multiplier({5, 0, true}, fixed::Format{5, 0, true}));
}

}  // namespace
}  // namespace sluice::circuit
