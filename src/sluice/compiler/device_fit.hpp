#pragma once

#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/synth/balance.hpp"
#include "sluice/synth/estimate.hpp"

namespace sluice::compiler {

/// W-COMPILER-004 for every kind of cell of which the estimate is more than the device has, with
/// the layers that take most of them.
std::vector<Diagnostic> device_warnings(const synth::Estimate& estimate,
                                        const synth::DeviceCells& device = {});

}  // namespace sluice::compiler
