#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "sluice/network/testing/reference_evaluate.hpp"

namespace sluice::frontend::testing {

/// The output mantissas for one event of real numbers, in the order of Network::inputs().
inline std::vector<std::int64_t> evaluate_reals(const network::Network& net,
                                                std::span<const double> reals) {
  std::vector<std::int64_t> event;
  for (const network::LayerId id : net.inputs()) {
    const auto& input = std::get<network::Input>(net.layer(id).op);
    for (std::int64_t i = 0; i < network::element_count(input.shape); ++i) {
      event.push_back(fixed::quantize_real(reals[event.size()], input.quantizer));
    }
  }
  return network::testing::reference_evaluate(net, event);
}

}  // namespace sluice::frontend::testing
