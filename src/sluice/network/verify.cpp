#include "sluice/network/verify.hpp"

#include "sluice/base/check.hpp"

namespace sluice::network {

void verify(const Network& network) {
  SLUICE_CHECK(!network.inputs().empty(), "network {} has no input", network.name());
  SLUICE_CHECK(!network.outputs().empty(), "network {} has no output", network.name());
  Network again(network.name());
  for (const Layer& layer : network.layers()) {
    const LayerId id = again.append(layer.name, layer.op, layer.operands);
    SLUICE_CHECK(again.layer(id).type == layer.type, "the type of layer {} is not the inferred one",
                 layer.name);
  }
}

}  // namespace sluice::network
