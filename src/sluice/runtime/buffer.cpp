#include "sluice/runtime/buffer.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "sluice/base/error.hpp"
#include "sluice/runtime/memory.hpp"

namespace sluice::runtime {

namespace detail {

AlignedBytes::AlignedBytes(std::size_t bytes) : size_(bytes) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded)));
  if (data_ == nullptr) throw std::bad_alloc();
  std::memset(data_.get(), 0, rounded);
}

void AlignedBytes::Free::operator()(std::byte* data) const noexcept { std::free(data); }

namespace {

void sync_events(AnyBuffer& buffer, DeviceMemory& memory, SyncDirection direction,
                 std::int64_t event_bytes, std::int64_t first, std::int64_t count) {
  if (first < 0 || count < 0 || first > buffer.events() - count) {
    throw UsageError("E-RUNTIME-013", "buffer",
                     fmt::format("cannot sync {} events from event {} on: it holds {}", count,
                                 first, buffer.events()));
  }
  if (count == 0) return;
  memory.sync(direction, static_cast<std::size_t>(first * event_bytes),
              static_cast<std::size_t>(count * event_bytes));
}

}  // namespace

}  // namespace detail

AnyBuffer::AnyBuffer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AnyBuffer::AnyBuffer(AnyBuffer&&) noexcept = default;
AnyBuffer& AnyBuffer::operator=(AnyBuffer&&) noexcept = default;
AnyBuffer::~AnyBuffer() = default;

std::int64_t AnyBuffer::events() const noexcept { return impl_->events; }
std::int64_t AnyBuffer::event_elements() const noexcept { return impl_->tensor().elements(); }
int AnyBuffer::element_bits() const noexcept { return impl_->tensor().container_bits(); }
std::span<std::byte> AnyBuffer::bytes() noexcept { return impl_->memory->host(); }
std::span<const std::byte> AnyBuffer::bytes() const noexcept { return impl_->memory->host(); }

void AnyBuffer::sync_to_device() { sync_to_device(0, impl_->events); }
void AnyBuffer::sync_from_device() { sync_from_device(0, impl_->events); }

void AnyBuffer::sync_to_device(std::int64_t first, std::int64_t count) {
  detail::sync_events(*this, *impl_->memory, detail::SyncDirection::to_device, impl_->event_bytes,
                      first, count);
}

void AnyBuffer::sync_from_device(std::int64_t first, std::int64_t count) {
  detail::sync_events(*this, *impl_->memory, detail::SyncDirection::from_device, impl_->event_bytes,
                      first, count);
}

}  // namespace sluice::runtime
