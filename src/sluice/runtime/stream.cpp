#include "sluice/runtime/stream.hpp"

#include <fmt/format.h>

#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/runtime/lane.hpp"

namespace sluice::runtime {

namespace {

constexpr int kMostDepth = 1024;

}  // namespace

Stream::Stream(const Kernel& kernel, const StreamOptions& options) {
  if (options.depth < 1 || options.depth > kMostDepth) {
    throw UsageError("E-RUNTIME-017", "depth", fmt::format("is {}", options.depth),
                     fmt::format("it must be 1 to {}", kMostDepth));
  }
  slots_.reserve(static_cast<std::size_t>(options.depth));
  for (int slot = 0; slot < options.depth; ++slot) {
    slots_.push_back({std::make_unique<detail::Lane>(kernel, options.batch_events)});
  }
}

Stream::Stream(Stream&& other) noexcept
    : slots_(std::move(other.slots_)),
      submitted_(std::exchange(other.submitted_, 0)),
      ended_(std::exchange(other.ended_, 0)),
      failures_(std::move(other.failures_)) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(slots_, other.slots_);
  std::swap(submitted_, other.submitted_);
  std::swap(ended_, other.ended_);
  std::swap(failures_, other.failures_);
  return *this;
}

Stream::~Stream() {
  while (in_flight() > 0) end_oldest();
}

std::int64_t Stream::batch_events() const noexcept { return slots_.front().lane->batch_events(); }

Stream::Call Stream::submit(const engine::ConstEvents& inputs, const engine::Events& outputs,
                            Spans* spans) {
  const package::Manifest& manifest = slots_.front().lane->kernel().manifest();
  const detail::CheckedEvents call = detail::check_events(manifest, inputs, outputs);
  if (call.events < 1 || call.events > static_cast<std::size_t>(batch_events())) {
    throw UsageError("E-RUNTIME-003", "inputs", fmt::format("a call holds {} events", call.events),
                     fmt::format("submit 1 to {}, the stream's batch", batch_events()));
  }
  if (in_flight() == depth()) end_oldest();
  Slot& slot = slot_of(submitted_);
  slot.lane->begin(call, 0, call.events);
  slot.spans = spans;
  return Call{submitted_++};
}

// What the call fails with is kept for whoever waits for it.
void Stream::end_oldest() noexcept {
  const std::uint64_t call = ended_++;
  const Slot& slot = slot_of(call);
  try {
    Spans measured;
    slot.lane->finish(measured);
    if (slot.spans != nullptr) *slot.spans = measured;
  } catch (...) {
    failures_.emplace(call, std::current_exception());
  }
}

void Stream::wait(Call call) {
  const auto number = static_cast<std::uint64_t>(call);
  if (number >= submitted_) {
    throw UsageError("E-RUNTIME-012", fmt::format("call {}", number),
                     "is waited for, but was not submitted");
  }
  while (ended_ <= number) end_oldest();
  if (const auto failure = failures_.extract(number)) std::rethrow_exception(failure.mapped());
}

void Stream::wait_all() {
  while (in_flight() > 0) end_oldest();
  if (failures_.empty()) return;
  const auto oldest = failures_.extract(failures_.begin());
  std::rethrow_exception(oldest.mapped());
}

}  // namespace sluice::runtime
