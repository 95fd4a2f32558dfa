#include "sluice/frontend/onnx_constants.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>
#include <utility>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/limits.hpp"
#include "sluice/frontend/onnx_quantizer.hpp"
#include "sluice/network/movement.hpp"

namespace sluice::frontend {

namespace {

using network::Shape;
using Inputs = std::span<const OnnxTensor* const>;

[[noreturn]] void refuse(std::string message, const char* code = codes::kModelConfig) {
  throw ModelError(code, "", std::move(message));
}

const OnnxTensor& input(Inputs inputs, std::size_t i) {
  if (i >= inputs.size() || inputs[i] == nullptr) refuse(fmt::format("its input {} is missing", i));
  return *inputs[i];
}

// Elements of a shape that a file may ask for: extents are not trusted. An extent of 0 does not
// hide how large the others are.
std::int64_t checked_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && count > kMostElements / extent)) {
      refuse("is too large", codes::kLimit);
    }
    count *= std::max<std::int64_t>(extent, 1);
  }
  return std::ranges::count(shape, 0) == 0 ? count : 0;
}

// Row-major steps of a tensor along the axes of a larger shape; 0 where it repeats.
Shape broadcast_steps(const Shape& shape, const Shape& to) {
  Shape steps(to.size(), 0);
  std::int64_t step = 1;
  for (std::size_t back = 1; back <= shape.size(); ++back) {
    const std::int64_t extent = shape[shape.size() - back];
    if (extent != 1) steps[to.size() - back] = step;
    step *= extent;
  }
  return steps;
}

// Calls action(position in a, position in b) for all elements of `shape` in C order.
template <class Action>
void walk(const Shape& shape, const Shape& a_steps, const Shape& b_steps, Action action) {
  Shape index(shape.size(), 0);
  std::int64_t a = 0;
  std::int64_t b = 0;
  const std::int64_t count = network::element_count(shape);
  for (std::int64_t element = 0; element < count; ++element) {
    action(static_cast<std::size_t>(a), static_cast<std::size_t>(b));
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      a += a_steps[axis];
      b += b_steps[axis];
      if (++index[axis] < shape[axis]) break;
      a -= a_steps[axis] * shape[axis];
      b -= b_steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

// Takes the elements of a list of indices along one axis.
OnnxTensor taken(const OnnxTensor& tensor, std::size_t axis, std::span<const std::int64_t> picks) {
  OnnxTensor result = tensor;
  result.values.clear();
  result.shape[axis] = static_cast<std::int64_t>(picks.size());
  static_cast<void>(checked_count(result.shape));
  std::int64_t inner = 1;
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : tensor.shape[i];
  }
  const std::int64_t extent = tensor.shape[axis];
  for (std::int64_t row = 0; row < outer; ++row) {
    for (const std::int64_t pick : picks) {
      const auto start = tensor.values.begin() + (row * extent + pick) * inner;
      result.values.insert(result.values.end(), start, start + inner);
    }
  }
  return result;
}

OnnxTensor reshaped(OnnxTensor tensor, Shape shape) {
  tensor.shape = std::move(shape);
  return tensor;
}

OnnxTensor gather(const OnnxNode& node, Inputs inputs) {
  const OnnxTensor& data = input(inputs, 0);
  const OnnxTensor& picks = input(inputs, 1);
  const std::size_t axis = checked_axis(node.attribute<std::int64_t>("axis", 0), data.shape.size());
  std::vector<std::int64_t> indices = integers(picks);
  for (std::int64_t& index : indices) {
    if (index < 0) index += data.shape[axis];
    if (index < 0 || index >= data.shape[axis]) refuse(fmt::format("picks index {}", index));
  }
  OnnxTensor result = taken(data, axis, indices);
  Shape shape(data.shape.begin(), data.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(shape.end(), picks.shape.begin(), picks.shape.end());
  shape.insert(shape.end(), data.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1,
               data.shape.end());
  return reshaped(std::move(result), std::move(shape));
}

OnnxTensor concatenated(const OnnxNode& node, Inputs inputs) {
  OnnxTensor result = input(inputs, 0);
  const std::size_t axis =
      checked_axis(node.attribute<std::int64_t>("axis", 0), result.shape.size());
  if (axis != 0) refuse("concatenates constants along an axis other than 0", codes::kLayer);
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const OnnxTensor& next = input(inputs, i);
    if (next.shape.size() != result.shape.size()) refuse("its inputs differ in rank");
    if (result.values.size() + next.values.size() > static_cast<std::size_t>(kMostElements)) {
      refuse("is too large", codes::kLimit);
    }
    result.values.insert(result.values.end(), next.values.begin(), next.values.end());
    result.shape[0] += next.shape[0];
  }
  if (network::element_count(result.shape) != static_cast<std::int64_t>(result.values.size())) {
    refuse("its inputs differ in shape");
  }
  return result;
}

OnnxTensor squeezed(const OnnxNode& node, Inputs inputs) {
  const OnnxTensor& data = input(inputs, 0);
  const auto axes = list_argument(node, "axes", inputs, 1);
  Shape shape;
  for (std::size_t i = 0; i < data.shape.size(); ++i) {
    const bool named = axes && std::ranges::any_of(*axes, [&](std::int64_t axis) {
                         return checked_axis(axis, data.shape.size()) == i;
                       });
    if (axes ? !named : data.shape[i] != 1) shape.push_back(data.shape[i]);
  }
  return reshaped(data, std::move(shape));
}

OnnxTensor unsqueezed(const OnnxNode& node, Inputs inputs) {
  const OnnxTensor& data = input(inputs, 0);
  auto axes = list_argument(node, "axes", inputs, 1);
  if (!axes) refuse("has no `axes`");
  const std::size_t rank = data.shape.size() + axes->size();
  for (std::int64_t& axis : *axes) axis = static_cast<std::int64_t>(checked_axis(axis, rank));
  std::ranges::sort(*axes);
  Shape shape = data.shape;
  for (const std::int64_t axis : *axes) {
    if (axis > static_cast<std::int64_t>(shape.size())) refuse("its `axes` are not possible");
    shape.insert(shape.begin() + axis, 1);
  }
  return reshaped(data, std::move(shape));
}

OnnxTensor sliced(const OnnxNode& node, Inputs inputs) {
  OnnxTensor result = input(inputs, 0);
  const auto starts = list_argument(node, "starts", inputs, 1);
  const auto ends = list_argument(node, "ends", inputs, 2);
  auto axes = list_argument(node, "axes", inputs, 3);
  const auto steps = inputs.size() > 4 ? list_argument(node, "steps", inputs, 4) : std::nullopt;
  if (!starts || !ends || starts->size() != ends->size()) refuse("has no `starts` and `ends`");
  if (!axes) {
    axes.emplace(starts->size());
    std::iota(axes->begin(), axes->end(), 0);
  }
  for (std::size_t i = 0; i < starts->size(); ++i) {
    if (axes->size() != starts->size() || (steps && steps->size() != starts->size()) ||
        (steps && (*steps)[i] != 1)) {
      refuse("slices constants in steps", codes::kLayer);
    }
    const std::size_t axis = checked_axis((*axes)[i], result.shape.size());
    const std::int64_t extent = result.shape[axis];
    const auto bound = [&](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? at + extent : at, 0, extent);
    };
    std::vector<std::int64_t> picks;
    for (std::int64_t at = bound((*starts)[i]); at < bound((*ends)[i]); ++at) picks.push_back(at);
    result = taken(result, axis, picks);
  }
  return result;
}

OnnxTensor cast(const OnnxNode& node, Inputs inputs) {
  constexpr std::int64_t kFloat32 = 1;
  constexpr std::int64_t kInt32 = 6;
  constexpr std::int64_t kInt64 = 7;
  constexpr std::int64_t kFloat64 = 11;
  OnnxTensor result = input(inputs, 0);
  const auto to = node.attribute<std::int64_t>("to", kFloat32);
  if (to == kFloat32 || to == kFloat64) {
    result.type = to == kFloat32 ? OnnxTensor::Type::float32 : OnnxTensor::Type::float64;
    for (double& value : result.values) {
      if (to == kFloat32) value = static_cast<double>(static_cast<float>(value));
    }
  } else if (to == kInt32 || to == kInt64) {
    result.type = OnnxTensor::Type::signed_int;
    result.bits = to == kInt32 ? 32 : 64;
    for (double& value : result.values) {
      value = std::trunc(value);
      // As a double, the greatest number of 64 bits, which means "to the end", is 2^63.
      const double beyond = std::ldexp(1.0, result.bits - 1);
      if (!(value >= -beyond && (value < beyond || result.bits == 64)) || value > beyond) {
        refuse(fmt::format("casts {} to an integer of {} bits", value, result.bits));
      }
    }
  } else {
    refuse("casts to a type that is not read", codes::kLayer);
  }
  return result;
}

OnnxTensor constant(const OnnxNode& node) {
  for (const char* const key :
       {"value", "value_float", "value_int", "value_floats", "value_ints"}) {
    const auto found = node.attributes.find(key);
    if (found == node.attributes.end()) continue;
    OnnxTensor result;
    if (const auto* const tensor = std::get_if<OnnxTensor>(&found->second)) return *tensor;
    if (const auto* const real = std::get_if<double>(&found->second)) {
      result.values = {*real};
    } else if (const auto* const reals = std::get_if<std::vector<double>>(&found->second)) {
      result.values = *reals;
      result.shape = {static_cast<std::int64_t>(reals->size())};
    } else {
      result.type = OnnxTensor::Type::signed_int;
      result.bits = 64;
      if (const auto* const whole = std::get_if<std::int64_t>(&found->second)) {
        result.values = {static_cast<double>(*whole)};
      } else if (const auto* const list = std::get_if<std::vector<std::int64_t>>(&found->second)) {
        result.values.assign(list->begin(), list->end());
        result.shape = {static_cast<std::int64_t>(list->size())};
      }
    }
    return result;
  }
  refuse("is a Constant of a kind that is not read", codes::kLayer);
}

OnnxTensor filled(const OnnxNode& node, Inputs inputs) {
  OnnxTensor result = node.attribute<OnnxTensor>("value", OnnxTensor{.values = {0.0}});
  const double value = only_number(result, "value");
  result.shape = integers(input(inputs, 0));
  result.values.assign(static_cast<std::size_t>(checked_count(result.shape)), value);
  return result;
}

OnnxTensor expanded(Inputs inputs) {
  const OnnxTensor& data = input(inputs, 0);
  OnnxTensor ones;
  ones.shape = integers(input(inputs, 1));
  static_cast<void>(checked_count(ones.shape));
  const auto shape = network::broadcast_shape(data.shape, ones.shape);
  if (!shape) refuse("does not broadcast");
  ones.shape = *shape;
  ones.values.assign(static_cast<std::size_t>(checked_count(*shape)), 1.0);
  return combine(data, ones, [](double a, double) { return a; });
}

OnnxTensor dequantized(const OnnxNode& node, Inputs inputs) {
  OnnxTensor result = input(inputs, 0);
  result.type = OnnxTensor::Type::float64;  // no float32 division: the numbers are products
  const std::size_t rank = result.shape.size();
  const auto in_place = [&](const OnnxTensor& numbers) {
    OnnxTensor placed = numbers;
    if (numbers.values.size() > 1) {
      placed.shape = along_axis(numbers, node.attribute<std::int64_t>("axis", 1), rank);
    }
    return placed;
  };
  if (inputs.size() > 2 && inputs[2] != nullptr) {
    result = combine(result, in_place(*inputs[2]), std::minus<>());
  }
  return combine(result, in_place(input(inputs, 1)), std::multiplies<>());
}

OnnxTensor mapped(const OnnxTensor& tensor, double (*function)(double)) {
  OnnxTensor result = tensor;
  for (double& value : result.values) value = function(value);
  return result;
}

std::optional<OnnxTensor> fold_arithmetic(const OnnxNode& node, Inputs inputs) {
  using Binary = double (*)(double, double);
  static const std::map<std::string_view, Binary> kBinary{
      {"Add", [](double a, double b) { return a + b; }},
      {"Sub", [](double a, double b) { return a - b; }},
      {"Mul", [](double a, double b) { return a * b; }},
      {"Div", [](double a, double b) { return a / b; }},
      {"Pow", [](double a, double b) { return b == 0.5 ? std::sqrt(a) : std::pow(a, b); }},
      {"Max", [](double a, double b) { return std::max(a, b); }},
      {"Min", [](double a, double b) { return std::min(a, b); }},
  };
  using Unary = double (*)(double);
  static const std::map<std::string_view, Unary> kUnary{
      {"Sqrt", [](double x) { return std::sqrt(x); }},
      {"Neg", [](double x) { return -x; }},
      {"Abs", [](double x) { return std::abs(x); }},
      {"Reciprocal", [](double x) { return 1.0 / x; }},
      {"Floor", [](double x) { return std::floor(x); }},
      {"Ceil", [](double x) { return std::ceil(x); }},
      {"Relu", [](double x) { return std::max(x, 0.0); }},
      {"Exp", [](double x) { return std::exp(x); }},
  };
  if (const auto unary = kUnary.find(node.op_type); unary != kUnary.end()) {
    return mapped(input(inputs, 0), unary->second);
  }
  const auto binary = kBinary.find(node.op_type);
  if (binary == kBinary.end()) return std::nullopt;
  OnnxTensor result = combine(input(inputs, 0), input(inputs, 1), binary->second);
  if (node.op_type == "Div" && result.is_integer()) {
    for (double& value : result.values) value = std::trunc(value);
  }
  return result;
}

std::optional<OnnxTensor> fold_shape(const OnnxNode& node, Inputs inputs, std::int64_t opset) {
  const std::string& op = node.op_type;
  if (op == "Gather") return gather(node, inputs);
  if (op == "Concat") return concatenated(node, inputs);
  if (op == "Squeeze") return squeezed(node, inputs);
  if (op == "Unsqueeze") return unsqueezed(node, inputs);
  if (op == "Slice") return sliced(node, inputs);
  if (op == "ConstantOfShape") return filled(node, inputs);
  if (op == "Expand") return expanded(inputs);
  if (op == "Shape") {
    OnnxTensor shape;
    shape.type = OnnxTensor::Type::signed_int;
    shape.bits = 64;
    shape.values.assign(input(inputs, 0).shape.begin(), input(inputs, 0).shape.end());
    shape.shape = {static_cast<std::int64_t>(shape.values.size())};
    return shape;
  }
  if (op == "Reshape") {
    const OnnxTensor& data = input(inputs, 0);
    const bool zero = opset >= 14 && node.attribute<std::int64_t>("allowzero", 0) != 0;
    return reshaped(data, completed_shape(data.shape, integers(input(inputs, 1)), zero));
  }
  if (op == "Flatten") {
    const OnnxTensor& data = input(inputs, 0);
    return reshaped(data, completed_shape(data.shape, std::vector<std::int64_t>{0, -1}, false));
  }
  if (op == "Transpose") {
    std::vector<std::int64_t> axes(input(inputs, 0).shape.size());
    std::iota(axes.rbegin(), axes.rend(), 0);
    return transposed(input(inputs, 0), node.attribute("perm", axes));
  }
  return std::nullopt;
}

}  // namespace

OnnxTensor combine(const OnnxTensor& a, const OnnxTensor& b,
                   const std::function<double(double, double)>& function) {
  const auto shape = network::broadcast_shape(a.shape, b.shape);
  if (!shape) {
    refuse(fmt::format("shapes ({}) and ({}) do not agree", fmt::join(a.shape, ", "),
                       fmt::join(b.shape, ", ")));
  }
  static_cast<void>(checked_count(*shape));
  OnnxTensor result;
  result.type = a.type;
  result.bits = a.bits;
  result.shape = *shape;
  walk(*shape, broadcast_steps(a.shape, *shape), broadcast_steps(b.shape, *shape),
       [&](std::size_t i, std::size_t j) {
         result.values.push_back(function(a.values[i], b.values[j]));
       });
  return result;
}

OnnxTensor transposed(const OnnxTensor& tensor, std::span<const std::int64_t> axes) {
  const Shape steps = broadcast_steps(tensor.shape, tensor.shape);
  if (axes.size() != tensor.shape.size()) refuse("its `perm` has another rank");
  OnnxTensor result = tensor;
  result.values.clear();
  Shape permuted;
  std::vector<bool> seen(axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = checked_axis(axes[i], axes.size());
    if (seen[axis]) refuse("its `perm` is no permutation");
    seen[axis] = true;
    result.shape[i] = tensor.shape[axis];
    permuted.push_back(steps[axis]);
  }
  walk(result.shape, permuted, permuted,
       [&](std::size_t i, std::size_t) { result.values.push_back(tensor.values[i]); });
  return result;
}

std::optional<OnnxTensor> fold(const OnnxNode& node, Inputs inputs, std::int64_t opset) {
  if (is_onnx_quantizer(node)) {
    const OnnxTensor& x = input(inputs, 0);
    return quantize_constant(x, read_onnx_quantizer(node, inputs, x.shape.size()));
  }
  if (node.op_type == "Constant") return constant(node);
  if (node.op_type == "Identity" || node.op_type == "Dropout") return input(inputs, 0);
  if (node.op_type == "Cast") return cast(node, inputs);
  if (node.op_type == "DequantizeLinear") return dequantized(node, inputs);
  if (auto shape = fold_shape(node, inputs, opset)) return shape;
  return fold_arithmetic(node, inputs);
}

std::size_t checked_axis(std::int64_t axis, std::size_t rank) {
  const auto extent = static_cast<std::int64_t>(rank);
  const std::int64_t counted = axis < 0 ? axis + extent : axis;
  if (counted < 0 || counted >= extent) {
    refuse(fmt::format("axis {} of a tensor with {} axes", axis, rank));
  }
  return static_cast<std::size_t>(counted);
}

Shape completed_shape(const Shape& from, std::span<const std::int64_t> to, bool zero_is_zero) {
  Shape shape(to.begin(), to.end());
  std::int64_t known = 1;
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !zero_is_zero && i < from.size()) shape[i] = from[i];
    if (shape[i] == -1 && !open) {
      open = i;
    } else if (shape[i] < 1 || known > kMostElements / shape[i]) {
      refuse(fmt::format("reshapes to ({})", fmt::join(to, ", ")));
    } else {
      known *= shape[i];
    }
  }
  const std::int64_t count = network::element_count(from);
  if (open && count % known == 0) shape[*open] = count / known;
  if (network::element_count(shape) != count) {
    refuse(fmt::format("reshapes ({}) to ({})", fmt::join(from, ", "), fmt::join(to, ", ")));
  }
  return shape;
}

std::vector<std::int64_t> integers(const OnnxTensor& tensor) {
  constexpr double kLargest = 0x1p62;
  std::vector<std::int64_t> result;
  for (const double value : tensor.values) {
    if (value != std::trunc(value)) refuse(fmt::format("holds {}, expected an integer", value));
    result.push_back(static_cast<std::int64_t>(std::clamp(value, -kLargest, kLargest)));
  }
  return result;
}

std::optional<std::vector<std::int64_t>> list_argument(const OnnxNode& node, const char* attribute,
                                                       Inputs inputs, std::size_t i) {
  if (node.attributes.contains(attribute)) {
    return node.attribute(attribute, std::vector<std::int64_t>());
  }
  if (i < inputs.size() && inputs[i] != nullptr) return integers(*inputs[i]);
  return std::nullopt;
}

Shape along_axis(const OnnxTensor& numbers, std::int64_t axis, std::size_t rank) {
  if (numbers.shape.size() > 1) return numbers.shape;
  Shape shape(rank, 1);
  shape[checked_axis(axis, rank)] = static_cast<std::int64_t>(numbers.values.size());
  return shape;
}

}  // namespace sluice::frontend
