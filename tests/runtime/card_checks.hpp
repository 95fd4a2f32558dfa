#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "sluice/runtime/card.hpp"
#include "sluice/runtime/expect_error.hpp"
#include "sluice/runtime/test_package.hpp"

/// What Card must do alike on every device.
namespace sluice::runtime::testing {

constexpr std::size_t kCardInputBytes = 6;   // of an event
constexpr std::size_t kCardOutputBytes = 2;  // of an event
constexpr std::chrono::milliseconds kCardPatience{30'000};

inline void set_events(UnitRun& run, std::uint32_t events) {
  run.set_argument(2, std::as_bytes(std::span(&events, 1)));
}

inline void expect_exact_unit(const Card& card) {
  constexpr std::size_t kEvents = 50;
  const ComputeUnit unit = card.unit("three_to_two_1");
  CardBuffer input = card.allocate(0, kEvents * kCardInputBytes);
  CardBuffer output = card.allocate(0, kEvents * kCardOutputBytes);
  EXPECT_NE(input.device_address(), output.device_address());
  UnitRun run = unit.make_run();
  for (const std::uint64_t seed : {1, 2}) {
    const auto inputs = example_inputs(kEvents, seed);
    std::memcpy(input.bytes().data(), inputs.data(), input.size_bytes());
    input.sync_to_device(0, input.size_bytes());
    run.set_argument(0, input);
    run.set_argument(1, output);
    set_events(run, kEvents);
    run.start();
    EXPECT_TRUE(run.wait(kCardPatience));
    output.sync_from_device(0, output.size_bytes());
    std::vector<std::int8_t> outputs(output.size_bytes());
    std::memcpy(outputs.data(), output.bytes().data(), outputs.size());
    EXPECT_EQ(outputs, expected_outputs(inputs));
  }
}

inline void expect_checked_arguments(const Card& card, const Card& other) {
  UnitRun run = card.unit("three_to_two_1").make_run();
  const CardBuffer buffer = card.allocate(0, 64);
  const CardBuffer foreign = other.allocate(0, 64);
  const std::uint64_t wide = 1;
  expect_error(ErrorKind::usage, "E-RUNTIME-018", "argument `input` was not set",
               [&] { run.start(); });
  expect_error(ErrorKind::usage, "E-RUNTIME-018", "none at position 3",
               [&] { run.set_argument(3, buffer); });
  expect_error(ErrorKind::usage, "E-RUNTIME-018", "is a value (unsigned int), not a pointer",
               [&] { run.set_argument(2, buffer); });
  expect_error(ErrorKind::usage, "E-RUNTIME-018", "is a pointer",
               [&] { run.set_argument(0, std::as_bytes(std::span(&wide, 1))); });
  expect_error(ErrorKind::usage, "E-RUNTIME-018", "takes 4 bytes (unsigned int), 8 are given",
               [&] { run.set_argument(2, std::as_bytes(std::span(&wide, 1))); });
  expect_error(ErrorKind::usage, "E-RUNTIME-005", "belongs to another device",
               [&] { run.set_argument(0, foreign); });
  expect_error(ErrorKind::usage, "E-RUNTIME-012", "was not started",
               [&] { (void)run.wait(kCardPatience); });
  expect_error(ErrorKind::usage, "E-RUNTIME-018", "no compute unit `nobody_1`",
               [&] { (void)card.unit("nobody_1"); });
  expect_error(ErrorKind::usage, "E-RUNTIME-003", "bank 7 does not exist",
               [&] { (void)card.allocate(7, 64); });
  expect_error(ErrorKind::usage, "E-RUNTIME-013", "cannot sync 60 bytes from byte 8 on",
               [&] { card.allocate(0, 64).sync_to_device(8, 60); });
}

}  // namespace sluice::runtime::testing
