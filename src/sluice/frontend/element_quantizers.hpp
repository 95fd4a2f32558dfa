#pragma once

#include <optional>
#include <vector>

#include "sluice/base/json.hpp"
#include "sluice/fixed/quantize.hpp"
#include "sluice/frontend/keras_file.hpp"
#include "sluice/network/network.hpp"

namespace sluice::frontend {

/// Quantisers of a tensor of one event, in C order. `shape` is stretched along extents of 1, and
/// leading axes are added, where the tensor has more (NumPy's broadcasting).
struct ElementQuantizers {
  network::Shape shape;
  std::vector<fixed::Quantizer> quantizers;

  /// One quantiser where all are the same, else one per element of `to`. Throws ModelError,
  /// without a subject, when the shapes do not agree.
  network::Quantize broadcast(const network::Shape& to) const;
};

/// The quantiser of an HGQ proxy model (`FixedPointQuantizer`): its arrays `keep_negative`, `bits`
/// and `integers`, the batch axis first, its settings RND and SAT. No bits: the constant 0. Throws
/// ModelError without a subject.
ElementQuantizers read_fixed_point_quantizer(const Json& config, const LayerWeights& arrays);

/// The coarsest quantiser that may act before all of `users` without changing any of their results
/// for any real number; nothing where there is none.
std::optional<fixed::Quantizer> covering_quantizer(const std::vector<fixed::Quantizer>& users);

/// True when no value of `type` is rounded or overflows.
bool changes_nothing(const network::Quantize& quantize, const network::TensorType& type);

}  // namespace sluice::frontend
