#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/files.hpp"

namespace sluice::card {

/// What XRT puts in the place of a card.
enum class CardMode {
  hw_emu,  ///< Verilated kernel behind an AXI memory model, cycle by cycle; the only one PYNQ takes
  sw_emu,  ///< SIMD engine
  noop     ///< XRT's own shim that does nothing: what XRT and the host cost; outputs mean nothing
};

/// As XRT and the command line spell it.
std::string_view to_string(CardMode mode) noexcept;

struct CardOptions {
  CardMode mode = CardMode::hw_emu;
  unsigned cards = 1;                                ///< 1 to 16
  unsigned bank_gib = 16;                            ///< device memory of each card, 1 to 1024
  std::string device_name = "sluice_emulated_card";  ///< what XRT and OpenCL call the card
  std::filesystem::path card_folder;                 ///< empty: find_card_folder()
};

/// The folder that holds `sluice-card` and the two guard libraries: that of an installation
/// (`libexec/sluice`) or of a build tree (`card`), looked for upwards from this program's own file,
/// or $SLUICE_CARD_FOLDER. Throws ToolError E-CARD-001.
std::filesystem::path find_card_folder();

/// Files and environment variables with which the real XRT finds emulated cards instead of real
/// ones. The files live in a temporary folder as long as this object.
struct CardEnvironment {
  TemporaryFolder folder;
  std::vector<std::pair<std::string, std::string>> variables;  ///< to set for the host program
};

/// Builds link tree, ICD file, emconfig.json and xrt.ini. A variable that configures the card
/// itself (SLUICE_CARD_...) passes through from the caller's environment. Throws ToolError
/// E-CARD-002 when XRT is not installed, UsageError E-CARD-003 for bad options.
CardEnvironment prepare_card_environment(const CardOptions& options);

/// Runs `command` (looked up on PATH) against emulated cards until it ends; stdin, stdout and
/// stderr are the caller's. Signals INT, TERM, HUP and QUIT are passed on. Card processes that
/// outlive the command are ended, and their socket files removed. Returns the command's exit code,
/// or 128 + the signal that ended it.
int run_under_card(const std::vector<std::string>& command, const CardOptions& options);

}  // namespace sluice::card
