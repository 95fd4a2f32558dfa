#pragma once

#include "sluice/base/json.hpp"
#include "sluice/synth/estimate.hpp"

namespace sluice::compiler {

/// The `estimate` object of report.json: per layer and total, in the words of the command line.
Json to_json(const synth::Estimate& estimate, double clock_mhz);

}  // namespace sluice::compiler
