#include "card/image/card_image.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <array>
#include <memory>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/json.hpp"

namespace sluice::card {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kUnixRegularFile = 0100644;
constexpr std::uint32_t kUnixProgram = 0100755;
constexpr int kDescriptionVersion = 1;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;
// 1980-01-01: the oldest time that a zip can hold, so that it says nothing about the build.
constexpr zip_uint16_t kDosDate = (1 << 5) | 1;

// XRT starts this script in the folder where it unpacked the zip. Its arguments are options of the
// simulator that it expects there.
constexpr std::string_view kStartScript =
    "#!/bin/sh\n"
    "here=$(dirname \"$0\")\n"
    "exec \"$here/sluice-card\" --image \"$here\"\n";

struct ZipFile {
  std::string_view name;
  std::string bytes;
  std::uint32_t unix_mode = kUnixRegularFile;
};

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

struct FreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, FreeSource>;

[[noreturn]] void fail_zip(std::string_view what, std::string_view why) {
  throw ToolError("E-CARD-010", "card image",
                  fmt::format("cannot make the zip: {}: {}", what, why));
}

void add_file(zip_t* archive, const ZipFile& file) {
  const std::string path = std::string(kImageFolder) + std::string(file.name);
  zip_source_t* source = zip_source_buffer(archive, file.bytes.data(), file.bytes.size(), 0);
  if (source == nullptr) fail_zip(path, zip_strerror(archive));
  const zip_int64_t index = zip_file_add(archive, path.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    fail_zip(path, zip_strerror(archive));
  }
  const auto entry = static_cast<zip_uint64_t>(index);
  if (zip_file_set_dostime(archive, entry, 0, kDosDate, 0) != 0 ||
      zip_file_set_external_attributes(archive, entry, 0, ZIP_OPSYS_UNIX, file.unix_mode << 16) !=
          0) {
    fail_zip(path, zip_strerror(archive));
  }
}

std::string zip_bytes(const std::vector<ZipFile>& files) {
  zip_error_t error;
  zip_error_init(&error);
  Source source(zip_source_buffer_create(nullptr, 0, 0, &error));
  if (!source) fail_zip("memory", zip_error_strerror(&error));
  Archive archive(zip_open_from_source(source.get(), ZIP_TRUNCATE, &error));
  if (!archive) fail_zip("memory", zip_error_strerror(&error));
  // The archive owns one reference from now on; ours keeps the written bytes readable.
  zip_source_keep(source.get());
  for (const ZipFile& file : files) add_file(archive.get(), file);
  if (zip_close(archive.get()) != 0) fail_zip("close", zip_strerror(archive.get()));
  static_cast<void>(archive.release());

  zip_stat_t stat;
  if (zip_source_open(source.get()) != 0 || zip_source_stat(source.get(), &stat) != 0) {
    fail_zip("read back", zip_error_strerror(zip_source_error(source.get())));
  }
  std::string bytes(stat.size, '\0');
  if (zip_source_read(source.get(), bytes.data(), bytes.size()) !=
      static_cast<zip_int64_t>(bytes.size())) {
    fail_zip("read back", zip_error_strerror(zip_source_error(source.get())));
  }
  return bytes;
}

std::string description_text(const package::XclbinContent& description) {
  Json units = Json::array();
  for (const package::XclbinKernel& kernel : description.kernels) {
    for (const package::XclbinInstance& instance : kernel.instances) {
      units.push_back({{"kernel", kernel.name},
                       {"name", instance.name},
                       {"base_address", instance.base_address},
                       {"range_bytes", kernel.control_range_bytes}});
    }
  }
  const Json card = {{"version", kDescriptionVersion},
                     {"clock_mhz", description.clock_mhz},
                     {"units", std::move(units)}};
  return card.dump(2) + "\n";
}

std::string file_for_image(const fs::path& path, std::string_view what) {
  if (path.empty()) {
    throw ToolError("E-CARD-010", std::string(what), "the card image needs this file");
  }
  return read_file(path);
}

std::string read_entry(zip_t* archive, const zip_stat_t& stat, std::string_view origin) {
  const auto fail = [&](std::string_view why) {
    throw DeviceError("E-CARD-012", std::string(origin),
                      fmt::format("cannot unpack `{}`: {}", stat.name, why),
                      "make the package again with `sluice compile`");
  };
  if (stat.size > kMaxFileBytes) fail("it is too large");
  struct Close {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
  };
  const std::unique_ptr<zip_file_t, Close> file(zip_fopen_index(archive, stat.index, 0));
  if (!file) fail(zip_strerror(archive));
  // Not allocated at once: the size in the directory is a claim.
  std::string bytes;
  std::array<char, 65536> chunk{};
  for (;;) {
    const zip_int64_t count = zip_fread(file.get(), chunk.data(), chunk.size());
    if (count < 0) fail(zip_file_strerror(file.get()));
    if (count == 0) break;
    bytes.append(chunk.data(), static_cast<std::size_t>(count));
    if (bytes.size() > stat.size) fail("it is longer than it says");
  }
  if (bytes.size() != stat.size) fail("it is shorter than it says");
  return bytes;
}

}  // namespace

std::string make_card_bitstream(const CardImage& image, const package::XclbinContent& description) {
  std::vector<ZipFile> files;
  files.push_back({kDescriptionName, description_text(description)});
  files.push_back({kManifestName, image.manifest_json});
  if (!image.network_text.empty()) files.push_back({kNetworkName, image.network_text});
  if (!image.kernel_library.empty()) {
    files.push_back({kKernelName, file_for_image(image.kernel_library, kKernelName)});
  }
  files.push_back({kProgramName, file_for_image(image.card_program, kProgramName), kUnixProgram});
  files.push_back({kStartScriptName, std::string(kStartScript), kUnixProgram});
  return zip_bytes(files);
}

CardDescription read_card_description(const fs::path& image_folder) {
  const fs::path path = image_folder / kDescriptionName;
  try {
    const Json card = parse_json(read_file(path), path.string());
    if (card.at("version").get<int>() != kDescriptionVersion) {
      throw DeviceError(
          "E-CARD-011", path.string(),
          fmt::format("version {}, expected {}", card.at("version").dump(), kDescriptionVersion),
          "make the package again with `sluice compile`");
    }
    CardDescription description;
    description.clock_mhz = card.at("clock_mhz").get<std::uint32_t>();
    for (const Json& unit : card.at("units")) {
      description.units.push_back({unit.at("kernel").get<std::string>(),
                                   unit.at("name").get<std::string>(),
                                   unit.at("base_address").get<std::uint64_t>(),
                                   unit.at("range_bytes").get<std::uint32_t>()});
    }
    return description;
  } catch (const Json::exception& error) {
    throw DeviceError("E-CARD-011", path.string(), error.what(),
                      "make the package again with `sluice compile`");
  }
}

void unpack_card_bitstream(std::string_view zip, std::string_view origin, const fs::path& folder) {
  zip_error_t error;
  zip_error_init(&error);
  const auto fail = [&](std::string_view why) {
    throw DeviceError("E-CARD-012", std::string(origin),
                      fmt::format("the BITSTREAM section is not a card image: {}", why),
                      "use an xclbin that `sluice compile` made");
  };
  zip_source_t* source = zip_source_buffer_create(zip.data(), zip.size(), 0, &error);
  if (source == nullptr) fail(zip_error_strerror(&error));
  const Archive archive(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (!archive) {
    zip_source_free(source);
    fail(zip_error_strerror(&error));
  }
  constexpr std::array kNames = {kDescriptionName, kManifestName, kNetworkName};
  bool has_description = false;
  for (const std::string_view name : kNames) {
    const std::string path = std::string(kImageFolder) + std::string(name);
    zip_stat_t stat;
    if (zip_stat(archive.get(), path.c_str(), 0, &stat) != 0) continue;
    write_file(folder / name, read_entry(archive.get(), stat, origin));
    has_description = has_description || name == kDescriptionName;
  }
  if (!has_description) fail("it holds no card.json");
}

}  // namespace sluice::card
