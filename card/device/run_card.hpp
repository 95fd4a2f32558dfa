#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "card/device/card.hpp"

namespace sluice::card {

enum class UnitKind { rtl, engine };

/// Puts the compute units of an unpacked image on the card.
using PlaceUnits = std::function<void(Card&, UnitKind, const CardDescription&,
                                      const std::filesystem::path& image)>;

/// The whole life of a card process: connect to the host that started it, answer its messages, end.
///
/// With `--image FOLDER` (hw_emu) the units come from that unpacked image; without (sw_emu) from
/// the file that the host's load message names. A failure is told to the host's side on stderr and
/// in the file `<socket>.reason`; the connection then breaks off. Returns the exit code.
int run_card(const std::vector<std::string>& arguments, const PlaceUnits& place_units);

}  // namespace sluice::card
