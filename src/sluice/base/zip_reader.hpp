#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Reads a zip archive that lies in memory; the bytes must outlive the reader.
///
/// Sizes are checked before memory is taken, contents against their checksums. Every failure is a
/// UsageError about `origin`.
class ZipReader {
 public:
  ZipReader(std::string_view bytes, std::string origin);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  const std::vector<std::string>& names() const noexcept { return names_; }
  bool contains(std::string_view name) const noexcept;
  /// The uncompressed content of the first entry of this name, of at most `most_bytes`.
  std::string read(std::string_view name, std::uint64_t most_bytes) const;

  static bool has_signature(std::string_view bytes) noexcept;

 private:
  struct Archive;
  std::string origin_;
  std::unique_ptr<Archive> archive_;
  std::vector<std::string> names_;
};

}  // namespace sluice
