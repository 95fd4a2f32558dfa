#pragma once

#include <string>

namespace sluice::runtime::detail {

/// XCL_EMULATION_MODE: `hw_emu`, `sw_emu` or `noop`; empty for real cards.
std::string emulation_mode();

/// Cards that XRT has. Throws DeviceError E-RUNTIME-014 when its environment is incomplete.
unsigned count_cards();

/// Checks what XRT needs before it is asked for card `index`, since XRT itself says little when it
/// is missing and, in emulation, opens cards that do not exist. Throws DeviceError E-RUNTIME-014
/// (environment) or E-RUNTIME-007 (no such card).
void require_card(unsigned index);

}  // namespace sluice::runtime::detail
