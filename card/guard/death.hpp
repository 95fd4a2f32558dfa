#pragma once

#include <string>

namespace sluice::guard {

/// Whether the calling thread runs code of the host program, and not only a thread of XRT's own.
bool called_by_host();

/// One line on stderr, then the end of this process alone with exit code 5 (device failure).
[[noreturn]] void end_process(const std::string& reason);

}  // namespace sluice::guard
