#pragma once

#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::rtl {

/// Where an element lies in the flattened bits of an event: port after port, each element in its
/// container of 8, 16, 32 or 64 bits, so that the bits are the event's bytes in memory order.
struct ElementSlot {
  int low = 0;
  int container_bits = 8;
};

std::vector<ElementSlot> event_layout(const std::vector<circuit::Port>& ports);
int event_bits(const std::vector<circuit::Port>& ports);

/// Data width of the AXI port that carries events of `event_bits`: the next power of two, at least
/// 64 and at most 512.
int bus_bits(int event_bits) noexcept;

}  // namespace sluice::rtl
