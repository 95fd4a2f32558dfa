#include "sluice/base/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "sluice/base/error.hpp"

namespace sluice {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(std::string_view code, const fs::path& path, std::string_view what,
                       int error_number, std::string hint = {}) {
  throw ToolError(std::string(code), path.string(),
                  std::string(what) + ": " + std::strerror(error_number), std::move(hint));
}

fs::path make_unique_folder(const fs::path& stem) {
  std::string pattern = stem.string() + ".XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    fail("E-BASE-005", stem.parent_path().empty() ? fs::path(".") : stem.parent_path(),
         "cannot create a folder here", errno, "choose an output folder that you may write to");
  }
  return pattern;
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) fail("E-BASE-003", path, "cannot read", EISDIR);
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("E-BASE-003", path, "cannot read", errno);
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) fail("E-BASE-003", path, "cannot read", EIO);
  return bytes;
}

void write_file(const fs::path& path, std::string_view bytes) {
  std::string temporary = path.string() + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) fail("E-BASE-004", path, "cannot write", errno);
  std::size_t done = 0;
  int error_number = 0;
  while (done < bytes.size() && error_number == 0) {
    const ssize_t count = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      error_number = errno;
    }
  }
  if (fchmod(fd, 0644) != 0 && error_number == 0) error_number = errno;
  if (::close(fd) != 0 && error_number == 0) error_number = errno;
  if (error_number == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error_number = errno;
  if (error_number != 0) {
    ::unlink(temporary.c_str());
    fail("E-BASE-004", path, "cannot write", error_number);
  }
}

TemporaryFolder::TemporaryFolder(std::string_view prefix)
    : path_(make_unique_folder(fs::temp_directory_path() / prefix)) {}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

StagedFolder::StagedFolder(fs::path target) : target_(std::move(target)) {
  if (target_.filename().empty()) target_ = target_.parent_path();
  std::error_code error;
  const fs::path parent = target_.parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) fail("E-BASE-005", parent, "cannot create this folder", error.value());
  if (fs::exists(target_, error) && !fs::is_directory(target_, error)) {
    fail("E-BASE-005", target_, "is not a folder", ENOTDIR, "choose another output folder");
  }
  staging_ = make_unique_folder(parent / ("." + target_.filename().string()));
  fs::permissions(staging_, fs::perms(0755), error);
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!staging_.empty()) fs::remove_all(staging_, ignored);
}

void StagedFolder::commit() {
  std::error_code error;
  fs::path old;
  if (fs::exists(target_, error)) {
    old = staging_.string() + ".old";
    fs::rename(target_, old, error);
    if (error) fail("E-BASE-005", target_, "cannot replace this folder", error.value());
  }
  fs::rename(staging_, target_, error);
  if (error) {
    std::error_code ignored;
    if (!old.empty()) fs::rename(old, target_, ignored);
    fail("E-BASE-005", target_, "cannot create this folder", error.value());
  }
  staging_.clear();
  if (!old.empty()) fs::remove_all(old, error);
}

}  // namespace sluice
