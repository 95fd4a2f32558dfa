#include "sluice/compiler/synthesise.hpp"

#include <utility>

#include "sluice/synth/balance.hpp"
#include "sluice/synth/lower.hpp"

namespace sluice::compiler {

Synthesised synthesise(const network::Network& network, const CompileOptions& options) {
  synth::LowerOptions lower_options{.cmvm = {.effort = options.effort, .adders = options.adders}};
  lower_options.multipliers =
      options.dsps ? *options.dsps : synth::balanced_multipliers(network, lower_options);
  circuit::Circuit circuit = synth::lower(network, lower_options);
  circuit.name = options.name;
  circuit::Schedule schedule =
      synth::schedule(circuit, synth::DelayModel{}, options.clock_mhz, options.pipeline_goal);
  return {std::move(circuit), std::move(schedule)};
}

}  // namespace sluice::compiler
