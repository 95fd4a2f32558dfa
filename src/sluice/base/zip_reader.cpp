#include "sluice/base/zip_reader.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <utility>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"

namespace sluice {

namespace {

struct ZipClose {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct ZipFileClose {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

[[noreturn]] void refuse(const std::string& origin, std::string message) {
  throw UsageError("E-BASE-007", origin, std::move(message));
}

}  // namespace

struct ZipReader::Archive {
  std::unique_ptr<zip_t, ZipClose> handle;
};

ZipReader::ZipReader(std::string_view bytes, std::string origin)
    : origin_(std::move(origin)), archive_(std::make_unique<Archive>()) {
  constexpr zip_int64_t kMostEntries = 1 << 16;
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  SLUICE_CHECK(source != nullptr, "libzip has no memory");
  archive_->handle.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (!archive_->handle) {
    zip_source_free(source);
    refuse(origin_, "not an intact zip archive");
  }
  const zip_int64_t entries = zip_get_num_entries(archive_->handle.get(), 0);
  if (entries > kMostEntries) refuse(origin_, fmt::format("has {} entries", entries));
  for (zip_int64_t i = 0; i < entries; ++i) {
    const char* const name =
        zip_get_name(archive_->handle.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_GUESS);
    if (name == nullptr) refuse(origin_, "bad entry");
    names_.emplace_back(name);
  }
}

ZipReader::~ZipReader() = default;

bool ZipReader::contains(std::string_view name) const noexcept {
  return std::ranges::find(names_, name) != names_.end();
}

std::string ZipReader::read(std::string_view name, std::uint64_t most_bytes) const {
  const auto found = std::ranges::find(names_, name);
  if (found == names_.end()) refuse(origin_, fmt::format("has no entry {}", name));
  const auto index = static_cast<zip_uint64_t>(found - names_.begin());
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(archive_->handle.get(), index, 0, &stat) != 0 ||
      (stat.valid & ZIP_STAT_SIZE) == 0) {
    refuse(origin_, fmt::format("entry {} cannot be read", name));
  }
  if (stat.size > most_bytes) {
    refuse(origin_,
           fmt::format("entry {} has {} bytes; at most {} are read", name, stat.size, most_bytes));
  }
  const std::unique_ptr<zip_file_t, ZipFileClose> file(
      zip_fopen_index(archive_->handle.get(), index, 0));
  // An entry that claims more than it holds ends the loop before the memory for its claim is used.
  constexpr std::uint64_t kStep = std::uint64_t{1} << 22;
  std::string bytes;
  while (file && bytes.size() < stat.size) {
    const std::size_t start = bytes.size();
    bytes.resize(start + std::min<std::uint64_t>(kStep, stat.size - start));
    if (zip_fread(file.get(), &bytes[start], bytes.size() - start) !=
        static_cast<zip_int64_t>(bytes.size() - start)) {
      break;
    }
  }
  // The checksum is looked at when the end of the entry is read.
  char past_the_end = 0;
  if (!file || bytes.size() != stat.size || zip_fread(file.get(), &past_the_end, 1) != 0) {
    refuse(origin_, fmt::format("entry {} cannot be read", name));
  }
  return bytes;
}

bool ZipReader::has_signature(std::string_view bytes) noexcept {
  return bytes.starts_with("PK\x03\x04");
}

}  // namespace sluice
