#include "sluice/synth/flow.hpp"

#include <algorithm>

namespace sluice::synth {

void FlowNetwork::add_arc(std::size_t from, std::size_t to, std::int64_t capacity) {
  arcs_of_[from].push_back(arcs_.size());
  arcs_.push_back({to, capacity});
  arcs_of_[to].push_back(arcs_.size());
  arcs_.push_back({from, 0});
}

// Dinic's algorithm: paths of fewest arcs, until there is none.
void FlowNetwork::maximise(std::size_t source, std::size_t sink) {
  while (measure_levels(source, sink)) {
    next_.assign(arcs_of_.size(), 0);
    while (push_along_one_path(source, sink)) {
    }
  }
}

bool FlowNetwork::measure_levels(std::size_t source, std::size_t sink) {
  levels_.assign(arcs_of_.size(), -1);
  levels_[source] = 0;
  std::vector<std::size_t> queue{source};
  for (std::size_t head = 0; head < queue.size() && levels_[sink] < 0; ++head) {
    const std::size_t node = queue[head];
    for (const std::size_t id : arcs_of_[node]) {
      const Arc& arc = arcs_[id];
      if (arc.rest == 0 || levels_[arc.to] >= 0) continue;
      levels_[arc.to] = levels_[node] + 1;
      queue.push_back(arc.to);
    }
  }
  return levels_[sink] >= 0;
}

bool FlowNetwork::push_along_one_path(std::size_t source, std::size_t sink) {
  std::vector<std::size_t> path;  // arcs
  std::size_t node = source;
  while (node != sink) {
    std::size_t& next = next_[node];
    const std::vector<std::size_t>& arcs = arcs_of_[node];
    while (next < arcs.size() &&
           (arcs_[arcs[next]].rest == 0 || levels_[arcs_[arcs[next]].to] != levels_[node] + 1)) {
      ++next;
    }
    if (next < arcs.size()) {
      path.push_back(arcs[next]);
      node = arcs_[arcs[next]].to;
      continue;
    }
    if (path.empty()) return false;
    node = arcs_[path.back() ^ 1].to;
    ++next_[node];
    path.pop_back();
  }
  std::int64_t amount = kUnlimited;
  for (const std::size_t id : path) amount = std::min(amount, arcs_[id].rest);
  for (const std::size_t id : path) {
    arcs_[id].rest -= amount;
    arcs_[id ^ 1].rest += amount;
  }
  return true;
}

std::vector<bool> FlowNetwork::source_side(std::size_t source) const {
  std::vector<bool> reached(arcs_of_.size(), false);
  reached[source] = true;
  std::vector<std::size_t> queue{source};
  for (std::size_t head = 0; head < queue.size(); ++head) {
    for (const std::size_t id : arcs_of_[queue[head]]) {
      const Arc& arc = arcs_[id];
      if (arc.rest == 0 || reached[arc.to]) continue;
      reached[arc.to] = true;
      queue.push_back(arc.to);
    }
  }
  return reached;
}

}  // namespace sluice::synth
