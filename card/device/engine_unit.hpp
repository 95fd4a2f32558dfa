#pragma once

#include <string>
#include <string_view>

#include "card/device/functional_unit.hpp"

namespace sluice::card {

/// The kernel of a network for sw_emu: the SIMD engine on events in device memory, laid out as the
/// kernel's ports have them.
///
/// `network_text` is the text form of the network; `origin` names it in a ModelError. A run on
/// memory that no buffer covers throws DeviceError E-CARD-030, an input mantissa outside of its
/// format UsageError.
KernelFunction make_engine_kernel(std::string_view network_text, std::string_view origin);

}  // namespace sluice::card
