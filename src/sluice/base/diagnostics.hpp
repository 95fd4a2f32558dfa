#pragma once

#include <string>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/json.hpp"

namespace sluice {

/// One finding about a model: `subject` is the layer (or tensor) in the user's own words.
struct Diagnostic {
  std::string code;
  std::string subject;
  std::string message;
  std::string hint;
};

/// "code: subject: message", and what to try on a line of its own.
inline std::string to_string(const Diagnostic& finding) {
  const std::string text = finding.code + ": " + finding.subject + ": " + finding.message;
  return finding.hint.empty() ? text : text + "\n  try: " + finding.hint;
}

/// What to_json() has written.
inline Diagnostic diagnostic_of(const Json& json) {
  return {json.at("code"), json.at("subject"), json.at("message"), json.at("hint")};
}
inline Json to_json(const Diagnostic& finding) {
  return {{"code", finding.code},
          {"subject", finding.subject},
          {"message", finding.message},
          {"hint", finding.hint}};
}

/// Collects all findings of a stage, so that a user sees every problem of a file at once.
class Diagnostics {
 public:
  void error(Diagnostic finding) { errors_.push_back(std::move(finding)); }
  void warn(Diagnostic finding) { warnings_.push_back(std::move(finding)); }

  const std::vector<Diagnostic>& errors() const noexcept { return errors_; }
  const std::vector<Diagnostic>& warnings() const noexcept { return warnings_; }

  /// Throws one ModelError about `file` that lists every error; does nothing when there is none.
  void throw_if_errors(const std::string& file) const;

 private:
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
};

inline void Diagnostics::throw_if_errors(const std::string& file) const {
  if (errors_.empty()) return;
  if (errors_.size() == 1) {
    const Diagnostic& only = errors_.front();
    throw ModelError(only.code, file + ": " + only.subject, only.message, only.hint);
  }
  std::string text = std::to_string(errors_.size()) + " problems";
  for (const Diagnostic& error : errors_) {
    text += "\n  " + error.code + ": " + error.subject + ": " + error.message;
    if (!error.hint.empty()) text += "\n    try: " + error.hint;
  }
  throw ModelError(errors_.front().code, file, text);
}

}  // namespace sluice
