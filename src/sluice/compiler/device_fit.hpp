#pragma once

#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/synth/balance.hpp"
#include "sluice/synth/estimate.hpp"

namespace sluice::compiler {

/// W-COMPILER-004 for every layer that takes much of what a device has too few of; nothing for a
/// circuit that fits.
std::vector<Diagnostic> device_warnings(const synth::Estimate& estimate,
                                        const synth::DeviceCells& device = {});

}  // namespace sluice::compiler
