#include "sluice/synth/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/circuit/multipliers.hpp"
#include "sluice/circuit/value_bits.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/synth/hardware.hpp"
#include "sluice/synth/process_schedule.hpp"
#include "sluice/synth/retiming.hpp"

namespace sluice::synth {

namespace {

using circuit::Circuit;
using circuit::Function;
using circuit::Instr;
using circuit::Op;
using circuit::Schedule;
using circuit::ValueId;

constexpr double kPicosecondsPerNs = 1000.0;

int picoseconds(double ns) { return static_cast<int>(std::lround(ns * kPicosecondsPerNs)); }

/// A value's bits are read by `user`, delayed on their way to its result.
struct Use {
  std::size_t user;
  PathDelay delay;
};

struct Operand {
  std::size_t value;
  PathDelay delay;
};

/// The circuit as the pipeline sees it: values that carry wires of their own, and who reads them.
class Pipeline {
 public:
  Pipeline(const Function& function, const DelayModel& model)
      : function_(function),
        multipliers_(function),
        bits_(circuit::value_bits(function)),
        carriers_(find_carriers(function)),
        operands_(carriers_.size()),
        uses_(carriers_.size()),
        is_output_(carriers_.size()) {
    for (std::size_t id = 0; id < size(); ++id) {
      if (!carries_itself(id)) continue;
      if (const auto& unit = multipliers_.behind(id)) {
        connect(id, *unit, multiply_add_delays(model));
      } else {
        connect(id, path_delays(function, static_cast<ValueId>(id), model));
      }
    }
    for (const ValueId output : function.outputs()) {
      if (const auto carrier = carriers_[index(output)]) is_output_[index(*carrier)] = true;
    }
  }

  std::size_t size() const { return carriers_.size(); }
  bool carries_itself(std::size_t id) const {
    return carriers_[id] && index(*carriers_[id]) == id && !multipliers_.is_inside(id);
  }
  bool is_input(std::size_t id) const { return function_.instrs()[id].op == Op::input; }
  int width(std::size_t id) const { return std::popcount(bits_[id].varying()); }
  const std::vector<Operand>& operands(std::size_t id) const { return operands_[id]; }
  const std::vector<Use>& uses(std::size_t id) const { return uses_[id]; }
  bool is_output(std::size_t id) const { return is_output_[id]; }

  /// When the value is ready if all its operands come from registers.
  Arrival registered_arrival(std::size_t id) const {
    Arrival arrival;
    for (const Operand& operand : operands_[id]) arrival = latest(arrival, operand.delay.from({}));
    return arrival;
  }

  int slowest_operation_ps() const {
    int slowest_ps = 0;
    for (std::size_t id = 0; id < size(); ++id) {
      slowest_ps = std::max(slowest_ps, registered_arrival(id).full_ps);
    }
    return slowest_ps;
  }

  /// Stages of the carriers, extended to what they carry and to what is inside of multipliers.
  std::vector<std::int32_t> complete(std::vector<std::int32_t> stages) const {
    for (std::size_t id = 0; id < size(); ++id) {
      if (carries_itself(id)) continue;
      stages[id] = carriers_[id] ? stages[index(*carriers_[id])] : 0;
      if (multipliers_.is_inside(id)) stages[id] = std::numeric_limits<std::int32_t>::max();
    }
    for (std::size_t id = 0; id < size(); ++id) {
      const auto& unit = multipliers_.behind(id);
      if (!unit) continue;
      std::int32_t& product_stage = stages[index(unit->product)];
      product_stage = std::min(product_stage, stages[id]);
    }
    return stages;
  }

 private:
  void connect(std::size_t id, const PathDelays& delays) {
    const Instr& instr = function_.instrs()[id];
    for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(instr.op)); ++k) {
      connect(id, instr.operands[k], delays[k]);
    }
  }

  void connect(std::size_t id, const circuit::MultiplyAdd& unit,
               const std::array<PathDelay, 2>& delays) {
    connect(id, unit.value, delays[0]);
    if (unit.varying_factor) connect(id, *unit.varying_factor, delays[0]);
    if (unit.addend) connect(id, *unit.addend, delays[1]);
  }

  void connect(std::size_t id, ValueId operand, const PathDelay& delay) {
    const auto carrier = carriers_[index(operand)];
    if (!carrier) return;
    operands_[id].push_back({index(*carrier), delay});
    uses_[index(*carrier)].push_back({id, delay});
  }

  const Function& function_;
  circuit::Multipliers multipliers_;
  std::vector<circuit::ValueBits> bits_;
  std::vector<std::optional<ValueId>> carriers_;
  std::vector<std::vector<Operand>> operands_;
  std::vector<std::vector<Use>> uses_;
  std::vector<bool> is_output_;
};

struct Timing {
  std::vector<std::int32_t> stages;
  std::vector<Arrival> arrivals;  // after the start of the value's stage
  std::int32_t stage_count = 1;
};

/// When `id` is ready in `stage`, its operands placed before.
Arrival arrival_in(const Pipeline& pipeline, const Timing& timing, std::size_t id,
                   std::int32_t stage) {
  Arrival arrival;
  for (const Operand& operand : pipeline.operands(id)) {
    const bool same_stage = timing.stages[operand.value] == stage;
    const Arrival start = same_stage ? timing.arrivals[operand.value] : Arrival{};
    arrival = latest(arrival, operand.delay.from(start));
  }
  return arrival;
}

/// Every value in the earliest stage in which it is ready within `budget_ps`.
Timing as_soon_as_possible(const Pipeline& pipeline, int budget_ps) {
  Timing timing{std::vector<std::int32_t>(pipeline.size()), std::vector<Arrival>(pipeline.size()),
                1};
  for (std::size_t id = 0; id < pipeline.size(); ++id) {
    if (!pipeline.carries_itself(id)) continue;
    std::int32_t stage = 0;
    for (const Operand& operand : pipeline.operands(id)) {
      stage = std::max(stage, timing.stages[operand.value]);
    }
    Arrival arrival = arrival_in(pipeline, timing, id, stage);
    if (arrival.full_ps > budget_ps) arrival = arrival_in(pipeline, timing, id, ++stage);
    timing.stages[id] = stage;
    timing.arrivals[id] = arrival;
    timing.stage_count = std::max(timing.stage_count, stage + 1);
  }
  return timing;
}

/// The smallest budget that needs no more stages than `budget_ps` does.
int balanced_budget(const Pipeline& pipeline, int budget_ps) {
  const std::int32_t stage_count = as_soon_as_possible(pipeline, budget_ps).stage_count;
  int too_small = pipeline.slowest_operation_ps() - 1;
  int enough = budget_ps;
  while (enough - too_small > 1) {
    const int middle = too_small + (enough - too_small) / 2;
    const bool fits = as_soon_as_possible(pipeline, middle).stage_count <= stage_count;
    (fits ? enough : too_small) = middle;
  }
  return enough;
}

/// For every value those that cannot follow it within one stage, as a path between the two takes
/// longer than `budget_ps`; a value that another one of them reaches is left out.
class LongPaths {
 public:
  LongPaths(const Pipeline& pipeline, int budget_ps)
      : pipeline_(pipeline), budget_ps_(budget_ps), ends_(pipeline.size()) {}

  std::vector<std::vector<std::size_t>> find() && {
    for (std::size_t id = pipeline_.size(); id-- > 0;) {
      if (pipeline_.carries_itself(id)) ends_[id] = ends_from(id);
    }
    return std::move(ends_);
  }

 private:
  std::vector<std::size_t> ends_from(std::size_t start) const {
    std::map<std::size_t, Arrival> reached{{start, pipeline_.registered_arrival(start)}};
    std::vector<std::size_t> ends;
    // Users have larger ids, so a value is final when it is the first.
    while (!reached.empty()) {
      const auto [id, arrival] = *reached.begin();
      reached.erase(reached.begin());
      if (arrival.full_ps > budget_ps_) {
        if (!follows_from_a_user(start, id)) ends.push_back(id);
        continue;
      }
      for (const Use& use : pipeline_.uses(id)) {
        const Arrival next = use.delay.from(arrival);
        const auto [at, is_new] = reached.try_emplace(use.user, next);
        if (!is_new) at->second = latest(at->second, next);
      }
    }
    return ends;
  }

  bool follows_from_a_user(std::size_t start, std::size_t end) const {
    return std::ranges::any_of(pipeline_.uses(start), [&](const Use& use) {
      return std::ranges::binary_search(ends_[use.user], end);
    });
  }

  const Pipeline& pipeline_;
  int budget_ps_;
  std::vector<std::vector<std::size_t>> ends_;  // by value, ascending
};

std::vector<std::int32_t> fewest_registers(const Pipeline& pipeline, const Timing& earliest,
                                           int budget_ps) {
  RetimingProblem problem{.stage_count = earliest.stage_count,
                          .values = std::vector<RetimingProblem::Value>(pipeline.size())};
  std::vector<std::vector<std::size_t>> long_paths = LongPaths(pipeline, budget_ps).find();
  for (std::size_t id = 0; id < pipeline.size(); ++id) {
    RetimingProblem::Value& value = problem.values[id];
    value.fixed = !pipeline.carries_itself(id) || pipeline.is_input(id);
    if (!pipeline.carries_itself(id)) continue;
    value.width = pipeline.width(id);
    value.output = pipeline.is_output(id);
    value.behind = std::move(long_paths[id]);
    for (const Use& use : pipeline.uses(id)) value.users.push_back(use.user);
  }
  return retime(problem, earliest.stages);
}

/// Of each value in its stage; 0 of those that do not carry themselves.
std::vector<Arrival> arrivals(const Pipeline& pipeline, const Schedule& schedule) {
  Timing timing{schedule.stages, std::vector<Arrival>(pipeline.size()), schedule.latency_cycles};
  for (std::size_t id = 0; id < pipeline.size(); ++id) {
    if (!pipeline.carries_itself(id)) continue;
    timing.arrivals[id] = arrival_in(pipeline, timing, id, schedule.stages[id]);
  }
  return timing.arrivals;
}

/// Of all stages of a schedule.
int latest_arrival_ps(const Pipeline& pipeline, const Schedule& schedule) {
  int latest_ps = 0;
  for (const Arrival& arrival : arrivals(pipeline, schedule)) {
    latest_ps = std::max(latest_ps, arrival.full_ps);
  }
  return latest_ps;
}

[[noreturn]] void refuse_clock(const Circuit& circuit, const Pipeline& pipeline,
                               const DelayModel& model, double clock_mhz) {
  std::size_t slowest = 0;
  const int slowest_ps = pipeline.slowest_operation_ps();
  while (pipeline.registered_arrival(slowest).full_ps != slowest_ps) ++slowest;
  const Instr& instr = circuit.function.instrs()[slowest];
  const double period_ns = slowest_ps / kPicosecondsPerNs + model.register_ns;
  throw ModelError(
      "E-SYNTH-002", circuit.origins[index(instr.origin)],
      fmt::format("one `{}` of {} bits takes {:.2f} ns, longer than the period of {:g} MHz",
                  to_string(instr.op), instr.format.width, period_ns, clock_mhz),
      fmt::format("a clock of at most {:g} MHz", std::floor(kPicosecondsPerNs / period_ns)));
}

}  // namespace

Schedule schedule(const Circuit& circuit, const DelayModel& model, double clock_mhz,
                  PipelineGoal goal) {
  if (!(clock_mhz > 0.0) || !std::isfinite(clock_mhz)) {
    throw UsageError("E-SYNTH-001", "clock", fmt::format("{} MHz is no clock frequency", clock_mhz),
                     "a positive number of MHz");
  }
  if (!circuit.processes.empty()) return schedule_processes(circuit, model, clock_mhz, goal);
  const Pipeline pipeline(circuit.function, model);
  const int longest_ps = picoseconds(kPicosecondsPerNs / clock_mhz - model.register_ns);
  if (pipeline.slowest_operation_ps() > longest_ps) {
    refuse_clock(circuit, pipeline, model, clock_mhz);
  }
  const int budget_ps =
      goal == PipelineGoal::speed ? balanced_budget(pipeline, longest_ps) : longest_ps;
  const Timing earliest = as_soon_as_possible(pipeline, budget_ps);
  Schedule result{earliest.stage_count,
                  pipeline.complete(fewest_registers(pipeline, earliest, budget_ps))};
  circuit::verify(circuit, result);
  SLUICE_CHECK(latest_arrival_ps(pipeline, result) <= budget_ps, "a stage is longer than {} ps",
               budget_ps);
  return result;
}

std::vector<double> ready_ns(const circuit::Function& function, const Schedule& schedule,
                             const DelayModel& model) {
  std::vector<double> result;
  for (const Arrival& arrival : arrivals(Pipeline(function, model), schedule)) {
    result.push_back(arrival.full_ps / kPicosecondsPerNs + model.register_ns);
  }
  return result;
}

double critical_path_ns(const Circuit& circuit, const Schedule& schedule, const DelayModel& model) {
  double longest_ns = 0;
  for (std::size_t p = 0; p < circuit.processes.size(); ++p) {
    longest_ns = std::max(longest_ns, critical_path_ns(part(circuit, p), part(schedule, p), model));
  }
  if (!circuit.processes.empty()) {
    const std::size_t last = circuit.processes.size();
    return std::max(longest_ns, critical_path_ns(part(circuit, last), part(schedule, last), model));
  }
  const Pipeline pipeline(circuit.function, model);
  return latest_arrival_ps(pipeline, schedule) / kPicosecondsPerNs + model.register_ns;
}

}  // namespace sluice::synth
