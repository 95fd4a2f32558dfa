#pragma once

#include <filesystem>
#include <string>

#include "sluice/package/manifest.hpp"

namespace sluice::package {

/// A compiled kernel on disk: a folder with manifest.json and the files that it lists.
class Package {
 public:
  /// Reads the manifest and checks the hash of every file. Throws ToolError when the folder or a
  /// file is missing, ModelError when one was changed after it was compiled.
  static Package open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const noexcept { return folder_; }
  const Manifest& manifest() const noexcept { return manifest_; }

  std::filesystem::path network_file() const { return folder_ / "network.txt"; }
  std::filesystem::path circuit_file() const { return folder_ / "circuit.txt"; }
  std::filesystem::path report_file() const { return folder_ / "report.json"; }
  std::filesystem::path rtl_folder() const { return folder_ / "rtl"; }
  std::filesystem::path xclbin_file() const { return folder_ / (manifest_.name + ".xclbin"); }
  /// The Verilated kernel. Throws ToolError when the package was compiled without one.
  std::filesystem::path simulator_file() const;

 private:
  std::filesystem::path folder_;
  Manifest manifest_;
};

/// Hashes every file below `folder` into `manifest.files` and writes manifest.json there.
void seal(const std::filesystem::path& folder, Manifest manifest);

}  // namespace sluice::package
