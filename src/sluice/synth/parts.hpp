#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/network/network.hpp"
#include "sluice/synth/lower.hpp"

namespace sluice::synth {

/// A process in the making: a network of what one tick computes. Part of another, it knows more
/// than it shows: `ranges` of its layers over all ticks.
class Part {
 public:
  Part(std::string name, std::vector<std::int64_t> extents)
      : extents_(std::move(extents)), network_(std::move(name)) {}

  const network::Network& network() const noexcept { return network_; }
  const std::vector<std::int64_t>& extents() const noexcept { return extents_; }
  std::int64_t ticks() const noexcept { return network::element_count(extents_); }

  /// Adds a layer that is made for layer `origin` of the whole network. `ranges` as in
  /// PartKnowledge.
  network::LayerId append(network::LayerOp op, std::vector<network::LayerId> operands,
                          std::size_t origin, std::vector<fixed::Interval> ranges = {});
  /// Adds an input layer with one source per element.
  network::LayerId append_input(network::Shape shape, const fixed::Quantizer& quantizer,
                                std::vector<circuit::Source> sources, std::size_t origin);
  /// Index of the process's first output element that belongs to `layer`.
  std::int64_t output_of(network::LayerId layer);
  /// The part makes the whole network's next output.
  void add_output(network::LayerId layer) { network_.add_output(layer); }
  std::int64_t vector_size(network::LayerId layer) const {
    return static_cast<std::int64_t>(network_.layer(layer).type.ranges.size());
  }

 private:
  friend circuit::Circuit join(std::vector<Part> parts, const network::Network& whole,
                               const LowerOptions& options);

  std::vector<std::int64_t> extents_;
  network::Network network_;
  std::vector<std::size_t> origins_;                  // by layer
  std::vector<std::vector<fixed::Interval>> ranges_;  // by layer
  std::vector<circuit::Source> sources_;
};

/// Lowers every part; the last one is the circuit's function and makes the outputs of `whole`.
/// Sources of a state count the elements of its part's outputs.
circuit::Circuit join(std::vector<Part> parts, const network::Network& whole,
                      const LowerOptions& options);

}  // namespace sluice::synth
