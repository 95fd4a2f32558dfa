#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace sluice::runtime {

namespace detail {
struct DeviceState;
class DeviceMemory;
enum class Port : std::uint8_t { input, output };
}  // namespace detail

/// The element types of an event in memory.
template <class T>
concept Mantissa = std::same_as<T, std::int8_t> || std::same_as<T, std::int16_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t>;

/// Events in memory that host and device both see, for one argument of the kernel.
///
/// The host's view and the device's are two copies, made equal by the sync functions, as on a card.
/// (The `engine` device computes on the host's view itself; its syncs do nothing.) Aligned to 4096
/// bytes, zero at first. Can be moved; one thread at a time. A moved-from buffer can only be
/// destroyed or assigned to.
class AnyBuffer {
 public:
  AnyBuffer(AnyBuffer&&) noexcept;
  AnyBuffer& operator=(AnyBuffer&&) noexcept;
  ~AnyBuffer();

  std::int64_t events() const noexcept;          ///< capacity
  std::int64_t event_elements() const noexcept;  ///< mantissas of one event
  int element_bits() const noexcept;             ///< 8, 16, 32 or 64
  std::span<std::byte> bytes() noexcept;
  std::span<const std::byte> bytes() const noexcept;

  /// Copies events from the host's view to the device or back: all, or `count` from `first` on.
  /// Throws UsageError E-RUNTIME-013 for events outside of the buffer, DeviceError E-RUNTIME-009.
  void sync_to_device();
  void sync_to_device(std::int64_t first, std::int64_t count);
  void sync_from_device();
  void sync_from_device(std::int64_t first, std::int64_t count);

 private:
  friend class Kernel;
  friend class Run;
  struct Impl;
  explicit AnyBuffer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

/// The same with its mantissas' type.
template <Mantissa T>
class Buffer : public AnyBuffer {
 public:
  /// All mantissas, event after event.
  std::span<T> mantissas() noexcept { return view<T>(AnyBuffer::bytes()); }
  std::span<const T> mantissas() const noexcept { return view<const T>(AnyBuffer::bytes()); }

 private:
  friend class Kernel;
  explicit Buffer(AnyBuffer buffer) : AnyBuffer(std::move(buffer)) {}

  template <class U, class Byte>
  static std::span<U> view(std::span<Byte> bytes) noexcept {
    return {reinterpret_cast<U*>(bytes.data()), bytes.size() / sizeof(U)};
  }
};

}  // namespace sluice::runtime
