#pragma once

#include <cstddef>
#include <vector>

#include "sluice/engine/program.hpp"

namespace sluice::engine {

/// Computes a step for the first `events` events of a tile. Internal to the engine.
void run_element_step(const ElementStep& step, const std::vector<Buffer>& buffers,
                      std::byte* scratch, std::size_t events);

}  // namespace sluice::engine
