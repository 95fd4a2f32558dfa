#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "sluice/frontend/codes.hpp"
#include "sluice/frontend/keras_layer_builder.hpp"
#include "sluice/frontend/keras_rows.hpp"
#include "sluice/frontend/keras_windows.hpp"

namespace sluice::frontend {

namespace {

using network::Reduce;
using network::Shape;

/// Elements that each position's window really covers: fewer at the edges under 'same'.
std::vector<std::int64_t> covered(const WindowSettings& windows, const Shape& shape) {
  const std::vector<network::WindowAxis> axes = windows.over(shape);
  std::vector<std::int64_t> counts{1};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    std::vector<std::int64_t> finer;
    for (const std::int64_t count : counts) {
      for (std::int64_t p = 0; p < axes[i].positions(shape[i]); ++p) {
        const std::int64_t first = p * axes[i].stride - axes[i].pad_before;
        const std::int64_t last = std::min(first + axes[i].size, shape[i]);
        finer.push_back(count * (last - std::max<std::int64_t>(first, 0)));
      }
    }
    counts = std::move(finer);
  }
  return counts;
}

/// `average_quantizer` of QKeras's layers: it quantises the factor 1 / count.
std::optional<QkerasQuantizer> factor_quantizer(const LayerBuilder& layer) {
  return parse_quantizer(layer.setting("average_quantizer"), QuantizerRole::activation);
}

/// Times the factor where a quantiser makes one; exact where `count` is a power of two; else for
/// the quantiser that follows.
ResolvedOp divided_by(std::int64_t count, const std::optional<QkerasQuantizer>& by,
                      const Shape& shape) {
  const auto bits = static_cast<std::uint64_t>(count);
  const auto channels = static_cast<std::size_t>(shape.empty() ? 1 : shape.back());
  if (by) {
    const QuantizedTensor factor = quantize_weights(*by, {{1}, {1.0 / static_cast<double>(count)}});
    return network::LayerOp(network::Affine{std::vector(channels, factor.mantissas.front()),
                                            factor.frac_bits, std::vector<std::int64_t>(channels),
                                            0});
  }
  if (!std::has_single_bit(bits)) return quotient_function(static_cast<double>(count));
  return network::LayerOp(network::Affine{std::vector<std::int64_t>(channels, 1),
                                          std::countr_zero(bits),
                                          std::vector<std::int64_t>(channels), 0});
}

Shape channels_last(Shape shape, bool is_channels_first) {
  if (is_channels_first && !shape.empty())
    std::rotate(shape.begin(), shape.begin() + 1, shape.end());
  return shape;
}

void add_maximum(LayerBuilder& layer) {
  layer.add("maximum", network::LayerOp(Reduce{Reduce::Kind::maximum}));
}

void add_average(LayerBuilder& layer, const WindowSettings& windows) {
  layer.add_helper("sum", network::LayerOp(Reduce{Reduce::Kind::sum}));
  const bool is_channels_first = layer.is_channels_first();
  const auto by = factor_quantizer(layer);
  layer.add("average", [windows, is_channels_first, by](const OpContext& at) -> ResolvedOp {
    const Shape shape = channels_last(at.layer_operand.shape, is_channels_first);
    const std::vector<std::int64_t> counts = covered(windows, shape);
    if (std::ranges::count(counts, counts.front()) != std::ssize(counts)) {
      refuse(codes::kLayer, "padding='same' averages over fewer elements at the edges",
             "use padding='valid', or max pooling");
    }
    return divided_by(counts.front(), by, at.operand.shape);
  });
}

void plan_window_pooling(LayerBuilder& layer, bool is_maximum) {
  const WindowSettings windows = window_settings(layer, "pool_size", nullptr);
  if (layer.is_channels_first()) add_channels_last(layer);
  add_windows(layer, windows, network::WindowOrder::channels_taps,
              is_maximum ? network::WindowPadding::repeat : network::WindowPadding::zero);
  if (is_maximum) {
    add_maximum(layer);
  } else {
    add_average(layer, windows);
  }
  if (layer.is_channels_first()) add_channels_first(layer);
}

void plan_global_pooling(LayerBuilder& layer, bool is_maximum) {
  if (!layer.is_channels_first()) add_channels_first(layer);
  layer.add_movement("positions", [](const OpContext& at) -> ResolvedOp {
    const Shape& shape = at.operand.shape;
    if (shape.size() < 2) refuse(codes::kGraph, "its operand has no positions to pool");
    return network::LayerOp(
        network::Reshape{{shape.front(), network::element_count(shape) / shape.front()}});
  });
  if (is_maximum) {
    add_maximum(layer);
  } else {
    layer.add_helper("sum", network::LayerOp(Reduce{Reduce::Kind::sum}));
    const auto by = factor_quantizer(layer);
    layer.add("average", [by](const OpContext& at) -> ResolvedOp {
      const std::int64_t channels = at.operand.shape.back();
      return divided_by(network::element_count(at.layer_operand.shape) / channels, by,
                        at.operand.shape);
    });
  }
  if (layer.flag_setting("keepdims", false)) {
    const std::size_t axes = spatial_axes(layer.layer());
    const bool is_channels_first = layer.is_channels_first();
    layer.add_movement("keepdims", [axes, is_channels_first](const OpContext& at) -> ResolvedOp {
      Shape shape(axes, 1);
      shape.insert(is_channels_first ? shape.begin() : shape.end(), at.operand.shape.back());
      return network::LayerOp(network::Reshape{std::move(shape)});
    });
  }
}

}  // namespace

// HGQ2's QSum and QMeanPow2: a sum along axes, times a power of two.
void plan_sum(LayerBuilder& layer) {
  const Axes axes = layer.extents(layer.setting("axes"), "axes", false);
  const bool keeps = layer.flag_setting("keepdims", false);
  const bool is_mean = layer.layer().class_name == "QMeanPow2";
  const double scale = layer.number_setting("scale", 1.0);
  add_rows(layer, axes);
  layer.add_helper("sum", network::LayerOp(Reduce{Reduce::Kind::sum}));
  layer.add("scale", [axes, scale, is_mean](const OpContext& at) -> ResolvedOp {
    const auto count = static_cast<double>(rows_of(axes, at.layer_operand.shape).back());
    return factor_op(is_mean ? std::exp2(std::nearbyint(std::log2(1.0 / count))) : scale)(at);
  });
  layer.add_movement("axes", [axes, keeps](const OpContext& at) -> ResolvedOp {
    const Shape& shape = at.layer_operand.shape;
    const Axes order = order_of(axes, shape);
    const auto kept = std::span(order).first(order.size() - axes.size());
    Shape result;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      const bool is_kept = std::ranges::find(kept, static_cast<std::int64_t>(axis)) != kept.end();
      if (is_kept) result.push_back(shape[axis]);
      if (!is_kept && keeps) result.push_back(1);
    }
    if (result.empty()) result.push_back(1);
    return network::LayerOp(network::Reshape{std::move(result)});
  });
  layer.add_result(layer.layer().name, layer.layer().class_name, "result");
}

void plan_pooling(LayerBuilder& layer) {
  const std::string& class_name = layer.layer().class_name;
  const bool is_maximum = class_name.find("Max") != std::string::npos;
  if (class_name.starts_with("Global") || class_name.starts_with("QGlobal")) {
    plan_global_pooling(layer, is_maximum);
  } else {
    plan_window_pooling(layer, is_maximum);
  }
  layer.add_result(layer.layer().name, class_name, "result");
  if (class_name.starts_with("Q")) plan_inner_activation(layer);
}

}  // namespace sluice::frontend
