#include "card/guard/death.hpp"

#include <dlfcn.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace sluice::guard {

namespace {

constexpr int kDeviceFailure = 5;

// Libraries whose frames say nothing about who called.
constexpr std::array<std::string_view, 10> kRuntimeLibraries = {
    "libxrt",  "libxilinxopencl", "libOpenCL", "libsluice_xrt_guard", "libstdc++",
    "libc.so", "libc-2",          "libgcc_s",  "libpthread",          "ld-linux"};

bool is_runtime_library(const char* path) {
  std::string_view name(path);
  if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos) {
    name.remove_prefix(slash + 1);
  }
  return std::any_of(kRuntimeLibraries.begin(), kRuntimeLibraries.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

_Unwind_Reason_Code look_at_frame(_Unwind_Context* context, void* found) {
  Dl_info module{};
  auto* address = reinterpret_cast<void*>(_Unwind_GetIP(context));
  if (::dladdr(address, &module) == 0 || module.dli_fname == nullptr ||
      is_runtime_library(module.dli_fname)) {
    return _URC_NO_REASON;
  }
  *static_cast<bool*>(found) = true;
  return _URC_END_OF_STACK;
}

}  // namespace

bool called_by_host() {
  bool found = false;
  _Unwind_Backtrace(look_at_frame, &found);
  return found;
}

void end_process(const std::string& reason) {
  const std::string line = "sluice card: " + reason + "\n";
  // Straight to the descriptor: the streams of the host may be locked by the thread that waits.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(kDeviceFailure);
}

}  // namespace sluice::guard
