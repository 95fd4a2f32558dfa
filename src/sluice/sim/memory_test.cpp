#include "sluice/sim/memory.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "sluice/base/error.hpp"

namespace sluice::sim {
namespace {

std::string read_text(const Memory& memory, std::uint64_t address, std::size_t size) {
  std::vector<std::byte> bytes(size, std::byte{0xAA});
  memory.read(address, bytes);
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

void write_text(Memory& memory, std::uint64_t address, const std::string& text) {
  memory.write(address, std::as_bytes(std::span(text)));
}

TEST(Memory, UntouchedBytesAreZero) {
  const Memory memory;
  EXPECT_EQ(read_text(memory, 0x1234'5678'9abc'def0, 4), std::string(4, '\0'));
}

TEST(Memory, KeepsBytesAcrossPages) {
  Memory memory;
  const std::uint64_t address = 7 * Memory::kPageBytes - 3;
  write_text(memory, address, "sluice");
  EXPECT_EQ(read_text(memory, address - 1, 8), std::string("\0sluice\0", 8));
}

TEST(Memory, ReachesTheLastByteOfTheAddressSpaceAndNotBeyond) {
  Memory memory;
  write_text(memory, ~std::uint64_t{0}, "x");
  EXPECT_EQ(read_text(memory, ~std::uint64_t{0}, 1), "x");
  EXPECT_THROW(write_text(memory, ~std::uint64_t{0}, "xy"), UsageError);
}

TEST(Memory, KnowsWhatIsAllocated) {
  Memory memory;
  memory.allocate(0x1000, 100);
  memory.allocate(0x2000, 64);
  EXPECT_TRUE(memory.is_allocated(0x1000, 100));
  EXPECT_FALSE(memory.is_allocated(0x1000, 101));
  EXPECT_FALSE(memory.is_allocated(0x0FFF, 2));
  EXPECT_TRUE(memory.touches_allocated(0x0FFF, 2));
  EXPECT_FALSE(memory.touches_allocated(0x0FFF, 1));
  EXPECT_TRUE(memory.touches_allocated(0x1040, 64));
  EXPECT_FALSE(memory.touches_allocated(0x1080, 64));
  memory.free(0x1000);
  EXPECT_FALSE(memory.touches_allocated(0x1000, 100));
  EXPECT_EQ(memory.allocations(), 1U);
}

TEST(Memory, RefusesOverlapEmptyAndUnknownBuffers) {
  Memory memory;
  memory.allocate(0x1000, 0x100);
  EXPECT_THROW(memory.allocate(0x10FF, 1), UsageError);
  EXPECT_THROW(memory.allocate(0x0F00, 0x101), UsageError);
  EXPECT_THROW(memory.allocate(0x3000, 0), UsageError);
  EXPECT_THROW(memory.free(0x1001), UsageError);
  memory.allocate(0x1100, 1);
}

}  // namespace
}  // namespace sluice::sim
