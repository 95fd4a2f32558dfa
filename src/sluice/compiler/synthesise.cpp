#include "sluice/compiler/synthesise.hpp"

#include <utility>

#include "sluice/synth/balance.hpp"
#include "sluice/synth/lower.hpp"

namespace sluice::compiler {

Synthesised synthesise(const frontend::Imported& model, const CompileOptions& options) {
  synth::LowerOptions lower_options{.cmvm = {.effort = options.effort, .adders = options.adders},
                                    .form = options.convolutions,
                                    .reuse = options.reuse,
                                    .layer_reuse = model.reuse};
  lower_options.multipliers =
      options.dsps ? *options.dsps : synth::balanced_multipliers(model.network, lower_options);
  circuit::Circuit circuit = synth::lower(model.network, lower_options);
  circuit.name = options.name;
  circuit::Schedule schedule =
      synth::schedule(circuit, synth::DelayModel{}, options.clock_mhz, options.pipeline_goal);
  return {std::move(circuit), std::move(schedule)};
}

}  // namespace sluice::compiler
