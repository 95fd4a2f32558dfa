#pragma once

#include "sluice/frontend/keras_file.hpp"
#include "sluice/frontend/keras_model.hpp"

namespace sluice::frontend {

/// Gives the variables of a Keras 3 weights file to the layers of `model` under the names of
/// Keras 2: "dense_1/vars/0" becomes `kernel` of the layer that is the second Dense. Variables of
/// parts of a layer keep their path below the layer ("iq/vars/0"), and so do those of classes whose
/// names are not known ("vars/0").
ModelWeights name_variables(const LayerWeights& variables, const KerasModel& model);

/// The same for a file that lists its layers, where all tensors of a model inside of the model are
/// stored as those of one layer: "dense/kernel:0" becomes `kernel` of the layer `dense` in it.
ModelWeights name_weights(const ModelWeights& stored, const KerasModel& model);

}  // namespace sluice::frontend
