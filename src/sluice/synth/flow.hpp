#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace sluice::synth {

/// Largest flow, and with it the smallest cut, from a source to a sink.
class FlowNetwork {
 public:
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max() / 4;

  explicit FlowNetwork(std::size_t nodes) : arcs_of_(nodes) {}

  void add_arc(std::size_t from, std::size_t to, std::int64_t capacity);

  /// Fills the network from `source` to `sink`; once per network.
  void maximise(std::size_t source, std::size_t sink);

  /// Which nodes the source still reaches: its side of the smallest cut with fewest nodes.
  std::vector<bool> source_side(std::size_t source) const;

 private:
  struct Arc {
    std::size_t to = 0;
    std::int64_t rest = 0;  // capacity left; that of the opposite arc is at index ^ 1
  };

  bool measure_levels(std::size_t source, std::size_t sink);
  bool push_along_one_path(std::size_t source, std::size_t sink);

  std::vector<Arc> arcs_;
  std::vector<std::vector<std::size_t>> arcs_of_;  // indices into arcs_
  std::vector<int> levels_;                        // arcs from the source; -1: not reached
  std::vector<std::size_t> next_;                  // of arcs_of_, the first that may still carry
};

}  // namespace sluice::synth
