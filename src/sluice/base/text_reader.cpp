#include "sluice/base/text_reader.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace sluice {

namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_.-+/%@:<>").find(c) != std::string_view::npos;
}

std::size_t token_length(std::string_view text) {
  if (text.front() == '"') {
    std::size_t i = 1;
    while (i < text.size() && text[i] != '"' && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
    return std::min(i + 1, text.size());
  }
  if (!is_word_character(text.front())) return 1;
  std::size_t i = 1;
  while (i < text.size() && is_word_character(text[i])) ++i;
  return i;
}

}  // namespace

TextReader::TextReader(std::string_view text, std::string_view origin)
    : rest_(text), origin_(origin) {
  advance();
}

void TextReader::advance() {
  for (;;) {
    const std::size_t start = rest_.find_first_not_of(" \t\r");
    rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
    if (rest_.empty()) break;
    if (rest_.front() == '#') {
      const std::size_t end = rest_.find('\n');
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
    } else if (rest_.front() == '\n') {
      ++line_;
      rest_.remove_prefix(1);
    } else {
      break;
    }
  }
  token_line_ = line_;
  token_ = rest_.empty() ? rest_ : rest_.substr(0, token_length(rest_));
  rest_.remove_prefix(token_.size());
}

bool TextReader::accept(std::string_view token) {
  if (token_ != token) return false;
  advance();
  return true;
}

void TextReader::expect(std::string_view token) {
  if (!accept(token)) throw error(fmt::format("expected '{}', found '{}'", token, token_));
}

std::string TextReader::word() {
  if (token_.empty() || !is_word_character(token_.front())) {
    throw error(fmt::format("expected a word, found '{}'", token_));
  }
  std::string text(token_);
  advance();
  return text;
}

std::int64_t TextReader::integer() {
  return integer(std::numeric_limits<std::int64_t>::min(),
                 std::numeric_limits<std::int64_t>::max());
}

std::int64_t TextReader::integer(std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  const char* const end = token_.data() + token_.size();
  const auto [rest, status] = std::from_chars(token_.data(), end, value);
  if (token_.empty() || status != std::errc() || rest != end) {
    throw error(fmt::format("expected an integer, found '{}'", token_));
  }
  if (value < min || value > max) {
    throw error(fmt::format("{} is not in the range from {} to {}", value, min, max));
  }
  advance();
  return value;
}

std::string TextReader::quoted() {
  const bool closed = token_.size() >= 2 && token_.front() == '"' && token_.back() == '"';
  if (!closed) throw error(fmt::format("expected a quoted string, found '{}'", token_));
  std::string text;
  for (std::size_t i = 1; i + 1 < token_.size(); ++i) {
    if (token_[i] != '\\') {
      text += token_[i];
    } else if (i + 2 < token_.size()) {
      ++i;
      text += token_[i] == 'n' ? '\n' : token_[i];
    } else {
      throw error("unterminated string");
    }
  }
  advance();
  return text;
}

ModelError TextReader::error(std::string message) const {
  return ModelError("E-TEXT-001", fmt::format("{}:{}", origin_, token_line_), std::move(message));
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\n') {
      quoted += "\\n";
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace sluice
