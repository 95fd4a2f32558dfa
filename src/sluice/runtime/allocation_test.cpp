// Counts the allocations of this program: a call on spans must make none once it is set up.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "sluice/base/files.hpp"
#include "sluice/runtime/device.hpp"
#include "sluice/runtime/predictor.hpp"
#include "sluice/runtime/stream.hpp"
#include "sluice/runtime/test_package.hpp"

namespace {

std::atomic<std::int64_t> allocations{0};

}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace sluice::runtime {
namespace {

constexpr std::size_t kEvents = 8;

class Allocation : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  package::Package package_ = testing::write_package(folder_.path());
  Kernel kernel_ = Device::open(package_, "engine").kernel();
  std::vector<std::int16_t> mantissas_ = testing::example_inputs(kEvents, 1);
  std::vector<float> reals_ = std::vector<float>(kEvents * 3, 0.25F);
  std::vector<std::int8_t> mantissas_out_ = std::vector<std::int8_t>(kEvents * 2);
  std::vector<float> reals_out_ = std::vector<float>(kEvents * 2);
};

TEST_F(Allocation, IsCounted) {
  const std::int64_t before = allocations;
  const auto number = std::make_unique<int>(1);
  EXPECT_GT(allocations, before);
}

TEST_F(Allocation, NoneInAPredictorsCall) {
  Predictor predictor(kernel_, kEvents);
  Spans spans;
  const auto call = [&] {
    predictor.predict(std::span(mantissas_), std::span(mantissas_out_), &spans);
    predictor.predict(std::span(reals_), std::span(reals_out_), &spans);
  };
  call();
  const std::int64_t before = allocations;
  for (int i = 0; i < 100; ++i) call();
  EXPECT_EQ(allocations - before, 0);
}

TEST_F(Allocation, NoneInAStreamsCall) {
  Stream stream(kernel_, {.batch_events = kEvents, .depth = 3});
  const auto call = [&] { return stream.submit(std::span(reals_), std::span(reals_out_)); };
  stream.wait(call());
  const std::int64_t before = allocations;
  for (int i = 0; i < 100; ++i) call();
  stream.wait_all();
  EXPECT_EQ(allocations - before, 0);
}

}  // namespace
}  // namespace sluice::runtime
