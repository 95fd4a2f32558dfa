#include "sluice/synth/retiming.hpp"

#include <algorithm>

#include "sluice/base/check.hpp"
#include "sluice/synth/flow.hpp"

namespace sluice::synth {

namespace {

class Retiming {
 public:
  Retiming(const RetimingProblem& problem, std::vector<std::int32_t> stages)
      : problem_(problem), stages_(std::move(stages)) {}

  std::vector<std::int32_t> run() && {
    for (std::int32_t step = 0; raise_best_set(); ++step) {
      SLUICE_CHECK(step < problem_.stage_count, "no end after {} steps", step);
    }
    return std::move(stages_);
  }

 private:
  // Nodes of the flow: value v is v, the end of its registers is v + values().
  std::size_t values() const { return stages_.size(); }
  std::size_t source() const { return 2 * values(); }
  std::size_t sink() const { return 2 * values() + 1; }

  /// Raises the set of values that saves most bits if each is placed one stage later; false if no
  /// set saves any. Values on the source's side of the cut are raised; what is cut is paid.
  bool raise_best_set() {
    FlowNetwork flow(2 * values() + 2);
    for (std::size_t v = 0; v < values(); ++v) add_value(flow, v);
    flow.maximise(source(), sink());
    const std::vector<bool> raised = flow.source_side(source());
    bool any = false;
    for (std::size_t v = 0; v < values(); ++v) {
      if (!raised[v]) continue;
      ++stages_[v];
      any = true;
    }
    return any;
  }

  void add_value(FlowNetwork& flow, std::size_t v) const {
    const RetimingProblem::Value& value = problem_.values[v];
    if (value.fixed || stages_[v] == problem_.stage_count - 1) {
      flow.add_arc(v, sink(), FlowNetwork::kUnlimited);
    }
    for (const std::size_t later : value.behind) {
      if (stages_[later] == stages_[v] + 1) flow.add_arc(v, later, FlowNetwork::kUnlimited);
    }
    std::int32_t end = value.output ? problem_.stage_count : stages_[v];
    for (const std::size_t user : value.users) {
      if (stages_[user] == stages_[v]) flow.add_arc(v, user, FlowNetwork::kUnlimited);
      end = std::max(end, stages_[user]);
    }
    if (!value.output && value.users.empty()) return;
    // One stage later saves a boundary, and raising a last user costs one.
    flow.add_arc(source(), v, value.width);
    if (value.output) return;
    flow.add_arc(v + values(), sink(), value.width);
    for (const std::size_t user : value.users) {
      if (stages_[user] == end) flow.add_arc(user, v + values(), FlowNetwork::kUnlimited);
    }
  }

  const RetimingProblem& problem_;
  std::vector<std::int32_t> stages_;
};

}  // namespace

std::vector<std::int32_t> retime(const RetimingProblem& problem,
                                 std::vector<std::int32_t> earliest) {
  return Retiming(problem, std::move(earliest)).run();
}

}  // namespace sluice::synth
