#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/network/network.hpp"
#include "sluice/synth/folding.hpp"
#include "sluice/synth/parts.hpp"
#include "sluice/synth/taps.hpp"

namespace sluice::synth {

/// Weights of a dense layer whose input comes one position per tick, as vectors of `vector_size`
/// elements. `moved` says which of the base layer's `elements` each input is.
TickWeights weights_by_position(const network::Dense& dense, const std::vector<Moved>& moved,
                                std::int64_t elements, std::int64_t vector_size);

/// What a layer's sums are for.
enum class Next : std::uint8_t {
  quantiser,  ///< that the caller appends: it may round them where they are made
  wires,      ///< of no more bits than they need
};

/// Appends sums of products of `x`, with the bias, to a part whose loops from `level` inwards count
/// the ticks: constants in adders, values that count at some of the ticks, and chains of
/// multipliers, as plan_products() finds cheapest.
network::LayerId multiply_by_tick(Part& part, network::LayerId x, const TickWeights& weights,
                                  std::int64_t level, std::size_t origin, Next next);

/// The outputs of a folded layer, for a reader with the `levels` loops around that of the ticks.
/// `first` is the first sum among the outputs of `process`.
std::vector<circuit::Source> outputs_in_order(const Folding& folding, std::size_t process,
                                              std::int64_t first, std::size_t levels);

}  // namespace sluice::synth
