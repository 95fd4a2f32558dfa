#pragma once

#include <string>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/base/progress.hpp"
#include "sluice/calibrate/reference.hpp"

namespace sluice::calibrate {

struct FoundFormats {
  Json config;
  int networks_tried = 0;
};

/// Formats for every slot of the reference that `base` leaves open, so that the exact network's
/// error is within `target` for all events. Throws UsageError when nothing is open, ModelError when
/// the target is out of reach.
FoundFormats search_formats(Reference& reference, const Json& base, double target,
                            ErrorMeasure measure, ProgressSink& progress);

/// The member of `error` that `measure` speaks of.
double measured(const OutputError& error, ErrorMeasure measure) noexcept;

}  // namespace sluice::calibrate
