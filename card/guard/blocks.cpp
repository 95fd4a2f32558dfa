#include "card/guard/blocks.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>

#include "card/guard/death.hpp"

namespace sluice::guard {

namespace {

/// Our blocks. Never destroyed: threads of the shim outlive the destruction of static objects.
struct Blocks {
  std::mutex mutex;
  std::set<void*> reserved;

  static Blocks& all() {
    static Blocks* blocks = new Blocks;
    return *blocks;
  }
};

bool is_reserved(void* block) {
  Blocks& blocks = Blocks::all();
  const std::lock_guard lock(blocks.mutex);
  return blocks.reserved.contains(block);
}

}  // namespace

void* allocate_block(std::size_t size_bytes) {
  if (size_bytes > kReservedBytes) return std::malloc(size_bytes);
  void* block = ::mmap(nullptr, kReservedBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED) return std::malloc(size_bytes);
  Blocks& blocks = Blocks::all();
  const std::lock_guard lock(blocks.mutex);
  blocks.reserved.insert(block);
  return block;
}

void* grow_block(void* block, std::size_t size_bytes) {
  if (block == nullptr) return allocate_block(size_bytes);
  if (!is_reserved(block)) return std::realloc(block, size_bytes);
  if (size_bytes > kReservedBytes) {
    end_process(
        "a message to the emulated card is larger than 64 MiB; lower packet_size in xrt.ini");
  }
  return block;
}

void free_block(void* block) {
  Blocks& blocks = Blocks::all();
  {
    const std::lock_guard lock(blocks.mutex);
    if (blocks.reserved.erase(block) == 0) {
      std::free(block);
      return;
    }
  }
  ::munmap(block, kReservedBytes);
}

}  // namespace sluice::guard
