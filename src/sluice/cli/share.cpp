#include "sluice/cli/share.hpp"

#include "sluice/base/error.hpp"

namespace sluice::cli {

std::filesystem::path find_shared_file(std::string_view name) {
  const std::filesystem::path program = std::filesystem::canonical("/proc/self/exe");
  std::filesystem::path file = program.parent_path().parent_path() / "share" / "sluice" / name;
  if (std::filesystem::exists(file)) return file;
  throw ToolError("E-CLI-005", file.string(), "is missing", "install Sluice again");
}

}  // namespace sluice::cli
