#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

namespace sluice {

/// Keeps the order in which keys were written, so that files are the same for the same input.
using Json = nlohmann::ordered_json;

/// Reads a JSON file. Throws ToolError (cannot read) or ModelError (not JSON), both naming the
/// file.
Json read_json(const std::filesystem::path& path);

/// Parses JSON text; `origin` names it in the ModelError of a failure. Nesting is limited to 200.
Json parse_json(std::string_view text, std::string_view origin);

/// Writes `value`, indented, atomically (temporary file, then rename).
void write_json(const std::filesystem::path& path, const Json& value);

}  // namespace sluice
