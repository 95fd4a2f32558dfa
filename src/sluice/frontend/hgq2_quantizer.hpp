#pragma once

#include <string>

#include "sluice/base/json.hpp"
#include "sluice/frontend/element_quantizers.hpp"
#include "sluice/frontend/keras_file.hpp"
#include "sluice/frontend/qkeras_quantizer.hpp"

namespace sluice::frontend {

/// True where `config` is the configuration of an HGQ2 quantiser that does something.
bool is_hgq2_quantizer(const Json& config);

/// The quantiser of HGQ2 with this configuration (`iq_conf`, `kq_conf`, ...), whose variables lie
/// below `part` ("iq/") of the layer's. The shape is that of its variables, the batch axis of
/// values included. Throws ModelError without a subject.
ElementQuantizers read_hgq2_quantizer(const Json& config, const LayerWeights& variables,
                                      const std::string& part);

/// The same for values: without the batch axis.
ElementQuantizers without_batch_axis(ElementQuantizers quantizers);

/// Weights, each rounded by its own quantiser. Throws ModelError, without a subject, for one that
/// would wrap.
QuantizedTensor quantize_elements(const ElementQuantizers& quantizers, const RealTensor& weights);

}  // namespace sluice::frontend
