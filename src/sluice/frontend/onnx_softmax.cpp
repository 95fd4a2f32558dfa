#include <fmt/format.h>

#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/keras_softmax.hpp"
#include "sluice/frontend/onnx_constants.hpp"
#include "sluice/frontend/onnx_nodes.hpp"
#include "sluice/frontend/onnx_operands.hpp"
#include "sluice/frontend/plan_runner.hpp"
#include "sluice/frontend/refuse.hpp"

namespace sluice::frontend {

namespace {

/// The axes that the probabilities add up along, as Keras counts them: the batch is 0. Before
/// operator set 13 they are all from the given one on.
Json softmax_axes(const OnnxNode& node, std::int64_t opset, const network::Shape& shape) {
  constexpr std::int64_t kOneAxis = 13;
  const bool is_one = opset >= kOneAxis;
  const std::size_t rank = shape.size();
  const std::size_t first =
      checked_axis(node.attribute<std::int64_t>("axis", is_one ? -1 : 1), rank);
  if (first == 0 && rank > 1) {
    refuse(codes::kLayer, "adds up along the batch", "name one of the other axes");
  }
  const std::size_t batch = has_batch(shape) ? 0 : 1;
  Json axes = Json::array();
  for (std::size_t axis = first; axis < (is_one ? first + 1 : rank); ++axis) {
    axes.push_back(axis + batch);
  }
  return axes;
}

}  // namespace

// What the configuration makes of a Softmax of Keras.
ScaledTensor OnnxNodes::softmax(const Call& call) {
  ScaledTensor x = operand(call.inputs);
  const std::string& name = call.node.label();
  const KerasLayer softmax{.class_name = "Softmax",
                           .name = name,
                           .config = {{"axis", softmax_axes(call.node, opset_, x.shape)}},
                           .calls = {},
                           .path = {},
                           .groups = {}};
  LayerBuilder planner(softmax, {}, precision_, quantized_model_, diagnostics_);
  if (!plan_configured_softmax(planner, name)) {
    refuse(
        codes::kActivation,
        "softmax is left out at the very end only; here the configuration must say what it "
        "becomes",
        fmt::format(R"~({{"LayerName": {{"{}": {{"Strategy": "table"}}}}}}, or "argmax")~", name));
  }
  builder_.materialize(x, name);
  use_rows(x, name);
  const LayerPlan& plan = planner.plan();
  if (plan.remark) {
    diagnostics_.warn({codes::kSoftmaxTables, name, plan.remark(builder_.type(x)), {}});
  }
  for (const auto& quantizer : plan.summary.quantizers) {
    call.summary.quantizers.push_back(quantizer);
  }
  std::vector<TabulatedFunction> tables;
  PlanRunner runner(builder_.network(), formats_, tables);
  const auto append = [this](const std::string& layer, network::LayerOp op,
                             std::vector<network::LayerId> operands) {
    return builder_.append(layer, std::move(op), std::move(operands));
  };
  x.layer = settled(runner.run(plan.ops, {x.layer}, append));
  return x;
}

}  // namespace sluice::frontend
