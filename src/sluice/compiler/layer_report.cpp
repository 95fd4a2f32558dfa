#include "sluice/compiler/layer_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "sluice/calibrate/event_data.hpp"
#include "sluice/compiler/layer_tracer.hpp"
#include "sluice/fixed/quantize.hpp"

namespace sluice::compiler {

namespace {

using network::Layer;
using network::LayerId;

fixed::Interval hull_of(const Layer& layer) {
  fixed::Interval range = layer.type.ranges.front();
  for (const fixed::Interval& element : layer.type.ranges) range = hull(range, element);
  return range;
}

std::int64_t constants_of(const Layer& layer) {
  return std::ranges::count_if(layer.type.ranges, &fixed::Interval::is_constant);
}

/// Rows and columns of a Dense that hold no weight.
struct EmptyLines {
  std::vector<std::int64_t> inputs, units;
};

EmptyLines empty_lines(const network::Dense& dense) {
  std::vector<bool> input_used(static_cast<std::size_t>(dense.inputs));
  std::vector<bool> unit_used(static_cast<std::size_t>(dense.units));
  for (std::size_t i = 0; i < dense.weights.size(); ++i) {
    if (dense.weights[i] == 0) continue;
    input_used[i / unit_used.size()] = true;
    unit_used[i % unit_used.size()] = true;
  }
  EmptyLines empty;
  for (std::size_t i = 0; i < input_used.size(); ++i) {
    if (!input_used[i]) empty.inputs.push_back(static_cast<std::int64_t>(i));
  }
  for (std::size_t i = 0; i < unit_used.size(); ++i) {
    if (!unit_used[i]) empty.units.push_back(static_cast<std::int64_t>(i));
  }
  return empty;
}

std::string list_of(const std::vector<std::int64_t>& numbers) {
  constexpr std::size_t kMost = 8;
  const std::vector<std::int64_t> first(
      numbers.begin(),
      numbers.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, numbers.size())));
  return fmt::format("{}{}", fmt::join(first, ", "), numbers.size() > kMost ? ", ..." : "");
}

/// What events show of a layer.
struct Observed {
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  std::int64_t overflowed = 0;
  std::int64_t values = 0;

  void add(double value) {
    min = std::min(min, value);
    max = std::max(max, value);
    ++values;
  }
};

class LayerReporter {
 public:
  LayerReporter(const Subject& subject, const NpyArray* data) : subject_(subject) {
    report_.layers = Json::array();
    if (data != nullptr) observe(*data);
  }

  LayerReport run() && {
    for (const Layer& layer : net().layers()) report_.layers.push_back(row_of(layer));
    warn_of_constants();
    return std::move(report_);
  }

 private:
  const network::Network& net() const { return subject_.network; }
  std::size_t number_of(const Layer& layer) const {
    return static_cast<std::size_t>(&layer - net().layers().data());
  }

  void warn(const char* code, const std::string& subject, std::string message) {
    report_.warnings.push_back({code, subject, std::move(message), {}});
  }

  void observe(const NpyArray& data) {
    const LayerTracer tracer(net());
    const calibrate::EventData events = calibrate::read_events(data, tracer.input_elements());
    observed_.resize(net().layers().size());
    tracer.run(events.values, [&](std::int64_t number, const LayerTracer::Event& event) {
      std::span<const double> reals = events.event(number);
      for (std::size_t i = 0; i < observed_.size(); ++i) {
        const Layer& layer = net().layers()[i];
        const std::span<const double> values = event.of(static_cast<LayerId>(i));
        for (const double value : values) observed_[i].add(value);
        if (const auto* const input = std::get_if<network::Input>(&layer.op)) {
          count_overflows(observed_[i], reals.first(values.size()), values,
                          [&](std::size_t) { return input->quantizer.format; });
          reals = reals.subspan(values.size());
        } else if (const auto* const quantize = std::get_if<network::Quantize>(&layer.op)) {
          count_overflows(observed_[i], event.of(layer.operands.front()), values,
                          [&](std::size_t e) { return quantize->of(e).format; });
        }
      }
    });
  }

  // A rounding moves a value by less than a step; everything else is the range's doing.
  template <class FormatOf>
  static void count_overflows(Observed& observed, std::span<const double> before,
                              std::span<const double> after, FormatOf format_of) {
    for (std::size_t i = 0; i < after.size(); ++i) {
      const double step = std::ldexp(1.0, -format_of(i).frac_bits);
      if (std::abs(after[i] - before[i]) >= step) ++observed.overflowed;
    }
  }

  Json row_of(const Layer& layer) {
    const fixed::Interval range = hull_of(layer);
    const int frac_bits = layer.type.format.frac_bits;
    Json row{{"name", layer.name},
             {"op", network::op_name(layer.op)},
             {"shape", layer.type.shape},
             {"format", to_string(layer.type.format)},
             {"min", fixed::to_double(range.min, frac_bits)},
             {"max", fixed::to_double(range.max, frac_bits)},
             {"constant_elements", constants_of(layer)}};
    if (const auto* const dense = std::get_if<network::Dense>(&layer.op))
      add_dense(layer, *dense, row);
    if (const auto* const affine = std::get_if<network::Affine>(&layer.op)) {
      const auto zeros = std::ranges::count(affine->scale, 0);
      const auto channels = std::ssize(affine->scale);
      row["multiplications"] = std::ssize(layer.type.ranges) / channels * (channels - zeros);
    }
    if (const auto* const quantize = std::get_if<network::Quantize>(&layer.op)) {
      add_rounding(layer, *quantize, row);
    }
    if (!observed_.empty()) add_observed(layer, row);
    return row;
  }

  void add_dense(const Layer& layer, const network::Dense& dense, Json& row) {
    const auto zeros = std::ranges::count(dense.weights, 0);
    const EmptyLines empty = empty_lines(dense);
    const std::int64_t positions = std::ssize(layer.type.ranges) / dense.units;
    row["weights"] = dense.weights.size();
    row["zero_weights"] = zeros;
    row["multiplications"] = positions * (std::ssize(dense.weights) - zeros);
    row["unused_inputs"] = empty.inputs.size();
    row["constant_units"] = empty.units.size();
    if (!empty.inputs.empty()) {
      warn("W-INSPECT-004", layer.name,
           fmt::format("{} of {} inputs have no weight other than 0: {}", empty.inputs.size(),
                       dense.inputs, list_of(empty.inputs)));
    }
    if (!empty.units.empty()) {
      warn("W-INSPECT-004", layer.name,
           fmt::format("{} of {} units have no weight other than 0: {}", empty.units.size(),
                       dense.units, list_of(empty.units)));
    }
  }

  void add_rounding(const Layer& layer, const network::Quantize& quantize, Json& row) {
    const Layer& operand = net().layer(layer.operands.front());
    bool wraps = false;
    bool saturates = false;
    for (std::size_t i = 0; i < layer.type.ranges.size(); ++i) {
      const fixed::Quantizer& to = quantize.of(i);
      fixed::Quantizer wide = to;
      wide.overflow = fixed::Overflow::sat;
      wide.format = {63, to.format.frac_bits, true};
      const fixed::Interval unbounded =
          fixed::quantize(operand.type.ranges[i], operand.type.format.frac_bits, wide);
      if (range_of(to.format).contains(unbounded)) continue;
      (to.overflow == fixed::Overflow::wrap ? wraps : saturates) = true;
    }
    if (wraps || saturates) row["overflow"] = wraps ? "wraps" : "saturates";
    const fixed::Interval of_operand = hull_of(operand);
    if (wraps && observed_.empty()) {
      warn("W-INSPECT-001", layer.name,
           fmt::format("its format may wrap: the operand reaches from {:g} to {:g}, {} holds {:g} "
                       "to {:g}",
                       fixed::to_double(of_operand.min, operand.type.format.frac_bits),
                       fixed::to_double(of_operand.max, operand.type.format.frac_bits),
                       to_string(layer.type.format), row["min"].get<double>(),
                       row["max"].get<double>()));
    }
    if (quantize.quantizers.size() != 1) return;
    const fixed::Format needed = fixed::format_of(hull_of(layer), layer.type.format.frac_bits);
    const int unused = layer.type.format.width - needed.width;
    if (unused <= 0) return;
    row["unused_bits"] = unused;
    warn("W-INSPECT-003", layer.name,
         fmt::format("{} of {} bits are never used: all values lie from {:g} to {:g}", unused,
                     layer.type.format.width, row["min"].get<double>(), row["max"].get<double>()));
  }

  void add_observed(const Layer& layer, Json& row) {
    constexpr double kManyOverflows = 0.01;
    const Observed& observed = observed_[number_of(layer)];
    row["observed_min"] = observed.min;
    row["observed_max"] = observed.max;
    const auto* const quantize = std::get_if<network::Quantize>(&layer.op);
    const auto* const input = std::get_if<network::Input>(&layer.op);
    if (quantize == nullptr && input == nullptr) return;
    row["overflowed"] = observed.overflowed;
    const fixed::Overflow mode =
        input != nullptr ? input->quantizer.overflow : quantize->quantizers.front().overflow;
    const bool wraps = mode == fixed::Overflow::wrap;
    const double share =
        static_cast<double>(observed.overflowed) / static_cast<double>(observed.values);
    if (observed.overflowed > 0 && (wraps || share >= kManyOverflows)) {
      warn("W-INSPECT-001", layer.name,
           fmt::format("{} of {} values ({:.2g} %) are outside of {} and {}", observed.overflowed,
                       observed.values, 100 * share, to_string(layer.type.format),
                       wraps ? "wrap" : "saturate"));
    }
  }

  // Once per layer of the model: what is constant stays so further on.
  void warn_of_constants() {
    for (const frontend::LayerSummary& model_layer : subject_.source.layers) {
      std::int64_t before = 0;
      std::optional<LayerId> last;
      for (const std::string& name : model_layer.network_layers) last = net().find(name);
      if (!last || model_layer.network_layers.empty()) continue;
      const Layer& first = net().layer(net().find(model_layer.network_layers.front()).value());
      for (const LayerId operand : first.operands) before += constants_of(net().layer(operand));
      const std::int64_t dead = constants_of(net().layer(*last));
      if (dead == 0 || before > 0) continue;
      warn("W-INSPECT-002", model_layer.name,
           fmt::format("{} of {} outputs are the same for every input", dead,
                       net().layer(*last).type.ranges.size()));
    }
  }

  const Subject& subject_;
  std::vector<Observed> observed_;  // by layer; empty without events
  LayerReport report_;
};

}  // namespace

LayerReport report_layers(const Subject& subject, const NpyArray* data) {
  return LayerReporter(subject, data).run();
}

}  // namespace sluice::compiler
