#pragma once

#include <cstddef>
#include <vector>

#include "sluice/network/network.hpp"

namespace sluice::synth {

/// By layer, the first layer that computes the same of the same values: the layer itself mostly.
std::vector<std::size_t> first_equal_layers(const network::Network& network);

/// Dense layers that read the same values, as the convolutions of branches do that read equal
/// windows of one tensor.
class Siblings {
 public:
  explicit Siblings(const network::Network& network);

  /// A dense layer and all later ones that read what it reads.
  std::vector<std::size_t> from(std::size_t layer) const;

 private:
  std::vector<std::size_t> operands_;  // by layer: what a dense layer reads, first_equal_layers()
};

}  // namespace sluice::synth
