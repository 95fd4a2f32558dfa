#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/package/xclbin.hpp"
#include "sluice/runtime/card_backend.hpp"

namespace sluice::runtime::detail {

namespace {

namespace fs = std::filesystem;

constexpr const char* kModuleName = "libsluice_runtime_xrt.so";
constexpr const char* kModuleVariable = "SLUICE_RUNTIME_XRT";
constexpr const char* kReinstall = "install Sluice with its XRT back end, and libxrt1";
constexpr const char* kInstallXrt =
    "install the Xilinx Runtime: apt-get install libxrt1, or the XRT that belongs to the card";

/// The file that this code was loaded from: the program, or a library around it.
fs::path own_file() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&own_file), &info) == 0) return {};
  std::error_code ignored;
  return fs::weakly_canonical(info.dli_fname, ignored);
}

/// Beside this code's file, in the library folder of each folder above it (a build tree or an
/// installation that was moved), then where Sluice was configured to be installed.
std::vector<fs::path> places() {
  std::vector<fs::path> result;
  fs::path folder = own_file().parent_path();
  result.push_back(folder / kModuleName);
  while (folder.has_relative_path()) {
    result.push_back(folder / SLUICE_LIBRARY_FOLDER / "sluice" / kModuleName);
    folder = folder.parent_path();
  }
  result.push_back(fs::path(SLUICE_INSTALLED_LIBRARY_FOLDER) / "sluice" / kModuleName);
  return result;
}

fs::path find_module() {
  if (const char* chosen = std::getenv(kModuleVariable); chosen != nullptr && *chosen != '\0') {
    return chosen;
  }
  for (const fs::path& place : places()) {
    std::error_code ignored;
    if (fs::is_regular_file(place, ignored)) return place;
  }
  throw DeviceError("E-RUNTIME-008", kModuleName, "the XRT back end is not installed", kReinstall);
}

struct Module {
  XrtEntry* open_device;
  XrtCardEntry* open_card;
  XrtCountEntry* count_cards;
};

/// Loads it at the first call. Never unloaded: XRT's threads and exceptions may outlive any device.
Module load_module() {
  const fs::path file = find_module();
  void* const module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr) {
    throw DeviceError("E-RUNTIME-008", file.string(),
                      std::string("the XRT back end cannot be loaded: ") + ::dlerror(),
                      kInstallXrt);
  }
  const auto* version = static_cast<const char* const*>(::dlsym(module, kXrtVersionName));
  const Module found{reinterpret_cast<XrtEntry*>(::dlsym(module, kXrtEntryName)),
                     reinterpret_cast<XrtCardEntry*>(::dlsym(module, kXrtCardEntryName)),
                     reinterpret_cast<XrtCountEntry*>(::dlsym(module, kXrtCountName))};
  if (version == nullptr || found.open_device == nullptr || found.open_card == nullptr ||
      found.count_cards == nullptr || *version != std::string_view(SLUICE_VERSION)) {
    throw DeviceError("E-RUNTIME-008", file.string(),
                      "is not the XRT back end of Sluice " SLUICE_VERSION,
                      "install the library and its back end together");
  }
  return found;
}

/// The kernel's name and arguments may be right and the network another one. An xclbin of Vitis
/// does not say which network it holds, and XRT has its own words for a file that is not there.
void require_network_of(const package::Package& package) {
  const std::string file = package.xclbin_file().string();
  if (!fs::exists(file)) return;
  const std::string network = package::read_xclbin(read_file(file), file).network_sha256;
  const auto own = package.manifest().files.find(package.network_file().filename().string());
  if (network.empty() || (own != package.manifest().files.end() && own->second == network)) return;
  throw ModelError("E-RUNTIME-015", file, "holds another network than its package",
                   "compile the model again");
}

}  // namespace

std::unique_ptr<DeviceBackend> open_xrt(const package::Package& package, unsigned index,
                                        const DeviceOptions& options) {
  const Module module = load_module();
  require_network_of(package);
  return std::unique_ptr<DeviceBackend>(module.open_device(package, index, options));
}

unsigned count_xrt_cards() { return load_module().count_cards(); }

std::unique_ptr<CardBackend> open_xrt_card(const fs::path& xclbin, unsigned index) {
  return std::unique_ptr<CardBackend>(load_module().open_card(xclbin, index));
}

}  // namespace sluice::runtime::detail
