#include "sluice/rtl/layout.hpp"

#include <algorithm>
#include <bit>

namespace sluice::rtl {

std::vector<ElementSlot> event_layout(const std::vector<circuit::Port>& ports) {
  std::vector<ElementSlot> slots;
  int low = 0;
  for (const circuit::Port& port : ports) {
    const int container_bits = fixed::container_bits(port.quantizer.format);
    for (std::int64_t i = 0; i < port.elements; ++i) {
      slots.push_back({low, container_bits});
      low += container_bits;
    }
  }
  return slots;
}

int event_bits(const std::vector<circuit::Port>& ports) {
  const std::vector<ElementSlot> slots = event_layout(ports);
  return slots.empty() ? 0 : slots.back().low + slots.back().container_bits;
}

int bus_bits(int event_bits) noexcept {
  constexpr unsigned kNarrowest = 64;
  constexpr unsigned kWidest = 512;
  return static_cast<int>(
      std::clamp(std::bit_ceil(static_cast<unsigned>(event_bits)), kNarrowest, kWidest));
}

}  // namespace sluice::rtl
