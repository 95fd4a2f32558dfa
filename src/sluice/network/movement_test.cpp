#include "sluice/network/movement.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "sluice/network/testing/reference_evaluate.hpp"

namespace sluice::network {
namespace {

using Values = std::vector<std::int64_t>;

/// What the gather makes of 1, 2, 3, ... in `shape`.
Values moved(const Shape& shape, Gather gather) {
  Network network;
  const LayerId x = network.append("x", Input{shape, {{16, 0, true}}}, {});
  network.add_output(network.append("moved", std::move(gather), {x}));
  Values event(static_cast<std::size_t>(element_count(shape)));
  std::iota(event.begin(), event.end(), 1);
  return testing::reference_evaluate(network, event);
}

constexpr std::array kOneAxis{WindowAxis{.size = 3, .pad_before = 1, .pad_after = 1}};

TEST(Movement, WindowsForAConvolution) {
  const Gather windows = sliding_windows({3, 2}, kOneAxis, WindowOrder::taps_channels);
  EXPECT_EQ(windows.shape, (Shape{3, 6}));
  EXPECT_EQ(moved({3, 2}, windows), (Values{0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 3, 4, 5, 6, 0, 0}));
}

TEST(Movement, WindowsForAPooling) {
  const Gather zeros = sliding_windows({3, 2}, kOneAxis, WindowOrder::channels_taps);
  EXPECT_EQ(zeros.shape, (Shape{3, 2, 3}));
  EXPECT_EQ(moved({3, 2}, zeros), (Values{0, 1, 3, 0, 2, 4, 1, 3, 5, 2, 4, 6, 3, 5, 0, 4, 6, 0}));
  const Gather inside =
      sliding_windows({3, 2}, kOneAxis, WindowOrder::channels_taps, WindowPadding::repeat);
  EXPECT_EQ(moved({3, 2}, inside), (Values{3, 1, 3, 4, 2, 4, 1, 3, 5, 2, 4, 6, 3, 5, 5, 4, 6, 6}));
}

TEST(Movement, WindowsOverTwoAxesStrideAndDilate) {
  const std::array axes{WindowAxis{.size = 2, .stride = 2}, WindowAxis{.size = 2, .dilation = 2}};
  const Gather windows = sliding_windows({4, 3, 1}, axes, WindowOrder::taps_channels);
  EXPECT_EQ(windows.shape, (Shape{2, 1, 4}));
  EXPECT_EQ(moved({4, 3, 1}, windows), (Values{1, 3, 4, 6, 7, 9, 10, 12}));
  EXPECT_EQ((WindowAxis{.size = 5}.positions(4)), 0);
}

TEST(Movement, Permutes) {
  const Gather gather = permute({2, 3}, std::array<std::int64_t, 2>{1, 0});
  EXPECT_EQ(gather.shape, (Shape{3, 2}));
  EXPECT_EQ(moved({2, 3}, gather), (Values{1, 4, 2, 5, 3, 6}));
}

TEST(Movement, ConcatenatesAlongAnyAxis) {
  const std::array<Shape, 2> shapes{Shape{2, 1}, Shape{2, 2}};
  const Gather gather = concatenate(shapes, 1);
  EXPECT_EQ(gather.shape, (Shape{2, 3}));
  EXPECT_EQ(gather.indices, (Values{0, 2, 3, 1, 4, 5}));
  const std::array<Shape, 2> rows{Shape{1, 2}, Shape{2, 2}};
  EXPECT_EQ(concatenate(rows, 0).indices, (Values{0, 1, 2, 3, 4, 5}));
}

TEST(Movement, PadsCropsAndRepeats) {
  using Pair = std::array<std::int64_t, 2>;
  EXPECT_EQ(moved({2, 2}, pad({2, 2}, Pair{1, 0}, Pair{0, 1})),
            (Values{0, 0, 0, 1, 2, 0, 3, 4, 0}));
  EXPECT_EQ(moved({3, 2}, pad({3, 2}, Pair{-1, 0}, Pair{-1, 0})), (Values{3, 4}));
  EXPECT_EQ(moved({2, 2}, repeat({2, 2}, Pair{1, 2})), (Values{1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(moved({2, 3}, slice({2, 3}, Pair{1, 2}, Pair{1, -2}, Pair{1, 2})), (Values{6, 4}));
}

TEST(Movement, StepsStacksAndSpreads) {
  EXPECT_EQ(moved({2, 3}, take({2, 3}, 1, std::array<std::int64_t, 4>{2, 0, 0, 1})),
            (Values{3, 1, 1, 2, 6, 4, 4, 5}));
  EXPECT_EQ(moved({2, 3}, index_first_axis({2, 3}, 1)), (Values{4, 5, 6}));
  const std::array<Shape, 2> shapes{Shape{3}, Shape{3}};
  EXPECT_EQ(stack(shapes).shape, (Shape{2, 3}));
  EXPECT_EQ(stack(shapes).indices, (Values{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(moved({2, 2}, insert_zeros({2, 2}, std::array<std::int64_t, 2>{2, 1})),
            (Values{1, 2, 0, 0, 3, 4}));
}

TEST(Movement, BroadcastsAsNumpyDoes) {
  EXPECT_EQ(broadcast_shape({3, 1}, {2}), (Shape{3, 2}));
  EXPECT_EQ(broadcast_shape({3, 1}, {2, 1, 4}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shape({3}, {2}), std::nullopt);
  EXPECT_EQ(broadcast_shape({0}, {1}), (Shape{0}));
  EXPECT_EQ(broadcast_shape({1}, {0}), (Shape{0}));
  EXPECT_EQ(broadcast_shape({0}, {2}), std::nullopt);
  EXPECT_EQ(moved({2, 1}, broadcast({2, 1}, {2, 2, 2})), (Values{1, 1, 2, 2, 1, 1, 2, 2}));
}

}  // namespace
}  // namespace sluice::network
