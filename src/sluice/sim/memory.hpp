#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>

namespace sluice::sim {

/// Byte-addressable device memory over the whole 64-bit space; untouched bytes read as zero.
///
/// Storage is made page by page when bytes are written. Allocations are a record beside the bytes:
/// they decide which addresses a kernel may touch, while the host's own read() and write() go
/// anywhere. Not thread-safe.
class Memory {
 public:
  static constexpr std::uint64_t kPageBytes = 65536;

  /// Copies `bytes.size()` bytes from `address`. The range must not pass the end of the address
  /// space (UsageError); the same for write().
  void read(std::uint64_t address, std::span<std::byte> bytes) const;
  void write(std::uint64_t address, std::span<const std::byte> bytes);

  /// Records [address, address + size) as a buffer. Throws UsageError when it overlaps another one
  /// or is empty.
  void allocate(std::uint64_t address, std::uint64_t size);

  /// Forgets the buffer that starts at `address`; its bytes stay. Throws UsageError when none does.
  void free(std::uint64_t address);

  /// Whether each byte of a range, or at least one, lies in one allocated buffer.
  bool is_allocated(std::uint64_t address, std::uint64_t size) const;
  bool touches_allocated(std::uint64_t address, std::uint64_t size) const;

  std::size_t allocations() const noexcept { return allocations_.size(); }

 private:
  using Page = std::array<std::byte, kPageBytes>;

  const Page* find_page(std::uint64_t index) const;
  Page& make_page(std::uint64_t index);

  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
  std::map<std::uint64_t, std::uint64_t> allocations_;  // first address -> size in bytes
  mutable std::uint64_t last_index_ = 0;
  mutable Page* last_page_ = nullptr;
};

}  // namespace sluice::sim
