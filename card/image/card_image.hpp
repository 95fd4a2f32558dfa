#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice::card {

/// What the emulated card needs of one compiled kernel.
struct CardImage {
  std::string manifest_json;             ///< `manifest.json` of the package
  std::string network_text;              ///< text form of the Network, for sw_emu
  std::filesystem::path kernel_library;  ///< Verilated kernel (`kernel.so`), for hw_emu
  std::filesystem::path card_program;    ///< `sluice-card`; empty: the installed one
};

/// The BITSTREAM section for `image`: a zip in the layout that XRT's hardware emulation unpacks and
/// starts, with the card's own program in it. The same input gives the same bytes.
/// Throws ToolError E-CARD-010 (a file is missing) or E-CARD-011 (cannot make the zip).
std::string make_card_bitstream(const CardImage& image);

/// Names inside the zip, below kImageFolder.
inline constexpr std::string_view kImageFolder = "behav_waveform/xsim/";
inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kNetworkName = "network.txt";
inline constexpr std::string_view kKernelName = "kernel.so";
inline constexpr std::string_view kProgramName = "sluice-card";
inline constexpr std::string_view kStartScriptName = "simulate.sh";

/// Unpacks the parts of a BITSTREAM zip that sit in kImageFolder into `folder` (flat, created).
/// The zip is untrusted: unknown names are skipped and sizes are limited. `origin` names it in the
/// DeviceError E-CARD-012 of a damaged one.
void unpack_card_bitstream(std::string_view zip, std::string_view origin,
                           const std::filesystem::path& folder);

}  // namespace sluice::card
