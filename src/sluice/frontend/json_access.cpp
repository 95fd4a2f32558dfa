#include "sluice/frontend/json_access.hpp"

#include <cmath>

namespace sluice::frontend {

Json parse_python_json(std::string text, std::string_view origin) {
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string) {
      for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
        if (text.compare(i, word.size(), word) == 0) text.replace(i, word.size(), "null");
      }
    }
  }
  return parse_json(text, origin);
}

const Json* find(const Json& object, std::string_view key) noexcept {
  if (!object.is_object()) return nullptr;
  const auto member = object.find(key);
  return member == object.end() ? nullptr : &*member;
}

std::optional<std::string> as_string(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

std::optional<std::int64_t> as_integer(const Json& value) noexcept {
  constexpr double kExactIntegers = 9007199254740992.0;
  const std::optional<double> number = as_number(value);
  if (!number || std::abs(*number) >= kExactIntegers || std::trunc(*number) != *number) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*number);
}

std::optional<double> as_number(const Json& value) noexcept {
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  if (!std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<bool> as_bool(const Json& value) noexcept {
  const std::optional<double> number = as_number(value);
  if (!number || (*number != 0.0 && *number != 1.0)) return std::nullopt;
  return *number == 1.0;
}

std::string string_or(const Json& object, std::string_view key, std::string_view fallback) {
  const Json* const member = find(object, key);
  return member != nullptr && member->is_string() ? member->get<std::string>()
                                                  : std::string(fallback);
}

std::string excerpt(const Json& value) {
  return shortened(value.dump(-1, ' ', true, Json::error_handler_t::replace));
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  if (text.size() <= kLongest) return std::string(text);
  return std::string(text.substr(0, kLongest)) + "...";
}

}  // namespace sluice::frontend
