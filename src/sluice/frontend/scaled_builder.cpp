#include "sluice/frontend/scaled_builder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sluice/base/error.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/element_quantizers.hpp"
#include "sluice/frontend/limits.hpp"
#include "sluice/frontend/refuse.hpp"
#include "sluice/frontend/scaled_numbers.hpp"
#include "sluice/network/movement.hpp"

namespace sluice::frontend {

namespace {

using network::LayerId;
using network::Shape;

Shape without_ones(const Shape& shape) {
  Shape kept;
  for (const std::int64_t extent : shape) {
    if (extent != 1) kept.push_back(extent);
  }
  if (kept.empty()) kept.push_back(1);
  return kept;
}

}  // namespace

bool ScaledTensor::has_offset() const { return !all_are(offset, 0); }

std::vector<std::size_t> ScaledTensor::event_order() const {
  std::vector<std::size_t> axes = order;
  if (shape.size() > 1 && shape.front() == 1) std::erase(axes, std::size_t{0});
  return axes;
}

AxisValues axis_values(const OnnxTensor& constant, const Shape& shape) {
  AxisValues result;
  const auto joined = network::broadcast_shape(constant.shape, shape);
  if (constant.values.empty() || !joined || *joined != shape) {
    refuse(codes::kGraph,
           fmt::format("a constant of shape ({}) acts on a tensor of shape ({})",
                       fmt::join(constant.shape, ", "), fmt::join(shape, ", ")),
           "the constant must broadcast to the tensor");
  }
  for (const double value : constant.values) {
    if (!std::isfinite(value)) {
      refuse(codes::kNotFinite, fmt::format("a constant holds {}", value), "train again");
    }
  }
  result.values.clear();
  if (std::ranges::all_of(constant.values,
                          [&](double value) { return value == constant.values.front(); })) {
    result.values.push_back(exact(constant.values.front()));
    return result;
  }
  for (std::size_t back = 1; back <= constant.shape.size(); ++back) {
    if (constant.shape[constant.shape.size() - back] == 1) continue;
    if (result.axis) {
      refuse(codes::kGraph,
             fmt::format("a constant of shape ({}) varies along several axes",
                         fmt::join(constant.shape, ", ")),
             "use constants per tensor or per channel");
    }
    result.axis = shape.size() - back;
  }
  for (const double value : constant.values) result.values.push_back(exact(value));
  return result;
}

std::vector<std::string> ScaledBuilder::take_added() { return std::exchange(added_, {}); }

std::string ScaledBuilder::unique(const std::string& name) {
  std::string candidate = name;
  for (int i = 1; !names_.insert(candidate).second; ++i) candidate = fmt::format("{}_{}", name, i);
  return candidate;
}

LayerId ScaledBuilder::append(const std::string& name, network::LayerOp op,
                              std::vector<LayerId> operands) {
  const auto within = [](double count, std::int64_t most) {
    if (count > static_cast<double>(most)) {
      refuse(codes::kLimit, "the model is larger than what is read", "split the model");
    }
  };
  if (const auto* const dense = std::get_if<network::Dense>(&op)) {
    const network::TensorType& x = network_.layer(operands.at(0)).type;
    multiplications_ += static_cast<std::int64_t>(x.ranges.size()) * dense->units;
    within(static_cast<double>(multiplications_), kMostMultiplications);
  }
  const LayerId id = network_.append(unique(name), std::move(op), std::move(operands));
  elements_ += static_cast<std::int64_t>(network_.layer(id).type.ranges.size());
  within(static_cast<double>(elements_), kMostElements);
  added_.push_back(network_.layer(id).name);
  return id;
}

ScaledTensor ScaledBuilder::input(const std::string& name, Shape shape,
                                  const fixed::Quantizer& quantizer) {
  ScaledTensor x;
  // The batch of one is no axis of the network's tensor.
  Shape event(shape.begin() + (shape.size() > 1 ? 1 : 0), shape.end());
  double count = 1;
  for (const std::int64_t extent : event) count *= static_cast<double>(extent);
  if (count > static_cast<double>(kMostElements)) {
    refuse(codes::kLimit, fmt::format("has shape ({})", fmt::join(shape, ", ")));
  }
  x.layer = append(name, network::Input{std::move(event), quantizer}, {});
  x.order.resize(shape.size());
  std::iota(x.order.begin(), x.order.end(), std::size_t{0});
  x.shape = std::move(shape);
  return x;
}

void ScaledBuilder::multiply(ScaledTensor& x, const AxisValues& by, const std::string& name) {
  const bool uniform = by.values.size() == 1;
  if ((x.lower || x.upper) && !uniform) settle(x, name);
  if (x.lower || x.upper) {
    const Rational& factor = by.values.front();
    if (x.lower) *x.lower *= factor;
    if (x.upper) *x.upper *= factor;
    if (factor < 0) std::swap(x.lower, x.upper);
    if (factor == 0) x.lower = x.upper = std::nullopt;
  }
  const auto axis = joined_axis(x.axis, by.axis);
  if (!uniform) {
    stretch(x.factor, by.values.size());
    stretch(x.offset, by.values.size());
  }
  x.axis = axis;
  for (std::size_t i = 0; i < x.factor.size(); ++i) {
    x.factor[i] *= of(by.values, i);
    x.offset[i] *= of(by.values, i);
    if (is_unwieldy(x.factor[i]) || is_unwieldy(x.offset[i])) {
      refuse(codes::kLimit, "its scale has grown out of bounds");
    }
  }
}

void ScaledBuilder::add(ScaledTensor& x, const AxisValues& what, const std::string& name) {
  const bool uniform = what.values.size() == 1;
  if ((x.lower || x.upper) && !uniform) settle(x, name);
  if (x.lower) *x.lower += what.values.front();
  if (x.upper) *x.upper += what.values.front();
  const auto axis = joined_axis(x.axis, what.axis);
  if (!uniform) {
    stretch(x.factor, what.values.size());
    stretch(x.offset, what.values.size());
  }
  x.axis = axis;
  for (std::size_t i = 0; i < x.offset.size(); ++i) {
    x.offset[i] += of(what.values, i);
    if (is_unwieldy(x.offset[i])) refuse(codes::kLimit, "its offset has grown out of bounds");
  }
}

void ScaledBuilder::clamp(ScaledTensor& x, const std::optional<Rational>& lower,
                          const std::optional<Rational>& upper) {
  const auto bounded = [&](Rational value) {
    if (lower && value < *lower) value = *lower;
    if (upper && value > *upper) value = *upper;
    return value;
  };
  x.lower = x.lower ? std::optional(bounded(*x.lower)) : lower;
  x.upper = x.upper ? std::optional(bounded(*x.upper)) : upper;
}

void ScaledBuilder::transpose(ScaledTensor& x, std::span<const std::int64_t> axes) {
  Shape shape;
  std::vector<std::size_t> place(axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    shape.push_back(x.shape[static_cast<std::size_t>(axes[i])]);
    place[static_cast<std::size_t>(axes[i])] = i;
  }
  for (std::size_t& axis : x.order) axis = place[axis];
  if (x.axis) x.axis = place[*x.axis];
  x.shape = std::move(shape);
}

void ScaledBuilder::reshape(ScaledTensor& x, const Shape& shape, const std::string& name) {
  std::vector<std::size_t> natural(x.shape.size());
  std::iota(natural.begin(), natural.end(), std::size_t{0});
  arrange(x, natural, name);
  if (x.axis) {
    // Numbers per index of an axis stay so where that axis keeps what lies inside and outside of
    // it; else they become numbers per element, if one axis holds all elements.
    std::int64_t inside = 1;
    for (std::size_t i = *x.axis + 1; i < x.shape.size(); ++i) inside *= x.shape[i];
    std::optional<std::size_t> kept;
    std::optional<std::size_t> whole;
    std::int64_t after = network::element_count(shape);
    const std::int64_t count = after;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      after /= shape[i];
      if (shape[i] == x.shape[*x.axis] && after == inside) kept = i;
      if (shape[i] == count) whole = i;
    }
    if (kept) {
      x.axis = kept;
    } else if (whole) {
      std::vector<Rational> factor;
      std::vector<Rational> offset;
      for (std::int64_t i = 0; i < count; ++i) {
        const auto channel = static_cast<std::size_t>(i / inside % x.shape[*x.axis]);
        factor.push_back(x.factor[channel]);
        offset.push_back(x.offset[channel]);
      }
      x.axis = whole;
      x.factor = std::move(factor);
      x.offset = std::move(offset);
    } else {
      materialize(x, name);
    }
  }
  x.shape = shape;
  x.order.resize(shape.size());
  std::iota(x.order.begin(), x.order.end(), std::size_t{0});
}

void ScaledBuilder::use_shape(ScaledTensor& x, const Shape& shape, const std::string& name) {
  if (type(x).shape == shape) return;
  x.layer = append(name + "_reshape", network::Reshape{shape}, {x.layer});
}

void ScaledBuilder::arrange(ScaledTensor& x, const std::vector<std::size_t>& order,
                            const std::string& name) {
  const auto longer_than_one = [&](const std::vector<std::size_t>& axes) {
    std::vector<std::size_t> kept;
    for (const std::size_t axis : axes) {
      if (x.shape[axis] != 1) kept.push_back(axis);
    }
    return kept;
  };
  const std::vector<std::size_t> from = longer_than_one(x.order);
  const std::vector<std::size_t> to = longer_than_one(order);
  x.order = order;
  if (from == to) return;
  Shape memory;
  std::vector<std::int64_t> axes;
  axes.reserve(to.size());
  for (const std::size_t axis : from) memory.push_back(x.shape[axis]);
  for (const std::size_t axis : to) {
    axes.push_back(std::ranges::find(from, axis) - from.begin());
  }
  x.layer = append(name + "_order", network::permute(memory, axes), {x.layer});
}

// Brings the axis of the factors to the end, and the layer into a shape that ends with it.
void ScaledBuilder::channels_last(ScaledTensor& x, const std::string& name) {
  if (!x.axis) return;
  std::vector<std::size_t> order;
  for (const std::size_t axis : x.order) {
    if (axis != *x.axis) order.push_back(axis);
  }
  order.push_back(*x.axis);
  arrange(x, order, name);
  const std::int64_t channels = x.shape[*x.axis];
  const network::TensorType& now = type(x);
  if (now.shape.empty() || now.shape.back() != channels) {
    const auto count = static_cast<std::int64_t>(now.ranges.size());
    use_shape(x, without_ones({count / channels, channels}), name);
  }
}

void ScaledBuilder::affine(ScaledTensor& x, const std::vector<std::int64_t>& scale,
                           int scale_frac_bits, const std::vector<std::int64_t>& offset,
                           int offset_frac_bits, const std::string& name) {
  const Shape& shape = type(x).shape;
  const auto channels = static_cast<std::size_t>(shape.empty() ? 1 : shape.back());
  network::Affine affine{scale, scale_frac_bits, offset, offset_frac_bits};
  if (scale.size() == 1) affine.scale.resize(channels, scale.front());
  if (offset.size() == 1) affine.offset.resize(channels, offset.front());
  x.layer = append(name + "_scale", std::move(affine), {x.layer});
}

void ScaledBuilder::clamp_layer(ScaledTensor& x, std::optional<std::int64_t> lower,
                                std::optional<std::int64_t> upper, int frac_bits,
                                const std::string& name) {
  if (!lower && !upper) return;
  x.layer = append(name + "_clamp", network::Clamp{lower, upper, frac_bits}, {x.layer});
}

void ScaledBuilder::settle(ScaledTensor& x, const std::string& name) {
  if (!x.lower && !x.upper) return;
  const bool rises =
      std::ranges::all_of(x.factor, [](const Rational& factor) { return factor > 0; });
  const bool at_zero = (!x.lower || *x.lower == 0) && (!x.upper || *x.upper == 0);
  if (!rises || x.has_offset() || (!at_zero && !all_are(x.factor, x.factor.front()))) {
    materialize(x, name);
    return;
  }
  std::vector<Rational> bounds;
  for (const auto& bound : {x.lower, x.upper}) {
    bounds.push_back(bound ? Rational(*bound / x.factor.front()) : Rational(0));
  }
  const auto whole = mantissas(bounds);
  if (!whole) {
    materialize(x, name);
    return;
  }
  const bool has_lower = x.lower.has_value();
  const bool has_upper = x.upper.has_value();
  x.lower = x.upper = std::nullopt;
  clamp_layer(x, has_lower ? std::optional(whole->values[0]) : std::nullopt,
              has_upper ? std::optional(whole->values[1]) : std::nullopt, whole->frac_bits, name);
}

void ScaledBuilder::materialize(ScaledTensor& x, const std::string& name) {
  if (!all_are(x.factor, 1) || x.has_offset()) {
    const auto factor = mantissas(x.factor);
    const auto offset = mantissas(x.offset);
    if (!factor || !offset) {
      refuse(codes::kQuantizer,
             fmt::format("its values are multiples of {:.9g}, which no fixed-point number holds",
                         x.factor.front().get_d()),
             "put a Quant behind it, or give its result a format in the configuration");
    }
    channels_last(x, name);
    affine(x, factor->values, factor->frac_bits, offset->values, offset->frac_bits, name);
    x.axis.reset();
    x.factor = {1};
    x.offset = {0};
  }
  if (x.lower || x.upper) {
    const auto bounds = mantissas({x.lower.value_or(0), x.upper.value_or(0)});
    if (!bounds) refuse(codes::kActivation, "its bounds are no fixed-point numbers");
    clamp_layer(x, x.lower ? std::optional(bounds->values[0]) : std::nullopt,
                x.upper ? std::optional(bounds->values[1]) : std::nullopt, bounds->frac_bits, name);
    x.lower = x.upper = std::nullopt;
  }
}

void ScaledBuilder::align(ScaledTensor& a, ScaledTensor& b, const std::string& name) {
  constexpr std::int64_t kMostRatio = std::int64_t{1} << 24;
  settle(a, name);
  settle(b, name);
  // An order that is not ONNX's is that of the windows before.
  if (std::ranges::is_sorted(a.order)) {
    arrange(a, b.order, name);
    use_shape(a, type(b).shape, name);
  } else {
    arrange(b, a.order, name);
    use_shape(b, type(a).shape, name);
  }
  const auto axis = joined_axis(a.axis, b.axis);
  const std::size_t channels = std::max(a.factor.size(), b.factor.size());
  for (ScaledTensor* const x : {&a, &b}) {
    stretch(x->factor, channels);
    stretch(x->offset, channels);
    x->axis = axis;
  }
  if (a.factor == b.factor) return;
  // Both become integer multiples of the largest unit that both factors are multiples of.
  std::vector<std::int64_t> ratios_a;
  std::vector<std::int64_t> ratios_b;
  std::vector<Rational> units;
  for (std::size_t c = 0; c < channels; ++c) {
    const Rational unit = common_unit(std::vector{a.factor[c], b.factor[c]});
    units.push_back(unit == 0 ? Rational(1) : unit);
    for (auto* const ratios : {&ratios_a, &ratios_b}) {
      const Rational ratio = (ratios == &ratios_a ? a : b).factor[c] / units.back();
      if (abs(ratio) > static_cast<long>(kMostRatio)) {
        refuse(codes::kQuantizer,
               fmt::format("joins tensors with scales {:.9g} and {:.9g}, of which no small unit is "
                           "a common divisor",
                           a.factor[c].get_d(), b.factor[c].get_d()),
               "quantise both with the same scale");
      }
      ratios->push_back(ratio.get_num().get_si());
    }
  }
  for (ScaledTensor* const x : {&a, &b}) {
    channels_last(*x, name);
    const std::vector<std::int64_t>& ratios = x == &a ? ratios_a : ratios_b;
    if (!std::ranges::all_of(ratios, [](std::int64_t ratio) { return ratio == 1; })) {
      affine(*x, ratios, 0, {0}, 0, name);
    }
    x->factor = units;
  }
}

double ScaledBuilder::finish(ScaledTensor& x, const std::string& name) {
  constexpr int kFracBits = 32;
  double error = 0;
  const auto factor = mantissas(x.factor);
  const auto offset = mantissas(x.offset);
  constexpr int kMostBits = 40;
  const bool fits = factor && offset && offset->frac_bits <= kMostBits &&
                    std::ranges::all_of(factor->values, [](std::int64_t value) {
                      return std::abs(value) >> kMostBits == 0;
                    });
  if (!fits) {
    settle(x, name);
    const fixed::Interval range = range_of(type(x).format);
    const double largest =
        fixed::to_double(std::max(std::abs(range.min + 1), range.max), type(x).format.frac_bits) +
        1;
    const auto to_grid = [&](Rational& value, double weight) {
      const Rational scaled = value * power_of_two(kFracBits);
      if (!(std::abs(scaled.get_d()) < 0x1p61)) {
        refuse(codes::kQuantizer, "its values are too large", "give its result a format");
      }
      const Rational nearest =
          Rational(round_to_integer(scaled, fixed::IntegerRounding::half_even)) *
          power_of_two(-kFracBits);
      error = std::max(error, std::abs(Rational(value - nearest).get_d()) * weight);
      value = nearest;
    };
    double of_factor = 0;
    for (Rational& value : x.factor) to_grid(value, largest);
    of_factor = std::exchange(error, 0.0);
    for (Rational& value : x.offset) to_grid(value, 1);
    error += of_factor;
  }
  materialize(x, name);
  std::vector<std::size_t> natural(x.shape.size());
  std::iota(natural.begin(), natural.end(), std::size_t{0});
  arrange(x, natural, name);
  Shape event(x.shape.begin() + (x.shape.size() > 1 ? 1 : 0), x.shape.end());
  use_shape(x, event, name);
  return error;
}

}  // namespace sluice::frontend
