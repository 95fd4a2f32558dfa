#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include "card/image/card_image.hpp"
#include "card/launcher/launcher.hpp"
#include "card/settings/settings.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/json.hpp"

namespace sluice::card {

namespace fs = std::filesystem;

namespace {

constexpr unsigned kMaxCards = 16;
constexpr unsigned kMaxBankGib = 1024;

// Names that XRT takes for platforms with a scheduler in hardware.
constexpr std::array kReservedInNames = {"201830", "201910", "201920"};

fs::path guard_name(std::string_view shim) {
  return fmt::format("libsluice_xrt_guard_{}.so", shim);
}

bool is_card_folder(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / kProgramName, ignored) &&
         fs::exists(folder / guard_name("hwemu"), ignored) &&
         fs::exists(folder / guard_name("swemu"), ignored);
}

/// The file that this code was linked into: a program or a Python extension.
fs::path own_file() {
  Dl_info module{};
  std::error_code error;
  if (::dladdr(reinterpret_cast<const void*>(&is_card_folder), &module) != 0 &&
      module.dli_fname != nullptr) {
    fs::path file = fs::canonical(module.dli_fname, error);
    if (!error) return file;
  }
  return fs::canonical("/proc/self/exe", error);
}

/// The folder of Debian's or the vendor's XRT libraries.
fs::path xrt_library_folder() {
  std::vector<fs::path> folders = {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                                   "/usr/lib64", "/usr/lib", "/opt/xilinx/xrt/lib"};
  if (const auto xrt = environment_variable("XILINX_XRT"))
    folders.push_back(fs::path(*xrt) / "lib");
  std::error_code ignored;
  for (const fs::path& folder : folders) {
    if (fs::exists(folder / "libxrt_hwemu.so.2", ignored)) return fs::canonical(folder);
  }
  throw ToolError("E-CARD-002", "libxrt_hwemu.so.2", "the Xilinx Runtime is not installed",
                  "apt-get install libxrt1");
}

void check(const CardOptions& options) {
  if (options.cards < 1 || options.cards > kMaxCards) {
    throw UsageError("E-CARD-003", "cards",
                     fmt::format("found {}, expected 1 to {}", options.cards, kMaxCards));
  }
  if (options.bank_gib < 1 || options.bank_gib > kMaxBankGib) {
    throw UsageError("E-CARD-003", "device memory",
                     fmt::format("found {} GiB, expected 1 to {}", options.bank_gib, kMaxBankGib));
  }
  for (const char* reserved : kReservedInNames) {
    if (options.device_name.find(reserved) == std::string::npos) continue;
    throw UsageError("E-CARD-003", options.device_name,
                     fmt::format("a name with {} switches XRT to legacy platforms", reserved));
  }
  static_cast<void>(read_card_settings());
}

Json emulation_config(const CardOptions& options) {
  const Json device = {
      {"Name", options.device_name},
      {"HalMajorVersion", "1"},
      {"HalMinorVersion", "0"},
      {"VendorId", "4334"},
      {"SubsystemVendorId", "0"},
      {"DeviceVersion", "0"},
      {"DataAlignment", "4096"},
      {"NumDevices", "1"},
      {"OclFreqency", "300"},
      {"DdrBanks", Json::array({{{"Size", fmt::format("{}G", options.bank_gib)}}})}};
  const Json board = {{"NumBoards", std::to_string(options.cards)},
                      {"Devices", Json::array({device})}};
  return {
      {"Version", {{"FileVersion", "2.0"}, {"ToolVersion", "2022.1"}}},
      {"Platform",
       {{"UnifiedPlatform", "true"}, {"ExpandedPR", "false"}, {"Boards", Json::array({board})}}}};
}

// The scheduler inside XRT's library has the lowest latency and never waits for whole seconds; the
// message thread of the platform model would delay each close.
constexpr std::string_view kXrtIni =
    "[Runtime]\n"
    "kds=false\n"
    "kds_sw_emu=false\n"
    "[Emulation]\n"
    "system_dpa=false\n"
    "print_infos_in_console=false\n"
    "suppress_infos=true\n";

// The scheduler inside XRT's library would write registers, which the no-op shim has not.
constexpr std::string_view kNoopXrtIni =
    "[Runtime]\n"
    "kds=true\n";

void link_libraries(const fs::path& folder, const fs::path& xrt_libraries, const fs::path& card) {
  fs::create_directories(folder);
  const auto link = [&](std::string_view name, const fs::path& target) {
    fs::create_symlink(target, folder / fmt::format("libxrt_{}.so.2", name));
    // PYNQ loads the name without a version.
    fs::create_symlink(target, folder / fmt::format("libxrt_{}.so", name));
  };
  for (const char* shim : {"hwemu", "swemu"}) link(shim, card / guard_name(shim));
  for (const char* library : {"core", "coreutil", "noop"}) {
    link(library, xrt_libraries / fmt::format("libxrt_{}.so.2", library));
  }
  fs::create_directory_symlink(xrt_libraries / "xrt", folder / "xrt");
}

}  // namespace

std::string_view to_string(CardMode mode) noexcept {
  switch (mode) {
    case CardMode::hw_emu:
      return "hw_emu";
    case CardMode::sw_emu:
      return "sw_emu";
    case CardMode::noop:
      break;
  }
  return "noop";
}

fs::path find_card_folder() {
  if (const auto given = environment_variable("SLUICE_CARD_FOLDER")) {
    if (is_card_folder(*given)) return *given;
    throw ToolError("E-CARD-001", *given, "SLUICE_CARD_FOLDER does not hold the card's files");
  }
  const fs::path own = own_file();
  for (fs::path up = own.parent_path();; up = up.parent_path()) {
    for (const char* below : {"libexec/sluice", "card"}) {
      if (is_card_folder(up / below)) return up / below;
    }
    if (up == up.parent_path()) break;
  }
  throw ToolError("E-CARD-001", own.string(), "no emulated card is installed beside this file",
                  "install Sluice, or set SLUICE_CARD_FOLDER to the folder of `sluice-card`");
}

CardEnvironment prepare_card_environment(const CardOptions& options) {
  check(options);
  const fs::path card =
      fs::absolute(options.card_folder.empty() ? find_card_folder() : options.card_folder);
  const fs::path xrt_libraries = xrt_library_folder();
  CardEnvironment environment{TemporaryFolder("sluice-card"), {}};
  const fs::path& folder = environment.folder.path();
  const fs::path model =
      folder / "vitis/data/emulation/unified/cpu_em/generic_pcie/model/genericpciemodel";

  link_libraries(folder / "xrt/lib", xrt_libraries, card);
  fs::create_directories(model.parent_path());
  fs::create_symlink(card / kProgramName, model);
  fs::create_directories(folder / "icd");
  fs::create_directories(folder / "run");
  write_file(folder / "icd/xilinx.icd", "libxilinxopencl.so.2\n");
  write_file(folder / "xrt.ini", options.mode == CardMode::noop ? kNoopXrtIni : kXrtIni);
  write_json(folder / "emconfig.json", emulation_config(options));

  environment.variables = {{"XCL_EMULATION_MODE", std::string(to_string(options.mode))},
                           {"XILINX_XRT", folder / "xrt"},
                           {"XILINX_VITIS", folder / "vitis"},
                           {"EMCONFIG_PATH", folder},
                           {"SDACCEL_EM_RUN_DIR", folder / "run"},
                           {"OCL_ICD_VENDORS", folder / "icd"}};
  if (!environment_variable("XRT_INI_PATH")) {
    environment.variables.emplace_back("XRT_INI_PATH", folder / "xrt.ini");
  }
  // Without it all cards of all processes would share one socket.
  if (environment_variable("USER").value_or("").empty()) {
    environment.variables.emplace_back("USER", fmt::format("sluice-{}", ::getuid()));
  }
  return environment;
}

}  // namespace sluice::card
