#include "sluice/compiler/estimate_report.hpp"

#include <fmt/format.h>

#include <string_view>

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

/// The card that the largest FPGA instances have had: XCVU9P, by its data sheet.
constexpr synth::Area kLargeCard{
    .luts = 1'182'240, .flip_flops = 2'364'480, .dsps = 6'840, .block_rams = 4'320};
constexpr std::string_view kLargeCardName = "XCVU9P";

/// Layers that take much of a circuit that does not fit, and what would help; none if it does.
Json advice(const synth::Estimate& estimate) {
  const synth::Area& total = estimate.total.area;
  Json rows = Json::array();
  if (total.luts <= kLargeCard.luts && total.flip_flops <= kLargeCard.flip_flops &&
      total.dsps <= kLargeCard.dsps && total.block_rams <= kLargeCard.block_rams) {
    return rows;
  }
  for (const synth::LayerEstimate& layer : estimate.layers) {
    constexpr std::int64_t kLargePart = 10;
    if (kLargePart * layer.area.luts < total.luts && kLargePart * layer.area.dsps < total.dsps) {
      continue;
    }
    rows.push_back({{"layer", layer.layer},
                    {"message", fmt::format("the circuit does not fit an {}: this layer takes {} "
                                            "LUT and {} DSP; fewer at a time by --reuse N or its "
                                            "ReuseFactor, or --convolutions streaming",
                                            kLargeCardName, layer.area.luts, layer.area.dsps)}});
  }
  return rows;
}

}  // namespace

Json to_json(const synth::Estimate& estimate, double clock_mhz) {
  Json layers = Json::array();
  for (const synth::LayerEstimate& layer : estimate.layers) layers.push_back(to_json(layer));
  return {{"layers", layers},
          {"total", to_json(estimate.total)},
          {"latency_cycles", estimate.latency_cycles},
          {"latency_ns", estimate.latency_ns(clock_mhz)},
          {"initiation_interval_cycles", estimate.initiation_interval_cycles},
          {"clock_mhz", clock_mhz},
          {"advice", advice(estimate)},
          {"critical_path_ns", estimate.critical_path_ns},
          {"fmax_mhz", {estimate.fmax_low_mhz, estimate.fmax_high_mhz}}};
}

Json estimate(const frontend::Imported& model, const CompileOptions& options) {
  const Synthesised made = synthesise(model, options);
  return to_json(synth::estimate(made.circuit, made.schedule), options.clock_mhz);
}

}  // namespace sluice::compiler
