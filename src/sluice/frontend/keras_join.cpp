#include "sluice/frontend/keras_join.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"
#include "sluice/network/movement.hpp"

namespace sluice::frontend {

namespace {

using network::LayerId;
using network::Merge;
using network::Shape;

constexpr std::size_t kMostOperands = 1024;

LayerId concatenated(const JoinOp& join, std::span<const LayerId> operands,
                     const JoinTarget& target) {
  std::vector<Shape> shapes;
  for (const LayerId id : operands) shapes.push_back(target.network.layer(id).type.shape);
  const auto axes = static_cast<std::int64_t>(shapes.front().size());
  const std::int64_t axis = join.axis < 0 ? axes + join.axis : join.axis - 1;
  bool agrees = axis >= 0 && axis < axes;
  for (const Shape& shape : shapes) {
    Shape other = shape;
    if (agrees && other.size() == shapes.front().size()) {
      other[static_cast<std::size_t>(axis)] = shapes.front()[static_cast<std::size_t>(axis)];
    }
    agrees = agrees && other == shapes.front();
  }
  if (!agrees) {
    refuse(codes::kGraph, fmt::format("cannot concatenate the shapes ({}) along axis {}",
                                      fmt::join(shapes, "), ("), join.axis));
  }
  Shape all = shapes.front();
  all[static_cast<std::size_t>(axis)] = 0;
  for (const Shape& shape : shapes) {
    all[static_cast<std::size_t>(axis)] += shape[static_cast<std::size_t>(axis)];
  }
  check_elements(all);
  return target.append("", network::concatenate(shapes, static_cast<std::size_t>(axis)),
                       {operands.begin(), operands.end()});
}

LayerId broadcast_to(const Shape& shape, LayerId id, const JoinTarget& target) {
  const Shape& own = target.network.layer(id).type.shape;
  if (own == shape) return id;
  check_elements(shape);
  return target.append("broadcast", network::broadcast(own, shape), {id});
}

}  // namespace

LayerId join_operands(const JoinOp& join, std::span<const LayerId> operands,
                      const JoinTarget& target) {
  if (join.kind == JoinOp::Kind::concatenate) return concatenated(join, operands, target);
  Shape shape;
  for (const LayerId id : operands) {
    const auto common = network::broadcast_shape(shape, target.network.layer(id).type.shape);
    if (!common) {
      refuse(codes::kGraph,
             fmt::format("cannot merge the shapes ({}) and ({})", fmt::join(shape, ", "),
                         fmt::join(target.network.layer(id).type.shape, ", ")));
    }
    shape = *common;
  }
  LayerId result = broadcast_to(shape, operands.front(), target);
  for (std::size_t i = 1; i < operands.size(); ++i) {
    const bool is_last = i + 1 == operands.size();
    result = target.append(is_last ? "" : fmt::format("{}", i), Merge{join.merge},
                           {result, broadcast_to(shape, operands[i], target)});
  }
  return result;
}

void plan_join(LayerBuilder& layer) {
  const std::string& name = layer.layer().class_name;
  LayerPlan& plan = layer.plan();
  plan.least_operands = name == "Concatenate" ? 1 : 2;
  plan.most_operands = name == "Subtract" || name == "Dot" ? 2 : kMostOperands;
  JoinOp join;
  if (name == "Concatenate") {
    join.kind = JoinOp::Kind::concatenate;
    join.axis = layer.integer_setting("axis", -1);
  } else if (name == "Subtract") {
    join.merge = Merge::Kind::subtract;
  } else if (name == "Multiply" || name == "Dot") {
    join.merge = Merge::Kind::multiply;
  } else if (name == "Maximum") {
    join.merge = Merge::Kind::maximum;
  } else if (name == "Minimum") {
    join.merge = Merge::Kind::minimum;
  }
  plan.join = join;
  if (name == "Dot") {
    if (layer.flag_setting("normalize", false)) {
      refuse(codes::kLayer, "Dot with normalize=True is not supported", "use normalize=False");
    }
    layer.add_helper("sum", network::LayerOp(network::Reduce{network::Reduce::Kind::sum}));
    layer.add("result", [](const OpContext& at) -> ResolvedOp {
      if (!at.operand.shape.empty()) {
        refuse(codes::kLayer, "Dot of matrices is not supported", "use vectors, or Dense");
      }
      return network::LayerOp(network::Reshape{{1}});
    });
  }
  if (name == "Average") {
    std::size_t operands = 0;
    for (const auto& call : layer.layer().calls) operands = std::max(operands, call.size());
    if (std::has_single_bit(operands)) {
      layer.add_helper("average", factor_op(1.0 / static_cast<double>(operands)));
    } else {
      layer.add_helper("average", quotient_function(static_cast<double>(operands)));
    }
  }
  layer.add_result(layer.layer().name, name, "result");
}

}  // namespace sluice::frontend
