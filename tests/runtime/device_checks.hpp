#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "sluice/runtime/predictor.hpp"
#include "sluice/runtime/stream.hpp"
#include "sluice/runtime/test_package.hpp"

/// What every device must do alike.
namespace sluice::runtime::testing {

inline void expect_exact_in_several_runs(const Kernel& kernel) {
  Predictor predictor(kernel, 64);
  for (const std::size_t events : {1, 2, 63, 64, 65, 300}) {
    const auto inputs = example_inputs(events, events);
    std::vector<std::int8_t> outputs(2 * events, 99);
    predictor.predict(std::span(inputs), std::span(outputs));
    EXPECT_EQ(outputs, expected_outputs(inputs)) << events << " events";
  }
}

/// Only what is synced moves between host and device.
inline void expect_two_copies(const Kernel& kernel) {
  auto input = kernel.allocate_input<std::int16_t>(10);
  auto output = kernel.allocate_output<std::int8_t>(10);
  auto run = kernel.make_run();
  const auto first = example_inputs(10, 1);
  const auto second = example_inputs(10, 2);
  std::ranges::copy(first, input.mantissas().begin());
  input.sync_to_device();
  std::ranges::copy(second, input.mantissas().begin());
  input.sync_to_device(4, 3);
  run.start(input, output, 10);
  run.wait();
  std::ranges::fill(output.mantissas(), 77);
  output.sync_from_device(2, 7);
  auto mixed = first;
  std::copy_n(second.begin() + 12, 9, mixed.begin() + 12);
  auto expected = expected_outputs(mixed);
  for (const int untouched : {0, 1, 2, 3, 18, 19}) {
    expected[static_cast<std::size_t>(untouched)] = 77;
  }
  EXPECT_EQ(std::vector(output.mantissas().begin(), output.mantissas().end()), expected);
}

/// Several runs in flight, waited for in another order than they were started in.
inline void expect_runs_in_flight(const Kernel& kernel) {
  constexpr std::size_t kRuns = 4;
  constexpr std::size_t kEvents = 50;
  std::vector<Buffer<std::int16_t>> inputs;
  std::vector<Buffer<std::int8_t>> outputs;
  std::vector<Run> runs;
  for (std::size_t i = 0; i < kRuns; ++i) {
    inputs.push_back(kernel.allocate_input<std::int16_t>(kEvents));
    outputs.push_back(kernel.allocate_output<std::int8_t>(kEvents));
    runs.push_back(kernel.make_run());
    std::ranges::copy(example_inputs(kEvents, i), inputs[i].mantissas().begin());
    inputs[i].sync_to_device();
  }
  for (std::size_t i = 0; i < kRuns; ++i) runs[i].start(inputs[i], outputs[i], kEvents);
  for (const std::size_t i : {2, 0, 3, 1}) {
    runs[i].wait();
    outputs[i].sync_from_device();
    EXPECT_TRUE(
        std::ranges::equal(outputs[i].mantissas(), expected_outputs(example_inputs(kEvents, i))))
        << "run " << i;
  }
}

/// Overlapping calls give what each of them would give alone.
inline void expect_stream(const Kernel& kernel) {
  constexpr std::size_t kCalls = 25;
  Stream stream(kernel, {.batch_events = 32, .depth = 3});
  std::vector<std::vector<std::int16_t>> inputs;
  std::vector<std::vector<std::int8_t>> outputs;
  for (std::size_t call = 0; call < kCalls; ++call) {
    inputs.push_back(example_inputs(1 + call, call));
    outputs.emplace_back(2 * (1 + call), std::int8_t{99});
  }
  for (std::size_t call = 0; call < kCalls; ++call) {
    stream.submit(std::span(inputs[call]), std::span(outputs[call]));
  }
  stream.wait_all();
  for (std::size_t call = 0; call < kCalls; ++call) {
    EXPECT_EQ(outputs[call], expected_outputs(inputs[call])) << "call " << call;
  }
}

}  // namespace sluice::runtime::testing
