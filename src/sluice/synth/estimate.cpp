#include "sluice/synth/estimate.hpp"

#include <algorithm>

#include "sluice/synth/schedule.hpp"
#include "sluice/synth/wires.hpp"

namespace sluice::synth {

namespace {

// Routed designs against the model: congestion takes a fifth, easy placement gives a tenth.
constexpr double kSlowestRouted = 0.8;
constexpr double kFastestRouted = 1.1;

}  // namespace

Estimate estimate(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                  const DelayModel& model) {
  const std::vector<Area> logic = logic_area(circuit.function);
  const std::vector<std::int64_t> registers = register_bits(circuit, schedule);
  std::vector<LayerEstimate> layers(circuit.origins.size());
  std::vector<bool> has_hardware(layers.size());
  Estimate result;
  for (std::size_t id = 0; id < logic.size(); ++id) {
    const circuit::Instr& instr = circuit.function.instrs()[id];
    Area area = logic[id];
    area.flip_flops = registers[id];
    if (area == Area{}) continue;
    const std::size_t origin = index(instr.origin);
    LayerEstimate& layer = layers[origin];
    const std::int32_t stage = schedule.stages[id];
    layer.first_stage = has_hardware[origin] ? std::min(layer.first_stage, stage) : stage;
    layer.last_stage = std::max(layer.last_stage, stage);
    layer.area += area;
    if (is_sum(instr.op) && logic[id].dsps == 0) ++layer.adders;
    has_hardware[origin] = true;
  }
  result.total.layer = "total";
  result.total.last_stage = schedule.latency_cycles - 1;
  for (std::size_t origin = 0; origin < layers.size(); ++origin) {
    if (!has_hardware[origin]) continue;
    layers[origin].layer = circuit.origins[origin];
    result.total.area += layers[origin].area;
    result.total.adders += layers[origin].adders;
    result.layers.push_back(std::move(layers[origin]));
  }
  result.latency_cycles = schedule.latency_cycles;
  result.critical_path_ns = critical_path_ns(circuit, schedule, model);
  result.fmax_low_mhz = kSlowestRouted * 1000.0 / result.critical_path_ns;
  result.fmax_high_mhz = kFastestRouted * 1000.0 / result.critical_path_ns;
  return result;
}

}  // namespace sluice::synth
