#pragma once

#include <cstdint>
#include <vector>

#include "sluice/network/network.hpp"

namespace sluice::synth {

/// How a streaming circuit reads an event: position after position of a layer that has the event's
/// elements, perhaps under another shape or in another order.
struct EventOrder {
  std::size_t layer = 0;              ///< the input, or what only moves its elements
  std::vector<std::int64_t> extents;  ///< of the positions; none: the event at once
  /// Element i of the vector at position n is element first[i] + step * n of the event.
  std::vector<std::int64_t> first;
  std::int64_t step = 1;
};

/// Follows layers that only move the elements of input layer `input` for as long as each is the
/// only reader of the one before and the event can be read so.
EventOrder event_order(const network::Network& network, std::size_t input);

}  // namespace sluice::synth
