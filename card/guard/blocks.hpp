#pragma once

#include <cstddef>

namespace sluice::guard {

/// Replacements for malloc, realloc and free: a block never moves when it grows.
///
/// Debian's build of the shim's message buffer calls realloc and drops the pointer that it returns,
/// so that the first message that makes the buffer move corrupts the heap. Each block reserves
/// kReservedBytes of address space instead; memory is taken as it is touched.
void* allocate_block(std::size_t size_bytes);
void* grow_block(void* block, std::size_t size_bytes);
void free_block(void* block);

/// More than the largest message: XRT's chunks are 8 MiB unless xrt.ini asks for larger ones.
inline constexpr std::size_t kReservedBytes = std::size_t{64} << 20;

}  // namespace sluice::guard
