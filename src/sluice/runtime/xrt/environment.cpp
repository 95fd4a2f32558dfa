#include "sluice/runtime/xrt/environment.hpp"

#include <experimental/xrt_system.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "sluice/base/error.hpp"
#include "sluice/base/json.hpp"

namespace sluice::runtime::detail {

namespace {

namespace fs = std::filesystem;

constexpr const char* kUseCard =
    "run the program under `sluice card -- PROGRAM ...` for an emulated card; for a real one "
    "source setup.sh of its XRT first";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

void require_shim(const std::string& mode) {
  const std::string folder = variable("XILINX_XRT");
  if (folder.empty()) {
    throw DeviceError("E-RUNTIME-014", "XRT", "the variable XILINX_XRT is not set", kUseCard);
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kShims{
      {{"", "libxrt_core.so.2"},
       {"hw_emu", "libxrt_hwemu.so.2"},
       {"sw_emu", "libxrt_swemu.so.2"},
       {"noop", "libxrt_noop.so.2"}}};
  const auto* const shim = std::ranges::find(kShims, mode, &decltype(kShims)::value_type::first);
  if (shim == kShims.end()) {
    throw DeviceError("E-RUNTIME-014", "XRT",
                      fmt::format("XCL_EMULATION_MODE is `{}`, which XRT does not know", mode),
                      kUseCard);
  }
  const fs::path file = fs::path(folder) / "lib" / shim->second;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    throw DeviceError("E-RUNTIME-014", "XRT",
                      fmt::format("XILINX_XRT does not hold {}", file.string()), kUseCard);
  }
}

/// Counts in emconfig.json are written as numbers or as text.
unsigned count_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return 1;
  if (found->is_string()) {
    return static_cast<unsigned>(std::strtoul(found->get<std::string>().c_str(), nullptr, 10));
  }
  return found->get<unsigned>();
}

/// As XRT's shims read it: without an emconfig.json there is one card.
unsigned emulated_cards() {
  std::error_code ignored;
  fs::path folder = variable("EMCONFIG_PATH");
  if (folder.empty()) folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const fs::path file = folder / "emconfig.json";
  if (!fs::exists(file, ignored)) return 1;
  try {
    const Json config = read_json(file);
    unsigned cards = 0;
    for (const Json& board : config.at("Platform").at("Boards")) {
      unsigned devices = 0;
      for (const Json& device : board.at("Devices")) devices += count_of(device, "NumDevices");
      cards += count_of(board, "NumBoards") * devices;
    }
    return cards;
  } catch (const std::exception& error) {
    throw DeviceError("E-RUNTIME-014", file.string(),
                      fmt::format("cannot be understood: {}", error.what()), kUseCard);
  }
}

}  // namespace

std::string emulation_mode() { return variable("XCL_EMULATION_MODE"); }

unsigned count_cards() {
  const std::string mode = emulation_mode();
  require_shim(mode);
  return mode.empty() ? xrt::system::enumerate_devices() : emulated_cards();
}

void require_card(unsigned index) {
  const unsigned cards = count_cards();
  if (index < cards) return;
  throw DeviceError(
      "E-RUNTIME-007", fmt::format("xrt:{}", index),
      cards == 0 ? "XRT finds no card"
                 : fmt::format("there is no such card; XRT has {}, counted from xrt:0", cards),
      emulation_mode().empty() ? kUseCard
                               : "start more with `sluice card --cards N -- PROGRAM ...`");
}

}  // namespace sluice::runtime::detail
