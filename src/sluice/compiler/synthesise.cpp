#include "sluice/compiler/synthesise.hpp"

#include <utility>

#include "sluice/synth/lower.hpp"

namespace sluice::compiler {

Synthesised synthesise(const frontend::Imported& model, const CompileOptions& options) {
  circuit::Circuit circuit =
      synth::lower(model.network, {.cmvm = {.effort = options.effort, .adders = options.adders},
                                   .form = options.convolutions,
                                   .reuse = options.reuse,
                                   .layer_reuse = model.reuse});
  circuit.name = options.name;
  circuit::Schedule schedule =
      synth::schedule(circuit, synth::DelayModel{}, options.clock_mhz, options.pipeline_goal);
  return {std::move(circuit), std::move(schedule)};
}

}  // namespace sluice::compiler
