#include "sluice/base/error.hpp"

#include <fmt/format.h>

namespace sluice {

namespace {

std::string describe(std::string_view code, std::string_view subject, std::string_view message,
                     std::string_view hint) {
  std::string text = fmt::format("{}: ", code);
  if (!subject.empty()) text += fmt::format("{}: ", subject);
  text += message;
  if (!hint.empty()) text += fmt::format("\n  try: {}", hint);
  return text;
}

}  // namespace

int exit_code(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::usage:
      return 2;
    case ErrorKind::model:
      return 3;
    case ErrorKind::tool:
      return 4;
    case ErrorKind::device:
      return 5;
    case ErrorKind::internal:
      return 70;
  }
  return 70;
}

Error::Error(ErrorKind kind, std::string code, std::string subject, std::string message,
             std::string hint)
    : std::runtime_error(describe(code, subject, message, hint)),
      kind_(kind),
      code_(std::move(code)),
      subject_(std::move(subject)),
      message_(std::move(message)),
      hint_(std::move(hint)) {}

}  // namespace sluice
