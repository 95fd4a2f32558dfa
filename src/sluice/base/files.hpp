#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice {

/// Whole file as bytes. Throws ToolError naming the file when it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Writes through a temporary file in the same folder and a rename: the file is old, new or absent,
/// never half-written. Throws ToolError.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// A folder of our own below the system's temporary folder; removed with everything in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string_view prefix = "sluice");
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// An output folder that appears whole or not at all: fill `path()`, then `commit()`.
///
/// The work happens in a hidden sibling of `target`; without a commit it is removed. A commit
/// replaces an existing `target`. Throws ToolError when the parent cannot be written.
class StagedFolder {
 public:
  explicit StagedFolder(std::filesystem::path target);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;
  const std::filesystem::path& path() const noexcept { return staging_; }
  void commit();

 private:
  std::filesystem::path target_, staging_;
};

}  // namespace sluice
