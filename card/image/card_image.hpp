#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/package/xclbin.hpp"

namespace sluice::card {

/// The files that the emulated card runs.
struct CardImage {
  std::string manifest_json;             ///< `manifest.json` of the package
  std::string network_text;              ///< text form of the Network, for sw_emu
  std::filesystem::path kernel_library;  ///< Verilated kernel (`kernel.so`), for hw_emu
  std::filesystem::path card_program;    ///< the program `sluice-card`; see find_card_folder()
};

/// The BITSTREAM section of the xclbin that `description` describes (its own bitstream is ignored):
/// a zip in the layout that XRT's hardware emulation unpacks and starts, the card's program
/// included. The same input gives the same bytes. An empty `kernel_library` or `network_text`
/// leaves that file, and with it hw_emu or sw_emu, out.
/// Throws ToolError E-CARD-010 when a file is missing or the zip cannot be made.
std::string make_card_bitstream(const CardImage& image, const package::XclbinContent& description);

/// One compute unit on the card.
struct CardUnit {
  std::string kernel;
  std::string name;
  std::uint64_t base_address = 0;  ///< of its control map
  std::uint32_t range_bytes = 0;

  bool operator==(const CardUnit&) const = default;
};

/// The card's own view of an image, `card.json` in the zip.
struct CardDescription {
  std::uint32_t clock_mhz = 0;
  std::vector<CardUnit> units;

  bool operator==(const CardDescription&) const = default;
};

/// Reads `card.json` of an unpacked image. Throws DeviceError E-CARD-011 when it is damaged.
CardDescription read_card_description(const std::filesystem::path& image_folder);

/// Names inside the zip, all below kImageFolder.
inline constexpr std::string_view kImageFolder = "behav_waveform/xsim/";
inline constexpr std::string_view kDescriptionName = "card.json";
inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kNetworkName = "network.txt";
inline constexpr std::string_view kKernelName = "kernel.so";
inline constexpr std::string_view kProgramName = "sluice-card";
inline constexpr std::string_view kStartScriptName = "simulate.sh";

/// Unpacks what sw_emu needs of a BITSTREAM zip (the three data files, no program) flat into the
/// existing `folder`. In hw_emu XRT unpacks the whole zip itself.
///
/// The zip is untrusted: no other name is taken, and sizes are limited. `origin` names it in the
/// DeviceError E-CARD-012 of a damaged one.
void unpack_card_bitstream(std::string_view zip, std::string_view origin,
                           const std::filesystem::path& folder);

}  // namespace sluice::card
