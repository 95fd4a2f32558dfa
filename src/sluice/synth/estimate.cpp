#include "sluice/synth/estimate.hpp"

#include <algorithm>

#include "sluice/synth/process_area.hpp"
#include "sluice/synth/schedule.hpp"
#include "sluice/synth/wires.hpp"

namespace sluice::synth {

namespace {

// Routed designs against the model: congestion takes a fifth, easy placement gives a tenth.
constexpr double kSlowestRouted = 0.8;
constexpr double kFastestRouted = 1.1;

struct Rows {
  std::vector<LayerEstimate> layers;  // by origin
  std::vector<bool> has_hardware;

  void add(std::size_t origin, const Area& area, std::int32_t stage) {
    if (area == Area{}) return;
    LayerEstimate& layer = layers[origin];
    layer.first_stage = has_hardware[origin] ? std::min(layer.first_stage, stage) : stage;
    layer.last_stage = std::max(layer.last_stage, stage);
    layer.area += area;
    has_hardware[origin] = true;
  }
};

/// A function whose first stage is cycle `start_cycle` of an event.
void add_function(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                  int start_cycle, Rows& rows) {
  const std::vector<Area> logic = logic_area(circuit.function, schedule);
  const std::vector<std::int64_t> registers = register_bits(circuit, schedule);
  for (std::size_t id = 0; id < logic.size(); ++id) {
    const circuit::Instr& instr = circuit.function.instrs()[id];
    Area area = logic[id];
    area.flip_flops = registers[id];
    const std::size_t origin = index(instr.origin);
    rows.add(origin, area, start_cycle + schedule.stages[id]);
    if (is_sum(instr.op) && logic[id].dsps == 0 && !(area == Area{})) ++rows.layers[origin].adders;
  }
}

}  // namespace

Estimate estimate(const circuit::Circuit& circuit, const circuit::Schedule& schedule,
                  const DelayModel& model) {
  Rows rows{std::vector<LayerEstimate>(circuit.origins.size()),
            std::vector<bool>(circuit.origins.size())};
  for (std::size_t p = 0; p <= circuit.processes.size(); ++p) {
    const bool is_last = p == circuit.processes.size();
    add_function(part(circuit, p), part(schedule, p),
                 is_last ? schedule.start_cycle : schedule.processes[p].start_cycle, rows);
  }
  for (const ProcessArea& area : process_areas(circuit, schedule)) {
    rows.add(area.origin, area.area, area.cycle);
  }
  Estimate result;
  result.total.layer = "total";
  result.total.last_stage = schedule.latency_cycles - 1;
  for (std::size_t origin = 0; origin < rows.layers.size(); ++origin) {
    if (!rows.has_hardware[origin]) continue;
    LayerEstimate& layer = rows.layers[origin];
    layer.layer = circuit.origins[origin];
    result.total.area += layer.area;
    result.total.adders += layer.adders;
    result.layers.push_back(std::move(layer));
  }
  result.latency_cycles = schedule.latency_cycles;
  result.initiation_interval_cycles = schedule.interval_cycles;
  result.critical_path_ns = critical_path_ns(circuit, schedule, model);
  result.fmax_low_mhz = kSlowestRouted * 1000.0 / result.critical_path_ns;
  result.fmax_high_mhz = kFastestRouted * 1000.0 / result.critical_path_ns;
  return result;
}

}  // namespace sluice::synth
