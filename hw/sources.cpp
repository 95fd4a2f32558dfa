#include "sluice/hw/sources.hpp"

#include "sluice/base/files.hpp"

namespace sluice::hw {
namespace {

constexpr Source kSources[] = {
#include "sources.inc"
};

}  // namespace

std::span<const Source> sources() { return kSources; }

void write_sources(const std::filesystem::path& folder) {
  for (const Source& source : sources()) write_file(folder / source.name, source.text);
}

}  // namespace sluice::hw
