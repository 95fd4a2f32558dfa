#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice {

/// Whose fault a failure is. It decides the exit code of `sluice` and the Python exception.
enum class ErrorKind { usage, model, tool, device, internal };

/// Exit code of the command line for a failure of this kind: 2, 3, 4, 5 or 70.
int exit_code(ErrorKind kind) noexcept;

/// The one exception of the library.
///
/// `code` is stable and documented (`E-FRONTEND-003`); `subject` is the file, layer or argument
/// that is concerned; `message` says what was found and what was expected; `hint` what would work.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string code, std::string subject, std::string message,
        std::string hint = {});

  ErrorKind kind() const noexcept { return kind_; }
  const std::string& code() const noexcept { return code_; }
  const std::string& subject() const noexcept { return subject_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
  ErrorKind kind_;
  std::string code_, subject_, message_, hint_;
};

/// One class per kind, so that callers can catch by kind.
template <ErrorKind Kind>
class ErrorOf : public Error {
 public:
  explicit ErrorOf(std::string code, std::string subject, std::string message,
                   std::string hint = {})
      : Error(Kind, std::move(code), std::move(subject), std::move(message), std::move(hint)) {}
};

using UsageError = ErrorOf<ErrorKind::usage>;        ///< wrong arguments, shapes or types
using ModelError = ErrorOf<ErrorKind::model>;        ///< model unsupported or malformed
using ToolError = ErrorOf<ErrorKind::tool>;          ///< tool or file missing
using DeviceError = ErrorOf<ErrorKind::device>;      ///< device or runtime
using InternalError = ErrorOf<ErrorKind::internal>;  ///< our own bug

}  // namespace sluice
