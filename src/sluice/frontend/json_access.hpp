#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/json.hpp"

/// Reading untrusted JSON values without exceptions: a value of another kind is simply absent.
namespace sluice::frontend {

/// Parses what Python's json module writes: NaN and infinities, which are no JSON, become null.
/// Throws ModelError about `origin`.
Json parse_python_json(std::string text, std::string_view origin);

/// The member `key` of an object; null when `object` is no object or has no such member.
const Json* find(const Json& object, std::string_view key) noexcept;

std::optional<std::string> as_string(const Json& value);
/// An integer, or a floating-point number with an integer value, of magnitude below 2^53.
std::optional<std::int64_t> as_integer(const Json& value) noexcept;
/// A finite number; true and false are 1 and 0, as in Python.
std::optional<double> as_number(const Json& value) noexcept;
/// true, false, or a number that is 0 or 1.
std::optional<bool> as_bool(const Json& value) noexcept;

/// The string member `key` of `object`, or `fallback`.
std::string string_or(const Json& object, std::string_view key, std::string_view fallback);

/// `value` as text for a message, cut to a readable length.
std::string excerpt(const Json& value);
/// The same for text that is no JSON.
std::string shortened(std::string_view text);

}  // namespace sluice::frontend
