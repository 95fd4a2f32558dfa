#include "sluice/frontend/quantizer_expression.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"

namespace sluice::frontend {

namespace {

constexpr std::size_t kLongestExpression = 4096;

constexpr bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view text) : text_(text), rest_(text) {
    if (text.size() > kLongestExpression) fail("is too long");
  }

  CallExpression parse() {
    CallExpression call;
    call.function = name();
    if (accept('(') && !accept(')')) {
      do {
        argument(call);
      } while (accept(','));
      if (!accept(')')) fail("has no closing parenthesis");
    }
    skip_spaces();
    if (!rest_.empty()) fail("has something after the closing parenthesis");
    return call;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw ModelError(codes::kQuantizer, "", fmt::format("`{}` {}", shortened(text_), what),
                     "write it as quantized_bits(6,0,alpha=1) or quantized_relu(6,0)");
  }

  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
      rest_.remove_prefix(1);
    }
  }

  bool accept(char c) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string name() {
    skip_spaces();
    std::size_t size = 0;
    while (size < rest_.size() && is_name_character(rest_[size])) ++size;
    if (size == 0) fail("is not a call of a quantiser");
    std::string word(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return word;
  }

  void argument(CallExpression& call) {
    skip_spaces();
    const std::string_view before = rest_;
    if (!rest_.empty() &&
        ((rest_.front() >= 'a' && rest_.front() <= 'z') || rest_.front() == '_')) {
      std::string keyword = name();
      if (accept('=')) {
        call.keywords.emplace_back(std::move(keyword), value());
        return;
      }
      rest_ = before;
    }
    if (!call.keywords.empty()) fail("has a positional argument after a keyword");
    call.positional.push_back(value());
  }

  Json value() {
    skip_spaces();
    if (rest_.starts_with('\'') || rest_.starts_with('"')) return quoted();
    const std::size_t size = std::min(rest_.find_first_of(",) \t"), rest_.size());
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (word == "True") return true;
    if (word == "False") return false;
    if (word == "None") return nullptr;
    return number(word);
  }

  Json quoted() {
    const char quote = rest_.front();
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail("has an unfinished text");
    Json text = std::string(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  Json number(std::string_view word) const {
    const char* const end = word.data() + word.size();
    std::int64_t integer = 0;
    if (const auto [rest, status] = std::from_chars(word.data(), end, integer);
        status == std::errc() && rest == end) {
      return integer;
    }
    double real = 0;
    const auto [rest, status] = std::from_chars(word.data(), end, real);
    if (word.empty() || status != std::errc() || rest != end || !std::isfinite(real)) {
      fail(fmt::format("has an argument `{}` that is no number, text, True, False or None",
                       shortened(word)));
    }
    return real;
  }

  std::string_view text_, rest_;
};

}  // namespace

CallExpression parse_call_expression(std::string_view text) {
  return ExpressionParser(text).parse();
}

}  // namespace sluice::frontend
