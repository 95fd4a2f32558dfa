#include "sluice/frontend/keras_join.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <string>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/json_access.hpp"
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

/// The labels of operands and result, the batch left out; "abc,abd->acd" or the axes of Dot.
struct Labels {
  std::string a, b, result;
};

Labels labels_of(const JoinOp& join, const Shape& a, const Shape& b) {
  const std::string& text = join.equation;
  const std::size_t comma = text.find(',');
  const std::size_t arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || arrow < comma) {
    refuse(codes::kLayer, fmt::format("equation `{}` is not of two operands", shortened(text)));
  }
  Labels labels{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1),
                text.substr(arrow + 2)};
  for (std::string* const part : {&labels.a, &labels.b, &labels.result}) {
    std::erase(*part, ' ');
    const bool known = !part->empty() && part->front() == labels.a.front() &&
                       std::ranges::all_of(*part, [](char c) { return c >= 'A' && c <= 'z'; });
    if (!known) {
      refuse(codes::kLayer, fmt::format("equation `{}` is not supported", shortened(text)),
             "put the batch first, and name every axis");
    }
  }
  for (std::string* const part : {&labels.b, &labels.result, &labels.a}) part->erase(0, 1);
  if (labels.a.size() != a.size() || labels.b.size() != b.size()) {
    refuse(codes::kGraph, fmt::format("equation `{}` does not fit shapes ({}) and ({})",
                                      shortened(text), fmt::join(a, ", "), fmt::join(b, ", ")));
  }
  return labels;
}

Labels labels_of_dot(const Json& axes, const Shape& a, const Shape& b) {
  const auto axis = [&](const Json& json, const Shape& shape) {
    const auto rank = static_cast<std::int64_t>(shape.size());
    const auto given = as_integer(json);
    const std::int64_t own = !given ? -1 : (*given < 0 ? *given + rank : *given - 1);
    if (own < 0 || own >= rank || rank > 8) {
      refuse(codes::kModelConfig,
             fmt::format("axes={} do not fit shapes ({}) and ({})", excerpt(axes),
                         fmt::join(a, ", "), fmt::join(b, ", ")));
    }
    return static_cast<std::size_t>(own);
  };
  const bool is_pair = axes.is_array() && axes.size() == 2;
  const std::size_t in_a = axis(is_pair ? axes[0] : axes, a);
  const std::size_t in_b = axis(is_pair ? axes[1] : axes, b);
  Labels labels;
  for (std::size_t i = 0; i < a.size(); ++i) {
    labels.a += i == in_a ? 'z' : static_cast<char>('a' + i);
    if (i != in_a) labels.result += labels.a.back();
  }
  for (std::size_t i = 0; i < b.size(); ++i) {
    labels.b += i == in_b ? 'z' : static_cast<char>('m' + i);
    if (i != in_b) labels.result += labels.b.back();
  }
  return labels;
}

/// Products of all pairs of elements that the labels bring together, then their sums.
LayerId einsum(const JoinOp& join, std::span<const LayerId> operands, const JoinTarget& target) {
  const Shape a = target.network.layer(operands[0]).type.shape;
  const Shape b = target.network.layer(operands[1]).type.shape;
  const Labels labels =
      join.equation.empty() ? labels_of_dot(join.dot_axes, a, b) : labels_of(join, a, b);
  std::map<char, std::int64_t> extents;
  for (const auto& [names, shape] : {std::pair(&labels.a, &a), std::pair(&labels.b, &b)}) {
    for (std::size_t i = 0; i < names->size(); ++i) {
      const auto [known, is_new] = extents.emplace((*names)[i], (*shape)[i]);
      if (known->second != (*shape)[i] || std::ranges::count(*names, (*names)[i]) != 1) {
        refuse(codes::kGraph, fmt::format("cannot multiply the shapes ({}) and ({})",
                                          fmt::join(a, ", "), fmt::join(b, ", ")));
      }
    }
  }
  std::string all = labels.result;
  for (const auto& [label, extent] : extents) {
    if (all.find(label) == std::string::npos) all += label;
  }
  Shape products;
  for (const char label : all) {
    const auto known = extents.find(label);
    if (known == extents.end() || std::ranges::count(all, label) != 1) {
      refuse(codes::kLayer, "its equation is not supported");
    }
    products.push_back(known->second);
  }
  check_elements(products);
  const auto spread = [&](const std::string& names, LayerId id, const char* suffix) {
    // First the axes in the order of the products, then copies along the others.
    std::vector<std::int64_t> axes;
    Shape ones;
    for (const char label : all) {
      const std::size_t at = names.find(label);
      ones.push_back(at == std::string::npos ? 1 : extents.at(label));
      if (at != std::string::npos) axes.push_back(static_cast<std::int64_t>(at));
    }
    const Shape& own = target.network.layer(id).type.shape;
    network::Gather gather = network::permute(own, axes);
    const network::Gather copies = network::broadcast(ones, products);
    network::Gather result{products, {}};
    for (const std::int64_t from : copies.indices) {
      result.indices.push_back(gather.indices[static_cast<std::size_t>(from)]);
    }
    return target.append(suffix, std::move(result), {id});
  };
  LayerId result = target.append(
      "products", Merge{Merge::Kind::multiply},
      {spread(labels.a, operands[0], "first"), spread(labels.b, operands[1], "second")});
  Shape shape(products.begin(),
              products.begin() + static_cast<std::ptrdiff_t>(labels.result.size()));
  const std::int64_t rows = network::element_count(shape);
  result = target.append("rows", network::Reshape{{rows, network::element_count(products) / rows}},
                         {result});
  result = target.append("sums", network::Reduce{network::Reduce::Kind::sum}, {result});
  if (shape.empty()) shape.push_back(1);
  return target.append("", network::Reshape{std::move(shape)}, {result});
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
  if (join.kind == JoinOp::Kind::einsum) return einsum(join, operands, target);
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
  const std::string& class_name = layer.layer().class_name;
  // HGQ2's classes compute the same behind the quantisers of their operands.
  const std::string name = class_name.starts_with('Q') ? class_name.substr(1) : class_name;
  LayerPlan& plan = layer.plan();
  plan.least_operands = name == "Concatenate" ? 1 : 2;
  plan.most_operands = name == "Subtract" || name == "Dot" || name == "Einsum" ? 2 : kMostOperands;
  JoinOp join;
  if (name == "Concatenate") {
    join.kind = JoinOp::Kind::concatenate;
    join.axis = layer.integer_setting("axis", -1);
  } else if (name == "Subtract") {
    join.merge = Merge::Kind::subtract;
  } else if (name == "Multiply") {
    join.merge = Merge::Kind::multiply;
  } else if (name == "Maximum") {
    join.merge = Merge::Kind::maximum;
  } else if (name == "Minimum") {
    join.merge = Merge::Kind::minimum;
  } else if (name == "Dot" || name == "Einsum") {
    join.kind = JoinOp::Kind::einsum;
    join.equation = layer.text_setting("equation", "");
    join.dot_axes = layer.setting("axes");
    if (layer.flag_setting("normalize", false)) {
      refuse(codes::kLayer, "Dot with normalize=True is not supported", "use normalize=False");
    }
  }
  plan.join = join;
  std::size_t operands = 0;
  for (const auto& call : layer.layer().calls) operands = std::max(operands, call.size());
  if (name == "AveragePow2") {
    const double exponent = std::nearbyint(std::log2(1.0 / static_cast<double>(operands)));
    layer.add_helper("average", factor_op(std::exp2(exponent)));
  } else if (name == "Average" && std::has_single_bit(operands)) {
    layer.add_helper("average", factor_op(1.0 / static_cast<double>(operands)));
  } else if (name == "Average") {
    layer.add_helper("average", quotient_function(static_cast<double>(operands)));
  }
  layer.add_result(layer.layer().name, class_name, "result");
}

}  // namespace sluice::frontend
