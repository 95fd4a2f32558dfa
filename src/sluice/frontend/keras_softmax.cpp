#include "sluice/frontend/keras_softmax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sluice/fixed/convert.hpp"
#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/hgq2_quantizer.hpp"
#include "sluice/frontend/keras_rows.hpp"

namespace sluice::frontend {

namespace {

/// One number of each row becomes that of all its elements.
void add_along_rows(LayerBuilder& layer, std::string_view suffix, const Axes& axes) {
  layer.add_movement(fmt::format("{}_column", suffix), [](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(network::Reshape{{at.operand.shape.front(), 1}});
  });
  layer.add_movement(suffix, [axes](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(
        network::broadcast(at.operand.shape, rows_of(axes, at.layer_operand.shape)));
  });
}

/// max - x, or x - max.
void add_difference(LayerBuilder& layer, const Axes& axes, bool from_maximum) {
  const std::size_t maximum = layer.plan().ops.size();
  layer.add_helper("maximum", network::LayerOp(network::Reduce{network::Reduce::Kind::maximum}));
  add_along_rows(layer, "maxima", axes);
  PlannedOp& difference = layer.add_helper(
      "difference", network::LayerOp(network::Merge{network::Merge::Kind::subtract}));
  difference.with_operand_of = maximum;
  difference.operand_is_second = from_maximum;
}

UnaryFunction exp_function(double slope) {
  UnaryFunction function = *unary_function("exponential");
  return {"exp", [enclose = function.enclose, slope](long double x) { return enclose(x * slope); },
          true};
}

/// 1 / (x + added). No sum of exponentials is 0, but the range of its format may hold it.
UnaryFunction inverse_function(double added) {
  constexpr double kHuge = 0x1p60;
  return {"the inverse",
          [added](long double x) {
            const long double sum = x + added;
            return sum == 0 ? UnaryFunction::Enclosure{kHuge, kHuge} : enclose_quotient(1.0L, sum);
          },
          false};
}

/// As a float32 library computes it: within 2^-23.
UnaryFunction as_float32(const UnaryFunction& function) {
  constexpr double kError = 0x1p-23;
  return {function.name,
          [enclose = function.enclose](long double x) {
            const UnaryFunction::Enclosure y = enclose(x);
            if (y.low == y.high) return y;
            return UnaryFunction::Enclosure{y.low - std::abs(y.low) * kError,
                                            y.high + std::abs(y.high) * kError};
          },
          function.is_monotonic};
}

AnyOp hgq2_op(const LayerBuilder& layer, const char* key, const char* part) {
  if (layer.weights() == nullptr) refuse(codes::kWeights, "its variables are missing");
  return without_batch_axis(read_hgq2_quantizer(layer.setting(key), *layer.weights(), part));
}

}  // namespace

void add_softmax(LayerBuilder& layer, const Axes& axes, const SoftmaxTables& tables) {
  add_rows(layer, axes);
  if (tables.operand != SoftmaxTables::Operand::value) {
    add_difference(layer, axes, tables.operand == SoftmaxTables::Operand::from_maximum);
  }
  if (tables.operand != SoftmaxTables::Operand::value) {
    // The sign of a difference from the maximum is known, but not from the ranges of the two.
    network::Clamp sign;
    (tables.operand == SoftmaxTables::Operand::from_maximum ? sign.lower : sign.upper) = 0;
    layer.add_helper("difference_sign", network::LayerOp(sign));
  }
  for (const AnyOp& input : tables.exp_input) layer.add_helper("exp_input", input);
  layer.add_helper("exp", tables.exp);
  layer.add_helper("exp_table", tables.exp_result);
  const std::size_t sum = layer.plan().ops.size();
  layer.add_helper("sum", network::LayerOp(network::Reduce{network::Reduce::Kind::sum}));
  for (const AnyOp& input : tables.inverse_input) layer.add_helper("inverse_input", input);
  layer.add_helper("inverse", tables.inverse);
  layer.add_helper("inverse_table", tables.inverse_result);
  add_along_rows(layer, "inverses", axes);
  layer.add("softmax", network::LayerOp(network::Merge{network::Merge::Kind::multiply}))
      .with_operand_of = sum;
  add_original_axes(layer, axes);
}

// HGQ2's: its tables hold the float64 functions, rounded by their own quantisers.
void plan_softmax(LayerBuilder& layer) {
  const bool stable = layer.flag_setting("stable", true);
  const double scale = layer.number_setting("input_scaler", 1.0);
  Axes axes{-1};
  if (!layer.setting("axes").is_null()) axes = layer.extents(layer.setting("axes"), "axes", false);
  constexpr double kKerasEpsilon = 1e-7;
  SoftmaxTables tables{
      .operand = stable ? SoftmaxTables::Operand::from_maximum : SoftmaxTables::Operand::value,
      .exp = exp_function(stable ? -scale : scale),
      .inverse = inverse_function(kKerasEpsilon),
      .exp_input = {},
      .inverse_input = {hgq2_op(layer, "inv_iq_conf", "inv_table/iq/")},
      .exp_result = hgq2_op(layer, "exp_oq_conf", "exp_table/oq/"),
      .inverse_result = hgq2_op(layer, "inv_oq_conf", "inv_table/oq/")};
  if (stable) tables.exp_input = {hgq2_op(layer, "exp_iq_conf", "exp_table/iq/")};
  add_softmax(layer, axes, tables);
}

namespace {

/// 1 at the first of the largest elements, 0 elsewhere.
void add_argmax(LayerBuilder& layer, const Axes& axes) {
  add_rows(layer, axes);
  add_difference(layer, axes, false);
  layer.add_helper("is_maximum", step_function());
  const fixed::Quantizer bit{{1, 0, false}, fixed::Rounding::trn, fixed::Overflow::sat};
  layer.add_helper("maxima_found", network::LayerOp(network::Quantize{{bit}}));
  // An element counts where no earlier one is a maximum too: itself minus the number of those.
  layer.add_helper("earlier", [](const OpContext& at) -> ResolvedOp {
    const std::int64_t count = at.operand.shape.back();
    check_elements({count, count});
    network::Dense dense{.inputs = count, .units = count};
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t unit = 0; unit < count; ++unit) {
        dense.weights.push_back(i == unit ? 1 : (i < unit ? -1 : 0));
      }
    }
    dense.bias.resize(static_cast<std::size_t>(count));
    return network::LayerOp(std::move(dense));
  });
  network::Clamp first;
  first.lower = 0;
  layer.add("argmax", network::LayerOp(first));
  add_original_axes(layer, axes);
}

/// What rounding to a format changes a number by at most that is not above `largest`.
double rounding_error(const fixed::Quantizer& to, double largest) {
  const double step = std::ldexp(1.0, -to.format.frac_bits);
  const bool nearest =
      to.rounding != fixed::Rounding::trn && to.rounding != fixed::Rounding::trn_zero;
  const double highest = fixed::to_double(to.format.max_mantissa(), to.format.frac_bits);
  return (nearest ? step / 2 : step) + std::max(0.0, largest - highest);
}

/// A bound on the distance of the table form from exp(d_i) / sum(exp(d_k)), for d_i <= 0 of which
/// one is 0: y = e r with |e - exp| <= a, |s - sum| <= n a + q and |r - 1 / s| <= v.
double softmax_error(const fixed::Quantizer& exp, const fixed::Quantizer& sum,
                     const fixed::Quantizer& inverse, std::int64_t count) {
  const auto n = static_cast<double>(count);
  const double a = rounding_error(exp, 1.0);
  const double sum_error = n * a + rounding_error(sum, n * (1 + a));
  const double least_sum = 1 - a - rounding_error(sum, 0);
  if (least_sum <= 0) return 1;
  const double v = rounding_error(inverse, 1 / least_sum);
  return (1 + a) * (v + sum_error / least_sum) + a;
}

/// The format that the configuration gives to a table.
Precision table_format(const LayerBuilder& layer, const std::string& name, const char* variable,
                       const char* fallback) {
  if (const auto asked = layer.precision().of_table(name, variable); asked && !asked->is_auto) {
    return *asked;
  }
  return {false, fixed::parse_ap_fixed(fallback), fallback};
}

/// Tables in the formats of the configuration; the sum is cut to the index bits of the second one.
/// Says how far the results are from the real softmax of the operand.
void add_table_softmax(LayerBuilder& layer, const std::string& name, const Axes& axes) {
  const Precision exp = table_format(layer, name, "exp_table", "ap_ufixed<17,1,RND,SAT>");
  const Precision inverse = table_format(layer, name, "inv_table", "ap_ufixed<17,1,RND,SAT>");
  const Precision sum = table_format(layer, name, "inv_inp", "ap_ufixed<14,4,RND,SAT>");
  const SoftmaxTables tables{
      .operand = SoftmaxTables::Operand::from_maximum,
      .exp = exp_function(-1.0),
      .inverse = inverse_function(0.0),
      .exp_input = {},
      .inverse_input = {network::LayerOp(network::Quantize{{sum.quantizer}})},
      .exp_result = network::LayerOp(network::Quantize{{exp.quantizer}}),
      .inverse_result = network::LayerOp(network::Quantize{{inverse.quantizer}})};
  add_softmax(layer, axes, tables);
  layer.plan().remark = [exp = exp.quantizer, sum = sum.quantizer, inverse = inverse.quantizer,
                         axes](const network::TensorType& x) {
    return fmt::format(
        "the softmax is made of tables: its results are within {:.1e} of the "
        "probabilities that belong to its operand",
        softmax_error(exp, sum, inverse, rows_of(axes, x.shape).back()));
  };
  layer.describe("exp table", exp.text);
  layer.describe("sum", sum.text);
  layer.describe("inverse table", inverse.text);
}

/// The index of a table of 1,024: the ten highest bits of a format.
fixed::Quantizer index_of(const fixed::Format& format) {
  constexpr int kIndexBits = 10;
  fixed::Quantizer index{format, fixed::Rounding::trn, fixed::Overflow::wrap};
  const int dropped = std::max(format.width - kIndexBits, 0);
  index.format.width -= dropped;
  index.format.frac_bits -= dropped;
  return index;
}

/// hls4ml's `stable` form with its table types: the differences and the sum are cut to the highest
/// bits of the operand's format and of `exp_table`.
void add_stable_softmax(LayerBuilder& layer, const std::string& name, const Axes& axes) {
  const Precision exp = table_format(layer, name, "exp_table", "ap_fixed<18,8,RND,SAT>");
  const Precision inverse = table_format(layer, name, "inv_table", "ap_fixed<18,8,RND,SAT>");
  const OpOfOperand saturated = [](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(
        network::Quantize{{{at.layer_operand.format, fixed::Rounding::rnd, fixed::Overflow::sat}}});
  };
  const OpOfOperand index = [](const OpContext& at) -> ResolvedOp {
    return network::LayerOp(network::Quantize{{index_of(at.layer_operand.format)}});
  };
  const SoftmaxTables tables{
      .operand = SoftmaxTables::Operand::minus_maximum,
      .exp = as_float32(exp_function(1.0)),
      .inverse = as_float32(inverse_function(0.0)),
      .exp_input = {saturated, index},
      .inverse_input = {network::LayerOp(network::Quantize{{exp.quantizer}}),
                        network::LayerOp(network::Quantize{{index_of(exp.quantizer.format)}})},
      .exp_result = network::LayerOp(network::Quantize{{exp.quantizer}}),
      .inverse_result = network::LayerOp(network::Quantize{{inverse.quantizer}})};
  add_softmax(layer, axes, tables);
  layer.describe("exp table", exp.text);
  layer.describe("inverse table", inverse.text);
}

}  // namespace

bool plan_configured_softmax(LayerBuilder& layer, const std::string& configured) {
  layer.plan().softmax_name = configured;
  const std::string form = layer.precision().softmax_form(configured);
  if (form.empty()) return false;
  Axes axes{-1};
  const Json& axis = layer.setting("axis");
  if (layer.layer().class_name == "Softmax" && !axis.is_null()) {
    axes = axis.is_array() ? layer.extents(axis, "axis", false)
                           : Axes{layer.integer_setting("axis", -1)};
  }
  if (form == "argmax") {
    add_argmax(layer, axes);
  } else if (form == "stable") {
    add_stable_softmax(layer, configured, axes);
  } else {
    add_table_softmax(layer, configured, axes);
  }
  return true;
}

}  // namespace sluice::frontend
