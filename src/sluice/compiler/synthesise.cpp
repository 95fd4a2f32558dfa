#include "sluice/compiler/synthesise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include "sluice/base/error.hpp"
#include "sluice/network/pack.hpp"
#include "sluice/synth/balance.hpp"
#include "sluice/synth/estimate.hpp"
#include "sluice/synth/lower.hpp"
#include "sluice/synth/lower_shared.hpp"

namespace sluice::compiler {

namespace {

// Multipliers whose weights change from tick to tick are no choice of the optimiser's.
void check_shared_multipliers(const Synthesised& result, const CompileOptions& options) {
  if (result.circuit.processes.empty() || options.dsps.value_or(0) == 0) return;
  const std::int64_t dsps = synth::estimate(result.circuit, result.schedule).total.area.dsps;
  if (dsps <= *options.dsps) return;
  throw UsageError("E-COMPILER-006", "--dsp",
                   fmt::format("layers that share hardware take {} DSP48E2, and it allows {}", dsps,
                               *options.dsps),
                   "raise --dsp or --reuse, or leave --dsp out");
}

/// The layer of the model that a layer of the network was made for.
std::string layer_of(const frontend::ModelSource& source, const std::string& network_layer) {
  for (const frontend::LayerSummary& layer : source.layers) {
    if (std::ranges::find(layer.network_layers, network_layer) != layer.network_layers.end()) {
      return layer.name;
    }
  }
  return network_layer;
}

synth::Adders adders_of(const CompileOptions& options) {
  const bool adds_three = options.family.carry_bits > 0;
  return options.adders.value_or(adds_three ? synth::Adders::three : synth::Adders::two);
}

synth::LowerOptions lower_options_of(const frontend::Imported& model,
                                     const CompileOptions& options) {
  return {.cmvm = {.effort = options.effort, .adders = adders_of(options)},
          .form = options.convolutions,
          .reuse = options.reuse,
          .layer_reuse = model.reuse};
}

}  // namespace

Synthesised synthesise(const frontend::Imported& model, const CompileOptions& options) {
  synth::LowerOptions lower_options = lower_options_of(model, options);
  const network::Network network = network::packed(model.network);
  lower_options.multipliers =
      options.dsps ? *options.dsps : synth::balanced_multipliers(network, lower_options);
  circuit::Circuit circuit = synth::lower(network, lower_options);
  circuit.name = options.name;
  circuit::Schedule schedule =
      synth::schedule(circuit, synth::DelayModel{}, options.clock_mhz, options.pipeline_goal);
  Synthesised result{std::move(circuit), std::move(schedule)};
  check_shared_multipliers(result, options);
  return result;
}

std::vector<Diagnostic> unshared_hardware(const frontend::Imported& model,
                                          const CompileOptions& options) {
  std::vector<Diagnostic> warnings =
      synth::sharing_warnings(network::packed(model.network), lower_options_of(model, options));
  for (Diagnostic& warning : warnings) warning.subject = layer_of(model.source, warning.subject);
  bool has_products = false;
  for (const network::Layer& layer : model.network.layers()) {
    const auto* const dense = std::get_if<network::Dense>(&layer.op);
    if (dense == nullptr || dense->units == 1) continue;
    has_products = true;
    const auto own = model.reuse.find(layer.name);
    const std::int64_t reuse = own == model.reuse.end() ? options.reuse : own->second;
    const bool has_positions = std::ssize(layer.type.ranges) > dense->units;
    if (reuse == 1 || !has_positions || options.convolutions != synth::Form::parallel) continue;
    warnings.push_back(
        {"W-COMPILER-002", layer.name,
         fmt::format(
             "{}={} has no effect: --convolutions parallel gives every position hardware of "
             "its own",
             own == model.reuse.end() ? "--reuse" : "ReuseFactor", reuse),
         "leave one of the two out"});
  }
  if (options.reuse > 1 && !has_products) {
    warnings.push_back({"W-COMPILER-002", "--reuse",
                        "has no effect: no layer has products with weights for several outputs",
                        "leave it out"});
  }
  return warnings;
}

}  // namespace sluice::compiler
