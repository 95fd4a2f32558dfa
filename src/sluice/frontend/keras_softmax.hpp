#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/frontend/keras_layer_builder.hpp"

/// Softmax by two tables, and the one-hot maximum. Internal to the front end.
namespace sluice::frontend {

/// y_i = e_i * r with e_i = exp_result(exp(exp_input(d_i))) and r = inverse_result(1 /
/// inverse_input(sum of e)).
struct SoftmaxTables {
  enum class Operand { value, from_maximum, minus_maximum };  ///< d: x, max - x, x - max
  Operand operand = Operand::from_maximum;
  UnaryFunction exp;
  UnaryFunction inverse;
  std::vector<AnyOp> exp_input, inverse_input;  ///< quantisers, one after the other
  AnyOp exp_result, inverse_result;
};

/// `axes`, the batch counted as 0, are those that the probabilities add up along.
void add_softmax(LayerBuilder& layer, const std::vector<std::int64_t>& axes,
                 const SoftmaxTables& tables);

/// What the configuration asks a Keras softmax to become, under the name `configured`; false where
/// it asks for nothing.
bool plan_configured_softmax(LayerBuilder& layer, const std::string& configured);

}  // namespace sluice::frontend
