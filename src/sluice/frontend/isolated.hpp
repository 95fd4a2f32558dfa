#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace sluice::frontend {

/// What a child process may take: memory beyond that of this process, and time.
struct IsolationLimits {
  std::uint64_t memory_bytes = std::uint64_t{2} << 30;
  std::chrono::seconds time{30};
};

/// Runs `action` in a child process and returns the bytes that it returns.
///
/// For parsers in other people's C code that a crafted file can make crash, hang or allocate
/// without bound (the HDF5 library is one): here that ends the child, and the caller gets a
/// ModelError about `origin`. A ModelError of `action` arrives as itself. Safe in a process with
/// several threads as long as `action` takes no lock that another thread may hold; memory
/// allocation is fine.
std::string run_isolated(const std::function<std::string()>& action, const std::string& origin,
                         const IsolationLimits& limits = {});

}  // namespace sluice::frontend
