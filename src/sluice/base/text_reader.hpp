#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/error.hpp"

namespace sluice {

/// Reads the tokens of our text forms: words, integers, quoted strings and single punctuation
/// marks, separated by white space; `#` starts a comment that runs to the end of the line.
///
/// Every failure is a ModelError E-TEXT-001 whose subject is `origin:line`. Safe for untrusted
/// text.
class TextReader {
 public:
  TextReader(std::string_view text, std::string_view origin);

  bool at_end() const noexcept { return token_.empty(); }
  /// The next token without consuming it; empty at the end.
  std::string_view peek() const noexcept { return token_; }
  bool accept(std::string_view token);
  void expect(std::string_view token);
  /// A word: letters, digits and any of `_ . - + / % @ : < >`.
  std::string word();
  std::int64_t integer();
  /// An integer from `min` to `max`.
  std::int64_t integer(std::int64_t min, std::int64_t max);
  std::string quoted();

  [[nodiscard]] ModelError error(std::string message) const;

 private:
  void advance();

  std::string_view rest_, token_;
  std::string origin_;
  int line_ = 1;
  int token_line_ = 1;
};

/// `text` in double quotes, with `"`, `\` and control characters escaped as TextReader reads them.
std::string quote(std::string_view text);

}  // namespace sluice
