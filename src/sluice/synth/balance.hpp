#pragma once

#include <cstdint>
#include <string_view>

#include "sluice/synth/lower.hpp"

namespace sluice::synth {

/// What a device has; by default the XCVU9P, as on AWS F1.
struct DeviceCells {
  std::string_view name = "XCVU9P";
  std::int64_t luts = 1'182'240;
  std::int64_t flip_flops = 2'364'480;
  std::int64_t dsps = 6'840;
  std::int64_t block_rams = 4'320;  ///< of 18 kbit
};

/// The most multipliers, in steps of a thirty-second of what the network can use, with which it
/// takes no larger a share of the device's DSP48E2 than of its LUTs.
std::int64_t balanced_multipliers(const network::Network& network, const LowerOptions& options,
                                  const DeviceCells& device = {});

}  // namespace sluice::synth
