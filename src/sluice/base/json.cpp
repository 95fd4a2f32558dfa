#include "sluice/base/json.hpp"

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/progress.hpp"

namespace sluice {

Json parse_json(std::string_view text, std::string_view origin) {
  constexpr int kDeepest = 200;
  try {
    return Json::parse(text, [&](int depth, Json::parse_event_t, Json&) {
      if (depth > kDeepest) {
        throw ModelError("E-BASE-002", std::string(origin), "JSON nested deeper than 200 levels");
      }
      return true;
    });
  } catch (const nlohmann::json::exception& error) {
    throw ModelError("E-BASE-001", std::string(origin),
                     std::string("not valid JSON: ") + error.what());
  }
}

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_file(path), path.string());
}

void write_json(const std::filesystem::path& path, const Json& value) {
  write_file(path, value.dump(2) + "\n");
}

ProgressSink& no_progress() noexcept {
  struct Silent final : ProgressSink {
    void update(std::string_view, std::uint64_t, std::uint64_t) override {}
  };
  static Silent silent;
  return silent;
}

}  // namespace sluice
