#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace sluice::hw {

/// One hand-written Verilog file of the kernel shell, as it was when this library was built.
struct Source {
  std::string_view name;  ///< file name, `sluice_fifo.v`
  std::string_view text;
};

/// Every shell and checker module, in alphabetical order.
std::span<const Source> sources();

/// Writes them all into `folder`, which exists. Throws ToolError.
void write_sources(const std::filesystem::path& folder);

}  // namespace sluice::hw
