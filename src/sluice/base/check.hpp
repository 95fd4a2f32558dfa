#pragma once

#include <fmt/format.h>

#include "sluice/base/error.hpp"

/// States an invariant of ours. A violation throws InternalError and never ends the host process.
#define SLUICE_CHECK(condition, ...)                                                   \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      throw ::sluice::InternalError(                                                   \
          "E-INTERNAL-001", fmt::format("{}:{}", __FILE_NAME__, __LINE__),             \
          fmt::format("`{}` does not hold: {}", #condition, fmt::format(__VA_ARGS__)), \
          "this is a bug in Sluice; please report it");                                \
    }                                                                                  \
  } while (false)
