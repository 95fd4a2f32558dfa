#include "sluice/frontend/keras_archive.hpp"

#include <cstdint>

#include "sluice/base/error.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/zip_reader.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"

namespace sluice::frontend {

namespace {

constexpr std::uint64_t kMostConfigBytes = std::uint64_t{1} << 26;
constexpr std::uint64_t kMostWeightBytes = std::uint64_t{1} << 28;

}  // namespace

KerasArchive read_keras_archive(std::string_view bytes, const std::string& origin) {
  KerasArchive result;
  try {
    const ZipReader archive(bytes, origin);
    if (!archive.contains("config.json") || !archive.contains("model.weights.h5")) {
      throw ModelError(codes::kFormat, origin,
                       "a zip archive without `config.json` and `model.weights.h5`",
                       "a .keras file, as model.save(\"model.keras\") writes it, is read");
    }
    result.model_config = archive.read("config.json", kMostConfigBytes);
    result.weights = archive.read("model.weights.h5", kMostWeightBytes);
    if (archive.contains("metadata.json")) {
      const std::string metadata = archive.read("metadata.json", kMostConfigBytes);
      result.keras_version = string_or(parse_json(metadata, origin), "keras_version", "");
    }
  } catch (const UsageError& error) {
    throw ModelError(codes::kFormat, origin, error.message(),
                     "save the model again; the file may be truncated");
  }
  return result;
}

}  // namespace sluice::frontend
