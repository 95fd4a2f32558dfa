#include "sluice/compiler/estimate_report.hpp"

#include "sluice/compiler/device_fit.hpp"
#include "sluice/compiler/synthesise.hpp"

namespace sluice::compiler {

namespace {

constexpr std::int64_t kBitsPerCarry8 = 8;

Json to_json(const synth::LayerEstimate& layer) {
  return {{"name", layer.layer},
          {"lut", layer.area.luts},
          {"ff", layer.area.flip_flops},
          {"carry8", (layer.area.carry_bits + kBitsPerCarry8 - 1) / kBitsPerCarry8},
          {"dsp", layer.area.dsps},
          {"bram18", layer.area.block_rams},
          {"adders", layer.adders},
          {"first_stage", layer.first_stage},
          {"last_stage", layer.last_stage}};
}

}  // namespace

Json to_json(const synth::Estimate& estimate, double clock_mhz) {
  Json layers = Json::array();
  for (const synth::LayerEstimate& layer : estimate.layers) layers.push_back(to_json(layer));
  Json advice = Json::array();
  for (const Diagnostic& warning : device_warnings(estimate)) advice.push_back(to_json(warning));
  return {{"layers", layers},
          {"total", to_json(estimate.total)},
          {"latency_cycles", estimate.latency_cycles},
          {"latency_ns", estimate.latency_ns(clock_mhz)},
          {"initiation_interval_cycles", estimate.initiation_interval_cycles},
          {"clock_mhz", clock_mhz},
          {"advice", advice},
          {"critical_path_ns", estimate.critical_path_ns},
          {"fmax_mhz", {estimate.fmax_low_mhz, estimate.fmax_high_mhz}}};
}

Json estimate(const frontend::Imported& model, const CompileOptions& options) {
  const Synthesised made = synthesise(model, options);
  return to_json(synth::estimate(made.circuit, made.schedule), options.clock_mhz);
}

}  // namespace sluice::compiler
