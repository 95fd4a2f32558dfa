#pragma once

#include <link.h>

#include <span>

namespace sluice::guard {

/// One function that a library imports, and what it is to call instead.
struct Redirection {
  const char* name;
  void* replacement;
};

/// The loaded library of that soname, or null.
link_map* find_library(const char* soname);

/// Points every import of `library` that is named in `redirections` to its replacement. The imports
/// of all other libraries stay as they are. False, with nothing changed, when the library does not
/// import all of them through its procedure linkage table.
bool redirect_imports(link_map* library, std::span<const Redirection> redirections);

}  // namespace sluice::guard
