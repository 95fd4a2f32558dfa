#include "sluice/synth/balance.hpp"

#include <algorithm>

#include "sluice/synth/cost.hpp"
#include "sluice/synth/multiplier_choice.hpp"

namespace sluice::synth {

namespace {

constexpr std::int64_t kSteps = 32;

Area total_area(const circuit::Circuit& circuit) {
  Area total;
  for (const Area& area : logic_area(circuit.function)) total += area;
  return total;
}

}  // namespace

std::int64_t balanced_multipliers(const network::Network& network, const LowerOptions& options,
                                  const DeviceCells& device) {
  const std::int64_t most = std::min(usable_multipliers(network), device.dsps);
  LowerOptions trial = options;
  trial.cmvm.effort = Effort::fast;
  const auto is_balanced = [&](std::int64_t step) {
    trial.multipliers = most * step / kSteps;
    const Area area = total_area(lower(network, trial));
    return area.dsps * device.luts <= area.luts * device.dsps;
  };
  std::int64_t balanced = 0;
  std::int64_t too_many = kSteps + 1;
  while (too_many - balanced > 1) {
    const std::int64_t middle = balanced + (too_many - balanced) / 2;
    (is_balanced(middle) ? balanced : too_many) = middle;
  }
  return most * balanced / kSteps;
}

}  // namespace sluice::synth
