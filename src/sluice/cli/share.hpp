#pragma once

#include <filesystem>
#include <string_view>

namespace sluice::cli {

/// A file that is installed beside this program, in `../share/sluice`. Throws ToolError E-CLI-005.
std::filesystem::path find_shared_file(std::string_view name);

}  // namespace sluice::cli
