#include "sluice/frontend/onnx_constants.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "sluice/frontend/codes.hpp"

namespace sluice::frontend {
namespace {

constexpr std::int64_t kOpset = 13;

OnnxTensor tensor(network::Shape shape, std::vector<double> values) {
  return {.type = OnnxTensor::Type::signed_int,
          .bits = 64,
          .shape = std::move(shape),
          .values = std::move(values)};
}

OnnxTensor list(std::vector<double> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return tensor({size}, std::move(values));
}

OnnxTensor folded(const std::string& op, const std::vector<OnnxTensor>& inputs,
                  std::map<std::string, OnnxAttribute, std::less<>> attributes = {}) {
  std::vector<const OnnxTensor*> pointers;
  for (const OnnxTensor& input : inputs) pointers.push_back(&input);
  const OnnxNode node{.op_type = op, .outputs = {"y"}, .attributes = std::move(attributes)};
  return fold(node, pointers, kOpset).value();
}

void expect_refused(const char* code, const std::string& op, const std::vector<OnnxTensor>& inputs,
                    std::map<std::string, OnnxAttribute, std::less<>> attributes = {}) {
  try {
    folded(op, inputs, std::move(attributes));
    ADD_FAILURE() << op << " is not refused";
  } catch (const ModelError& error) {
    EXPECT_EQ(error.code(), code) << op << ": " << error.what();
  }
}

TEST(OnnxConstants, EmptyTensorsBroadcastToEmptyOnes) {
  const OnnxTensor empty = tensor({0}, {});
  const OnnxTensor sum = folded("Add", {empty, tensor({1}, {3})});
  EXPECT_EQ(sum.shape, (network::Shape{0}));
  EXPECT_TRUE(sum.values.empty());
}

TEST(OnnxConstants, ShapesBeyondMemoryAreRefused) {
  const double huge = 4294967296.0;  // 2^32: the square wraps to 0 in 64 bits
  const OnnxTensor one = tensor({1}, {1});
  for (const auto& extents : {std::vector<double>{huge, huge}, {huge, huge, 0}, {-1, 2}}) {
    expect_refused(codes::kLimit, "Expand", {one, list(extents)});
    expect_refused(codes::kLimit, "ConstantOfShape", {list(extents)});
  }
}

TEST(OnnxConstants, PicksBeyondMemoryAreRefused) {
  constexpr std::int64_t kMany = 1 << 13;
  const OnnxTensor rows = tensor({1, kMany}, std::vector<double>(kMany));
  expect_refused(codes::kLimit, "Gather", {rows, list(std::vector<double>(kMany))});
  const OnnxTensor part = tensor({1 << 20}, std::vector<double>(1 << 20));
  expect_refused(codes::kLimit, "Concat", std::vector<OnnxTensor>(17, part));
}

TEST(OnnxConstants, SlicesNeedAsManyStepsAsStarts) {
  const OnnxTensor data = tensor({2, 2}, {1, 2, 3, 4});
  const OnnxTensor zeros = list({0, 0});
  EXPECT_EQ(folded("Slice", {data, zeros, list({1, 2}), list({0, 1}), list({1, 1})}).values,
            (std::vector<double>{1, 2}));
  expect_refused(codes::kLayer, "Slice", {data, zeros, list({1, 2}), list({0, 1}), list({1})});
}

TEST(OnnxConstants, CastsToIntegersThatHoldTheValue) {
  const auto cast = [](double value, std::int64_t to) {
    return folded("Cast", {tensor({1}, {value})}, {{"to", to}}).values.front();
  };
  EXPECT_EQ(cast(-2.75, 7), -2);
  EXPECT_EQ(cast(2147483647.0, 6), 2147483647.0);
  expect_refused(codes::kModelConfig, "Cast", {tensor({1}, {2147483648.0})},
                 {{"to", std::int64_t{6}}});
  expect_refused(codes::kModelConfig, "Cast",
                 {tensor({1}, {std::numeric_limits<double>::quiet_NaN()})},
                 {{"to", std::int64_t{7}}});
  expect_refused(codes::kLayer, "Cast", {tensor({1}, {0.5})}, {{"to", std::int64_t{9}}});
}

}  // namespace
}  // namespace sluice::frontend
