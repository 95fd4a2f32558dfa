#include "sluice/synth/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "sluice/base/check.hpp"
#include "sluice/base/error.hpp"
#include "sluice/circuit/verify.hpp"
#include "sluice/synth/hardware.hpp"

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
        carriers_(find_carriers(function)),
        operands_(carriers_.size()),
        uses_(carriers_.size()),
        is_output_(carriers_.size()) {
    for (std::size_t id = 0; id < size(); ++id) {
      if (carries_itself(id)) connect(id, path_delays(function, static_cast<ValueId>(id), model));
    }
    for (const ValueId output : function.outputs()) {
      if (const auto carrier = carriers_[index(output)]) is_output_[index(*carrier)] = true;
    }
  }

  std::size_t size() const { return carriers_.size(); }
  bool carries_itself(std::size_t id) const { return carriers_[id] && index(*carriers_[id]) == id; }
  bool is_input(std::size_t id) const { return function_.instrs()[id].op == Op::input; }
  int width(std::size_t id) const { return function_.instrs()[id].format.width; }
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

  /// Stages of the carriers, extended to what they carry.
  std::vector<std::int32_t> complete(std::vector<std::int32_t> stages) const {
    for (std::size_t id = 0; id < size(); ++id) {
      if (!carries_itself(id)) stages[id] = carriers_[id] ? stages[index(*carriers_[id])] : 0;
    }
    return stages;
  }

 private:
  void connect(std::size_t id, const std::array<PathDelay, 2>& delays) {
    const Instr& instr = function_.instrs()[id];
    for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count(instr.op)); ++k) {
      const auto carrier = carriers_[index(instr.operands[k])];
      if (!carrier) continue;
      operands_[id].push_back({index(*carrier), delays[k]});
      uses_[index(*carrier)].push_back({id, delays[k]});
    }
  }

  const Function& function_;
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

/// Moves values to later stages where that saves register bits.
///
/// Values are placed from the last to the first, so that the stages of all uses are known, and with
/// them the value's tail: how long after its arrival the last value of the stage that depends on
/// it is ready. Any stage from the earliest to that of the first use will do in which arrival and
/// tail fit the budget: later than in its earliest stage all operands can lie in stages before, and
/// in its earliest stage they are ready as early as when every value was.
class RegisterSaver {
 public:
  RegisterSaver(const Pipeline& pipeline, const Timing& earliest, int budget_ps)
      : pipeline_(pipeline),
        earliest_(earliest),
        budget_ps_(budget_ps),
        stages_(earliest.stages),
        tails_(pipeline.size()) {}

  std::vector<std::int32_t> run() && {
    for (std::size_t id = pipeline_.size(); id-- > 0;) {
      if (pipeline_.carries_itself(id)) place(id);
    }
    return std::move(stages_);
  }

 private:
  struct Tail {
    int after_low_ps = PathDelay::kNever;
    int after_full_ps = 0;

    int end_ps(const Arrival& arrival) const {
      return std::max(arrival.low_ps + after_low_ps, arrival.full_ps + after_full_ps);
    }
  };

  void place(std::size_t id) {
    const std::int32_t earliest = earliest_.stages[id];
    if (!pipeline_.is_input(id) && saves_bits_later(id)) {
      const Arrival arrival = pipeline_.registered_arrival(id);
      std::int32_t stage = first_use(id);
      while (stage > earliest && tail(id, stage).end_ps(arrival) > budget_ps_) --stage;
      stages_[id] = stage;
    }
    tails_[id] = tail(id, stages_[id]);
    const Arrival soonest =
        stages_[id] == earliest ? earliest_.arrivals[id] : pipeline_.registered_arrival(id);
    SLUICE_CHECK(tails_[id].end_ps(soonest) <= budget_ps_, "value {} ends after its stage", id);
  }

  std::int32_t first_use(std::size_t id) const {
    std::int32_t stage = earliest_.stage_count - 1;
    for (const Use& use : pipeline_.uses(id)) stage = std::min(stage, stages_[use.user]);
    return stage;
  }

  Tail tail(std::size_t id, std::int32_t stage) const {
    Tail result;
    for (const Use& use : pipeline_.uses(id)) {
      if (stages_[use.user] != stage) continue;
      const Tail& next = tails_[use.user];
      const auto grow = [&](int& after_ps, int to_low_ps, int to_full_ps) {
        after_ps =
            std::max({after_ps, to_low_ps + next.after_low_ps, to_full_ps + next.after_full_ps});
      };
      grow(result.after_low_ps, use.delay.low_to_low_ps, use.delay.low_to_full_ps);
      grow(result.after_full_ps, use.delay.full_to_low_ps, use.delay.full_to_full_ps);
    }
    return result;
  }

  /// Whether a value has more bits than those of its operands that nobody else needs so long.
  bool saves_bits_later(std::size_t id) const {
    int waiting_bits = 0;
    for (const Operand& operand : pipeline_.operands(id)) {
      bool needed_anyway = pipeline_.is_output(operand.value);
      for (const Use& use : pipeline_.uses(operand.value)) {
        needed_anyway = needed_anyway || (use.user != id && stages_[use.user] > stages_[id]);
      }
      if (!needed_anyway) waiting_bits += pipeline_.width(operand.value);
    }
    return waiting_bits < pipeline_.width(id);
  }

  const Pipeline& pipeline_;
  const Timing& earliest_;
  int budget_ps_;
  std::vector<std::int32_t> stages_;
  std::vector<Tail> tails_;
};

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

Schedule schedule(const Circuit& circuit, const DelayModel& model, double clock_mhz) {
  if (!(clock_mhz > 0.0) || !std::isfinite(clock_mhz)) {
    throw UsageError("E-SYNTH-001", "clock", fmt::format("{} MHz is no clock frequency", clock_mhz),
                     "a positive number of MHz");
  }
  const Pipeline pipeline(circuit.function, model);
  const int longest_ps = picoseconds(kPicosecondsPerNs / clock_mhz - model.register_ns);
  if (pipeline.slowest_operation_ps() > longest_ps) {
    refuse_clock(circuit, pipeline, model, clock_mhz);
  }
  const int budget_ps = balanced_budget(pipeline, longest_ps);
  const Timing earliest = as_soon_as_possible(pipeline, budget_ps);
  Schedule result{earliest.stage_count,
                  pipeline.complete(RegisterSaver(pipeline, earliest, budget_ps).run())};
  circuit::verify(circuit, result);
  return result;
}

double critical_path_ns(const Circuit& circuit, const Schedule& schedule, const DelayModel& model) {
  const Pipeline pipeline(circuit.function, model);
  Timing timing{schedule.stages, std::vector<Arrival>(pipeline.size()), schedule.latency_cycles};
  int latest_ps = 0;
  for (std::size_t id = 0; id < pipeline.size(); ++id) {
    if (!pipeline.carries_itself(id)) continue;
    timing.arrivals[id] = arrival_in(pipeline, timing, id, schedule.stages[id]);
    latest_ps = std::max(latest_ps, timing.arrivals[id].full_ps);
  }
  return latest_ps / kPicosecondsPerNs + model.register_ns;
}

std::vector<std::int64_t> register_bits(const Circuit& circuit, const Schedule& schedule) {
  const Pipeline pipeline(circuit.function, {});
  std::vector<std::int64_t> bits(pipeline.size());
  for (std::size_t id = 0; id < pipeline.size(); ++id) {
    if (!pipeline.carries_itself(id)) continue;
    std::int32_t last = schedule.stages[id];
    for (const Use& use : pipeline.uses(id)) last = std::max(last, schedule.stages[use.user]);
    if (pipeline.is_output(id)) last = schedule.latency_cycles;
    bits[id] = std::int64_t{pipeline.width(id)} * (last - schedule.stages[id]);
  }
  return bits;
}

}  // namespace sluice::synth
