#pragma once

#include <string>
#include <utility>

#include "sluice/base/error.hpp"

namespace sluice::frontend {

/// Throws ModelError without a subject: whoever knows the layer adds its name.
[[noreturn]] inline void refuse(const char* code, std::string message, std::string hint = {}) {
  throw ModelError(code, "", std::move(message), std::move(hint));
}

}  // namespace sluice::frontend
