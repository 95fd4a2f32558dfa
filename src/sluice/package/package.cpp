#include "sluice/package/package.hpp"

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/sha256.hpp"

namespace sluice::package {

namespace fs = std::filesystem;

Package Package::open(const fs::path& folder) {
  const fs::path file = folder / "manifest.json";
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) {
    throw ToolError("E-PACKAGE-003", folder.string(), "is not a kernel package: no manifest.json",
                    "make one with `sluice compile MODEL -o DIR`");
  }
  Package package;
  package.folder_ = folder;
  package.manifest_ = manifest_from_json(read_json(file), file.string());
  for (const auto& [path, hash] : package.manifest_.files) {
    if (sha256_hex(read_file(folder / path)) != hash) {
      throw ModelError("E-PACKAGE-004", (folder / path).string(),
                       "was changed after the package was compiled", "compile the model again");
    }
  }
  return package;
}

fs::path Package::simulator_file() const {
  fs::path file = folder_ / "sim" / "kernel.so";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    throw ToolError("E-PACKAGE-005", folder_.string(), "holds no Verilated kernel",
                    "compile it without --no-simulator, on a machine with Verilator");
  }
  return file;
}

void seal(const fs::path& folder, Manifest manifest) {
  manifest.files.clear();
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    if (path != "manifest.json") manifest.files[path] = sha256_hex(read_file(entry.path()));
  }
  write_json(folder / "manifest.json", to_json(manifest));
}

}  // namespace sluice::package
