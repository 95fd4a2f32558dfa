#include "sluice/runtime/stream.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "sluice/base/files.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/expect_error.hpp"
#include "sluice/runtime/test_package.hpp"

namespace sluice::runtime {
namespace {

using testing::expect_error;

class StreamTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  package::Package package_ = testing::write_package(folder_.path());
  Kernel kernel_ = Device::open(package_, "engine").kernel();
};

TEST_F(StreamTest, GivesEveryCallItsOutputs) {
  for (const int depth : {1, 2, 3, 7}) {
    Stream stream(kernel_, {.batch_events = 8, .depth = depth});
    std::vector<std::vector<std::int16_t>> inputs;
    std::vector<std::vector<std::int8_t>> outputs;
    std::vector<Spans> spans(20);
    for (std::size_t call = 0; call < spans.size(); ++call) {
      const std::size_t events = 1 + call % 8;
      inputs.push_back(testing::example_inputs(events, call));
      outputs.emplace_back(events * 2, std::int8_t{99});
    }
    for (std::size_t call = 0; call < spans.size(); ++call) {
      EXPECT_EQ(stream.submit(std::span(inputs[call]), std::span(outputs[call]), &spans[call]),
                Stream::Call{call});
      EXPECT_LE(stream.in_flight(), depth);
    }
    EXPECT_EQ(stream.in_flight(), depth);
    stream.wait_all();
    EXPECT_EQ(stream.in_flight(), 0);
    for (std::size_t call = 0; call < spans.size(); ++call) {
      EXPECT_EQ(outputs[call], testing::expected_outputs(inputs[call])) << call;
      EXPECT_GT(spans[call].inference.count(), 0) << call;
    }
  }
}

TEST_F(StreamTest, WaitsForACallAndThoseBeforeIt) {
  Stream stream(kernel_, {.batch_events = 1, .depth = 4});
  const auto inputs = testing::example_inputs(4, 1);
  std::vector<std::int8_t> outputs(8);
  for (std::size_t call = 0; call < 4; ++call) {
    stream.submit(std::span(inputs).subspan(3 * call, 3), std::span(outputs).subspan(2 * call, 2));
  }
  stream.wait(Stream::Call{2});
  EXPECT_EQ(stream.in_flight(), 1);
  stream.wait(Stream::Call{0});
  EXPECT_EQ(stream.in_flight(), 1);
  stream.wait(Stream::Call{3});
  EXPECT_EQ(outputs, testing::expected_outputs(inputs));
  expect_error(ErrorKind::usage, "E-RUNTIME-012", "call 4", [&] { stream.wait(Stream::Call{4}); });
}

TEST_F(StreamTest, ACallThatCannotStartDoesNotExist) {
  Stream stream(kernel_, {.batch_events = 2, .depth = 2});
  const auto good = testing::example_inputs(2, 1);
  std::vector<std::int8_t> outputs(4);
  stream.submit(std::span(good), std::span(outputs));
  const std::vector<float> nan(3, std::numeric_limits<float>::quiet_NaN());
  std::vector<std::int8_t> unused(2);
  expect_error(ErrorKind::usage, "E-ENGINE-003", "NaN",
               [&] { stream.submit(std::span(nan), std::span(unused)); });
  const auto three = testing::example_inputs(3, 1);
  std::vector<std::int8_t> room(6);
  expect_error(ErrorKind::usage, "E-RUNTIME-003", "1 to 2",
               [&] { stream.submit(std::span(three), std::span(room)); });
  EXPECT_EQ(stream.in_flight(), 1);
  EXPECT_EQ(stream.submit(std::span(good), std::span(outputs)), Stream::Call{1});
  stream.wait_all();
  EXPECT_EQ(outputs, testing::expected_outputs(good));
}

TEST_F(StreamTest, MovesWithCallsInFlight) {
  Stream stream(kernel_, {.batch_events = 2, .depth = 2});
  const auto inputs = testing::example_inputs(2, 1);
  std::vector<std::int8_t> outputs(4);
  const Stream::Call call = stream.submit(std::span(inputs), std::span(outputs));
  Stream moved(std::move(stream));
  moved.wait(call);
  EXPECT_EQ(outputs, testing::expected_outputs(inputs));
}

TEST_F(StreamTest, RefusesImpossibleDepths) {
  for (const int depth : {0, -1, 1025}) {
    expect_error(ErrorKind::usage, "E-RUNTIME-017", "1 to 1024",
                 [&] { Stream(kernel_, {.depth = depth}); });
  }
}

}  // namespace
}  // namespace sluice::runtime
