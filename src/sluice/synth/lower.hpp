#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sluice/circuit/circuit.hpp"
#include "sluice/network/network.hpp"
#include "sluice/synth/cmvm.hpp"

namespace sluice::synth {

/// How the positions of a convolution share hardware.
enum class Form : std::uint8_t {
  automatic,  ///< streaming where a convolution takes more than `most_parallel_products`, or reuse
  parallel,   ///< every position has its own
  streaming,  ///< all positions one after the other on one, as the event's elements come in
};

struct LowerOptions {
  CmvmOptions cmvm;
  /// Multipliers of the device, DSP48E2, that constant weights of a fully parallel network may take
  /// instead of adders. Where hardware is shared, only products that vary take multipliers.
  std::int64_t multipliers = 0;
  /// A larger function is refused: its adders alone would fill the largest card.
  std::int64_t most_operations = 1 << 17;
  Form form = Form::automatic;
  /// Products with weights other than 0 over all positions of a convolution, for Form::automatic;
  /// a streaming network's dense layer with more adds up position after position.
  std::int64_t most_parallel_products = 1 << 14;
  std::int64_t most_parallel_weights = 1 << 12;
  /// Ticks in which the products of a dense layer or of a position of a convolution are made, by
  /// one set of multipliers; as many as there are outputs at most. By layer, or for all others.
  std::int64_t reuse = 1;
  std::map<std::string, std::int64_t> layer_reuse{};
};

/// The network as a circuit of scalars: matrices become adder graphs, and every value keeps its
/// layer as origin. Ports are named after their layers; an output port has the format of its
/// layer's type. The result satisfies circuit::verify().
///
/// Fully parallel it is one function. Streaming, or with reuse, it has processes: docs/design/
/// streaming.md says which.
///
/// Deterministic. Throws ModelError with the layer's name when an exact intermediate result needs
/// more than 64 bits, and E-SYNTH-003 with that of the layer that exceeds `most_operations`.
circuit::Circuit lower(const network::Network& network, const LowerOptions& options = {});

}  // namespace sluice::synth
