#include "sluice/sim/memory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/base/error.hpp"

namespace sluice::sim {
namespace {

void require_range(std::uint64_t address, std::uint64_t size) {
  if (size != 0 && address + (size - 1) < address) {
    throw UsageError("E-SIM-008", fmt::format("address {:#x}", address),
                     fmt::format("a range of {} bytes passes the end of the address space", size));
  }
}

}  // namespace

const Memory::Page* Memory::find_page(std::uint64_t index) const {
  if (last_page_ != nullptr && last_index_ == index) return last_page_;
  const auto found = pages_.find(index);
  if (found == pages_.end()) return nullptr;
  last_index_ = index;
  last_page_ = found->second.get();
  return last_page_;
}

Memory::Page& Memory::make_page(std::uint64_t index) {
  if (last_page_ != nullptr && last_index_ == index) return *last_page_;
  std::unique_ptr<Page>& page = pages_[index];
  if (!page) page = std::make_unique<Page>();
  last_index_ = index;
  last_page_ = page.get();
  return *page;
}

void Memory::read(std::uint64_t address, std::span<std::byte> bytes) const {
  require_range(address, bytes.size());
  while (!bytes.empty()) {
    const std::size_t offset = address % kPageBytes;
    const std::size_t count = std::min<std::size_t>(bytes.size(), kPageBytes - offset);
    if (const Page* page = find_page(address / kPageBytes)) {
      std::copy_n(page->begin() + static_cast<std::ptrdiff_t>(offset), count, bytes.begin());
    } else {
      std::fill_n(bytes.begin(), count, std::byte{0});
    }
    address += count;
    bytes = bytes.subspan(count);
  }
}

void Memory::write(std::uint64_t address, std::span<const std::byte> bytes) {
  require_range(address, bytes.size());
  while (!bytes.empty()) {
    const std::size_t offset = address % kPageBytes;
    const std::size_t count = std::min<std::size_t>(bytes.size(), kPageBytes - offset);
    Page& page = make_page(address / kPageBytes);
    std::copy_n(bytes.begin(), count, page.begin() + static_cast<std::ptrdiff_t>(offset));
    address += count;
    bytes = bytes.subspan(count);
  }
}

void Memory::allocate(std::uint64_t address, std::uint64_t size) {
  require_range(address, size);
  if (size == 0) {
    throw UsageError("E-SIM-008", fmt::format("buffer at {:#x}", address), "it has no bytes");
  }
  if (touches_allocated(address, size)) {
    throw UsageError("E-SIM-008", fmt::format("buffer at {:#x}", address),
                     fmt::format("its {} bytes overlap an allocated buffer", size));
  }
  allocations_.emplace(address, size);
}

void Memory::free(std::uint64_t address) {
  if (allocations_.erase(address) == 0) {
    throw UsageError("E-SIM-008", fmt::format("buffer at {:#x}", address),
                     "no allocated buffer starts there");
  }
}

bool Memory::is_allocated(std::uint64_t address, std::uint64_t size) const {
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return false;
  const auto& [first, bytes] = *--after;
  const std::uint64_t offset = address - first;
  return offset < bytes && size <= bytes - offset;
}

bool Memory::touches_allocated(std::uint64_t address, std::uint64_t size) const {
  if (is_allocated(address, 1)) return true;
  const auto next = allocations_.lower_bound(address);
  return next != allocations_.end() && next->first - address < size;
}

}  // namespace sluice::sim
