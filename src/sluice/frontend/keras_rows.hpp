#pragma once

#include <cstdint>
#include <vector>

#include "sluice/frontend/keras_layer_builder.hpp"

/// Layers that act on rows along some axes. Internal to the front end.
namespace sluice::frontend {

/// Axes of a Keras layer: the batch is 0, the last one also -1.
using Axes = std::vector<std::int64_t>;

/// The axes of `shape`, the batch not counted, with those that are named last. Throws ModelError.
Axes order_of(const Axes& axes, const network::Shape& shape);
/// [number of rows, elements of each]
network::Shape rows_of(const Axes& axes, const network::Shape& shape);

/// The operand as rows.
void add_rows(LayerBuilder& layer, const Axes& axes);
/// Rows as the operand was.
void add_original_axes(LayerBuilder& layer, const Axes& axes);

}  // namespace sluice::frontend
