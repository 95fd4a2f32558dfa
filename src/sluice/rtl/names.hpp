#pragma once

#include <string>
#include <string_view>

namespace sluice::rtl {

/// The nearest start of a Verilog identifier: letters, digits and single underscores, a letter
/// first, at most 48 characters. The caller's suffix makes it unique and no keyword.
std::string legal_stem(std::string_view name);

/// Throws UsageError E-RTL-001 unless `name` can name a kernel: a plain Verilog identifier, no
/// keyword, and none of the shell's `sluice_` names.
void check_kernel_name(std::string_view name);

}  // namespace sluice::rtl
