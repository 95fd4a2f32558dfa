#include "sluice/synth/ternary.hpp"

#include <algorithm>
#include <array>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "sluice/base/check.hpp"
#include "sluice/fixed/interval.hpp"
#include "sluice/synth/signed_digits.hpp"
#include "sluice/synth/sum_tree.hpp"

namespace sluice::synth {

namespace {

/// `node * weight`, a part of a sum.
struct Part {
  std::int32_t node = -1;
  std::int64_t weight = 0;
};

using Parts = std::vector<Part>;  // ascending nodes, no weight 0

std::size_t at(std::int32_t node) { return static_cast<std::size_t>(node); }

/// parts + other * weight, without what `parts` holds of `replaced`.
Parts combined(const Parts& parts, std::int32_t replaced, const Parts& other, std::int64_t weight) {
  Parts result;
  result.reserve(parts.size() + other.size());
  const auto append = [&](std::int32_t node, std::int64_t sum) {
    if (sum != 0) result.push_back({node, sum});
  };
  auto x = parts.begin();
  auto y = other.begin();
  while (x != parts.end() || y != other.end()) {
    if (x != parts.end() && x->node == replaced) {
      ++x;
    } else if (y == other.end() || (x != parts.end() && x->node < y->node)) {
      append(x->node, x->weight);
      ++x;
    } else {
      std::int64_t sum = fixed::multiply_exact(y->weight, weight);
      if (x != parts.end() && x->node == y->node) {
        sum = fixed::add_exact(sum, x->weight);
        ++x;
      }
      append(y->node, sum);
      ++y;
    }
  }
  return result;
}

/// Sums of any number of terms, which share some of them.
class Regrouping {
 public:
  explicit Regrouping(const AdderGraph& graph) : graph_(graph), sums_(graph.nodes.size()) {
    find_live();
    join_single_users();
    for (std::size_t id = 0; id < sums_.size(); ++id) {
      if (!sums_[id].live) continue;
      for (const Part& part : sums_[id].parts) {
        sums_[at(part.node)].users.push_back(static_cast<std::int32_t>(id));
      }
    }
    measure_all();
  }

  void dissolve_shared_sums() {
    constexpr int kMostSweeps = 4;
    for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
      if (!dissolve_once()) break;
    }
    measure_all();
  }

  std::optional<AdderGraph> build(std::span<const fixed::Interval> inputs, int deadline) {
    for (const AdderTerm& output : graph_.outputs) {
      if (output.node >= 0 && sums_[at(output.node)].time > deadline) return std::nullopt;
    }
    plan_trees(deadline);
    return built(inputs);
  }

 private:
  struct Sum {
    bool live = false;
    bool is_output = false;
    bool negated = false;             // by the outputs
    Parts parts;                      // empty for inputs and constants
    std::vector<std::int32_t> users;  // sums, all different
    std::int64_t cost = 0;
    int term_count = 0;
    int time = 0;           // the earliest
    std::int64_t gain = 0;  // see gain_of(), as it was found when changes were `found_at`
    std::int64_t found_at = -1;
    std::int64_t changes = 0;  // of the parts or the users, so far
    SumTree tree;
    std::vector<AdderTerm> terms;  // the operands of `tree`

    bool is_sum() const { return !parts.empty(); }
    bool is_shared() const { return live && is_sum() && !is_output; }
  };

  struct Gain {
    std::int64_t saved = 0;
    std::int32_t node = -1;

    friend bool operator<(const Gain& x, const Gain& y) {
      return std::tie(x.saved, y.node) < std::tie(y.saved, x.node);
    }
  };

  void find_live() {
    for (const AdderTerm& output : graph_.outputs) {
      if (output.node < 0) continue;
      sums_[at(output.node)].live = true;
      sums_[at(output.node)].is_output = true;
      sums_[at(output.node)].negated = output.negative;
    }
    for (std::size_t id = sums_.size(); id-- > 0;) {
      if (!sums_[id].live) continue;
      for (const AdderTerm& term : graph_.nodes[id].sum_terms()) sums_[at(term.node)].live = true;
    }
  }

  void join_single_users() {
    std::vector<int> uses(sums_.size());
    for (std::size_t id = 0; id < sums_.size(); ++id) {
      if (!sums_[id].live) continue;
      for (const AdderTerm& term : graph_.nodes[id].sum_terms()) ++uses[at(term.node)];
    }
    for (std::size_t id = 0; id < sums_.size(); ++id) {
      if (!sums_[id].live) continue;
      Parts& parts = sums_[id].parts;
      for (const AdderTerm& term : graph_.nodes[id].sum_terms()) {
        Sum& operand = sums_[at(term.node)];
        const std::int64_t weight = fixed::shift_left(term.negative ? -1 : 1, term.shift);
        const bool joins = operand.is_shared() && uses[at(term.node)] == 1;
        parts = combined(parts, -1, joins ? operand.parts : Parts{{term.node, 1}}, weight);
        if (joins) operand.live = false;
      }
    }
  }

  std::vector<SumOperand> operands_of(const Parts& parts) const {
    std::vector<SumOperand> operands;
    for (const Part& part : parts) {
      const AdderNode& node = graph_.nodes[at(part.node)];
      const bool is_constant = node.kind == AdderNode::Kind::constant;
      const int time = sums_[at(part.node)].time;
      const SignedDigits digits = canonical_digits(part.weight);
      for (std::uint64_t rest = digits.plus | digits.minus; rest != 0; rest &= rest - 1) {
        const int shift = std::countr_zero(rest);
        const bool negative = ((digits.minus >> shift) & 1) != 0;
        operands.push_back({{part.node, shift, negative}, node.range, time, is_constant});
      }
    }
    return operands;
  }

  static int earliest(const std::vector<SumOperand>& operands) {
    std::vector<int> times;
    times.reserve(operands.size());
    for (const SumOperand& operand : operands) times.push_back(operand.time);
    return earliest_sum(std::move(times));
  }

  void measure(Sum& sum) {
    const std::vector<SumOperand> operands = operands_of(sum.parts);
    sum.term_count = static_cast<int>(operands.size());
    sum.cost = planner_.plan(operands).cost;
    sum.time = earliest(operands);
  }

  void measure_all() {
    for (Sum& sum : sums_) {
      if (!sum.live || !sum.is_sum()) continue;
      measure(sum);
    }
  }

  static std::int64_t weight_in(const Parts& parts, std::int32_t node) {
    return std::ranges::lower_bound(parts, node, {}, &Part::node)->weight;
  }

  Parts without(std::int32_t node, const Sum& user) const {
    return combined(user.parts, node, sums_[at(node)].parts, weight_in(user.parts, node));
  }

  /// What is saved when a shared sum joins all its users; less than nothing when one of them would
  /// be later than before.
  std::int64_t gain_of(std::int32_t node) {
    Sum& sum = sums_[at(node)];
    std::int64_t changes = sum.changes;
    for (const std::int32_t user : sum.users) changes += sums_[at(user)].changes;
    if (sum.found_at != changes) sum.gain = found_gain(node);
    sum.found_at = changes;
    return sum.gain;
  }

  /// Of all its users, if their sums had the terms of the shared one, less that one's own.
  int more_adders(std::int32_t node) const {
    const Sum& sum = sums_[at(node)];
    int more = -(sum.term_count / 2);
    for (const std::int32_t id : sum.users) {
      const Sum& user = sums_[at(id)];
      const int uses = canonical_digits(weight_in(user.parts, node)).count();
      more += (user.term_count + uses * (sum.term_count - 1)) / 2 - user.term_count / 2;
    }
    return more;
  }

  std::int64_t found_gain(std::int32_t node) {
    if (more_adders(node) > 0) return -1;
    std::int64_t gain = sums_[at(node)].cost;
    for (const std::int32_t id : sums_[at(node)].users) {
      const Sum& user = sums_[at(id)];
      const std::vector<SumOperand> operands = operands_of(without(node, user));
      if (operands.empty() || earliest(operands) > user.time) return -1;
      gain += user.cost - planner_.plan(operands).cost;
    }
    return gain;
  }

  bool dissolve_once() {
    std::priority_queue<Gain> queue;
    for (std::size_t id = 0; id < sums_.size(); ++id) {
      if (!sums_[id].is_shared()) continue;
      const auto node = static_cast<std::int32_t>(id);
      if (const std::int64_t gain = gain_of(node); gain > 0) queue.push({gain, node});
    }
    bool any = false;
    while (!queue.empty()) {
      Gain best = queue.top();
      queue.pop();
      const std::int64_t now = gain_of(best.node);
      if (now <= 0) continue;
      if (now < best.saved) {
        queue.push({now, best.node});
        continue;
      }
      dissolve(best.node);
      any = true;
    }
    return any;
  }

  void dissolve(std::int32_t node) {
    Sum& sum = sums_[at(node)];
    const std::vector<std::int32_t> users = std::exchange(sum.users, {});
    for (const std::int32_t id : users) {
      Sum& user = sums_[at(id)];
      Parts parts = without(node, user);
      for (const Part& part : user.parts) std::erase(sums_[at(part.node)].users, id);
      for (const Part& part : parts) {
        sums_[at(part.node)].users.push_back(id);
        ++sums_[at(part.node)].changes;
      }
      user.parts = std::move(parts);
      ++user.changes;
      measure(user);
    }
    for (const Part& part : sum.parts) std::erase(sums_[at(part.node)].users, node);
    sum.live = false;
  }

  /// Users before their operands: a tree's shape says when each operand has to be ready.
  void plan_trees(int deadline) {
    std::vector<int> deadlines(sums_.size(), deadline);
    for (std::size_t id = sums_.size(); id-- > 0;) {
      Sum& sum = sums_[id];
      if (!sum.live || !sum.is_sum()) continue;
      const std::vector<SumOperand> operands = operands_of(sum.parts);
      sum.tree = best_planner_.plan(operands, deadlines[id]);
      sum.terms.clear();
      for (const SumOperand& operand : operands) sum.terms.push_back(operand.term);
      std::vector<int> needed(operands.size() + sum.tree.adders.size(), deadlines[id]);
      for (std::size_t k = sum.tree.adders.size(); k-- > 0;) {
        const auto& adder = sum.tree.adders[k];
        const int time = adder[2] >= 0 ? kTernaryAdderTime : kAdderTime;
        for (const std::int32_t item : adder) {
          if (item >= 0) needed[at(item)] = needed[operands.size() + k] - time;
        }
      }
      for (std::size_t k = 0; k < operands.size(); ++k) {
        int& node_deadline = deadlines[at(operands[k].term.node)];
        node_deadline = std::min(node_deadline, needed[k]);
      }
    }
  }

  static std::vector<AdderTerm> terms_of(const std::array<std::int32_t, 3>& adder,
                                         const std::vector<AdderTerm>& items) {
    std::vector<AdderTerm> terms;
    for (const std::int32_t item : adder) {
      if (item >= 0) terms.push_back(items[at(item)]);
    }
    return terms;
  }

  /// How the adders of a tree over `items` are built: an output is to be positive, as its negation
  /// would take an adder more, and then so is one term of every adder on the way to it.
  static std::vector<SumForm> forms_of(const Sum& sum, std::vector<AdderTerm> items) {
    const auto& adders = sum.tree.adders;
    std::vector<SumForm> forms(adders.size(), SumForm::narrowest);
    if (!sum.is_output || forms.empty()) return forms;
    const std::size_t operands = items.size();
    std::vector<bool> may_be_positive;
    may_be_positive.reserve(items.size());
    for (const AdderTerm& item : items) may_be_positive.push_back(!item.negative);
    for (const auto& adder : adders) {
      const std::vector<AdderTerm> terms = terms_of(adder, items);
      items.push_back(std::ranges::min(
          terms, {}, [](const AdderTerm& term) { return std::pair(term.shift, term.negative); }));
      may_be_positive.push_back(std::ranges::any_of(
          adder, [&](std::int32_t item) { return item >= 0 && may_be_positive[at(item)]; }));
    }
    std::size_t item = items.size() - 1;
    while (item >= operands && items[item].negative && may_be_positive[item]) {
      forms[item - operands] = SumForm::positive;
      const auto& adder = adders[item - operands];
      const auto is_positive = [&](std::int32_t i) { return i >= 0 && !items[at(i)].negative; };
      if (std::ranges::any_of(adder, is_positive)) break;
      item = at(*std::ranges::find_if(
          adder, [&](std::int32_t i) { return i >= 0 && may_be_positive[at(i)]; }));
    }
    return forms;
  }

  AdderGraph built(std::span<const fixed::Interval> inputs) const {
    AdderGraphBuilder builder(inputs);
    std::vector<AdderTerm> made(sums_.size());
    const auto remade = [&](const AdderTerm& term) {
      const AdderTerm& node = made[at(term.node)];
      return AdderTerm{node.node, node.shift + term.shift, node.negative != term.negative};
    };
    for (std::size_t id = 0; id < sums_.size(); ++id) {
      const Sum& sum = sums_[id];
      if (id < inputs.size()) made[id] = {static_cast<std::int32_t>(id), 0, false};
      if (!sum.live || id < inputs.size()) continue;
      if (!sum.is_sum()) {
        made[id] = builder.constant(graph_.nodes[id].constant);
        continue;
      }
      std::vector<AdderTerm> items;
      for (const AdderTerm& term : sum.terms) {
        items.push_back(remade(term));
        items.back().negative ^= sum.negated;
      }
      const std::vector<SumForm> forms = forms_of(sum, items);
      for (std::size_t k = 0; k < forms.size(); ++k) {
        items.push_back(builder.sum(terms_of(sum.tree.adders[k], items), forms[k]));
      }
      made[id] = items.back();
      made[id].negative ^= sum.negated;
    }
    for (const AdderTerm& output : graph_.outputs) {
      builder.add_output(output.node < 0 ? output : remade(output));
    }
    return std::move(builder).finish();
  }

  const AdderGraph& graph_;
  std::vector<Sum> sums_;           // by node of the graph
  SumTreePlanner planner_{4};       // for comparisons
  SumTreePlanner best_planner_{8};  // for what is built
};

}  // namespace

std::optional<AdderGraph> with_ternary_adders(const AdderGraph& graph,
                                              std::span<const fixed::Interval> inputs,
                                              int deadline) {
  Regrouping regrouping(graph);
  regrouping.dissolve_shared_sums();
  return regrouping.build(inputs, deadline);
}

}  // namespace sluice::synth
