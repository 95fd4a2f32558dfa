#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sluice/base/json.hpp"
#include "sluice/network/network.hpp"
#include "sluice/synth/estimate.hpp"

namespace sluice::compiler {

/// The `estimate` object of report.json: per layer and total, in the words of the command line.
Json to_json(const synth::Estimate& estimate, double clock_mhz);

/// The same of a network that is not compiled yet, with effort `normal`, pipeline goal `speed` and
/// the configuration's reuse by layer. Throws as synth::lower and synth::schedule do.
Json estimate(const network::Network& network, double clock_mhz,
              const std::map<std::string, std::int64_t>& layer_reuse = {});

}  // namespace sluice::compiler
