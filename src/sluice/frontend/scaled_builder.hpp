#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sluice/fixed/quantize.hpp"
#include "sluice/frontend/onnx_quantizer.hpp"
#include "sluice/frontend/rational.hpp"
#include "sluice/frontend/unary_function.hpp"
#include "sluice/network/network.hpp"

namespace sluice::frontend {

/// Numbers that vary along at most one axis of a tensor.
struct AxisValues {
  std::optional<std::size_t> axis;
  std::vector<Rational> values{0};  ///< one, or one per index of `axis`
};

/// A constant as it acts on a tensor of `shape`. Throws ModelError, without a subject, when it
/// varies along several axes, would enlarge the tensor, or is not finite.
AxisValues axis_values(const OnnxTensor& constant, const network::Shape& shape);

/// The saturating quantiser to integers whose range is exactly this interval; nothing when no
/// format has it. Rounds towards minus infinity.
std::optional<fixed::Quantizer> bounded_quantizer(const fixed::Interval& bounds);

/// Sorted numbers for all elements, or for each index of an axis.
struct Thresholds {
  std::optional<std::size_t> axis;
  std::vector<std::vector<Rational>> values;
};

/// A tensor of an ONNX graph: real value = f(clamp(layer * factor + offset, lower, upper)). What is
/// kept aside of the layer costs nothing and loses nothing, whatever the numbers; the quantiser
/// that consumes the tensor absorbs it.
struct ScaledTensor {
  network::LayerId layer{};
  network::Shape shape;             ///< as in ONNX, the batch of one included
  std::vector<std::size_t> order;   ///< the axes of `shape` in the order of the layer's elements
  std::optional<std::size_t> axis;  ///< the axis along which factor and offset vary
  std::vector<Rational> factor{1};  ///< one, or one per index of `axis`; as many as offsets
  std::vector<Rational> offset{0};
  std::optional<Rational> lower, upper;
  /// f, where there is one: nothing but a quantiser may take the tensor then.
  std::shared_ptr<const UnaryFunction> function;

  bool has_offset() const;
  /// `order` without the batch, which is no axis of a streaming circuit's positions.
  std::vector<std::size_t> event_order() const;
};

/// Weights [inputs][units] and what is added to each unit, as real numbers.
struct DenseWeights {
  std::int64_t inputs = 0;
  std::int64_t units = 0;
  std::vector<double> weights;
  std::vector<Rational> bias;                 ///< one per unit
  std::optional<fixed::Quantizer> precision;  ///< rounds the weights first
};

/// Builds a network from scaled tensors. Problems throw ModelError without a subject.
class ScaledBuilder {
 public:
  explicit ScaledBuilder(std::string name) : network_(std::move(name)) {}

  const network::Network& network() const noexcept { return network_; }
  network::Network take() { return std::move(network_); }
  void add_output(network::LayerId id) { network_.add_output(id); }
  /// The layers that were added since the last call.
  std::vector<std::string> take_added();

  ScaledTensor input(const std::string& name, network::Shape shape,
                     const fixed::Quantizer& quantizer);

  void multiply(ScaledTensor& x, const AxisValues& by, const std::string& name);
  void add(ScaledTensor& x, const AxisValues& what, const std::string& name);
  static void clamp(ScaledTensor& x, const std::optional<Rational>& lower,
                    const std::optional<Rational>& upper);
  static void transpose(ScaledTensor& x, std::span<const std::int64_t> axes);
  void reshape(ScaledTensor& x, const network::Shape& shape, const std::string& name);

  /// Elements in the order of these axes.
  void arrange(ScaledTensor& x, const std::vector<std::size_t>& order, const std::string& name);
  /// No clamp aside. With `no_offset` also no offset.
  void settle(ScaledTensor& x, const std::string& name);
  /// Nothing aside: the layer's values are the real ones.
  void materialize(ScaledTensor& x, const std::string& name);
  void quantize(ScaledTensor& x, const OnnxQuantizer& quantizer, const std::string& name);
  void round(ScaledTensor& x, const fixed::Quantizer& quantizer, const std::string& name);
  /// x where it is positive, else slope * x.
  void leaky(ScaledTensor& x, const AxisValues& slopes, const std::string& name);
  /// How many of the thresholds each value reaches. The layer's values are the counts.
  void count_thresholds(ScaledTensor& x, const Thresholds& thresholds, const std::string& name);
  /// The last axis becomes `dense.units`; it must be the last of the elements too.
  void dense(ScaledTensor& x, const DenseWeights& dense, const std::string& name);
  /// The final form of an output: nothing aside, ONNX's order. Returns the largest error of a
  /// value, 0 where the exact values are fixed-point numbers.
  double finish(ScaledTensor& x, const std::string& name);
  /// Both tensors in one order and with one factor, so that sums and comparisons are those of their
  /// layers. Offsets are left apart.
  void align(ScaledTensor& a, ScaledTensor& b, const std::string& name);

  network::LayerId append(const std::string& name, network::LayerOp op,
                          std::vector<network::LayerId> operands);
  const network::TensorType& type(const ScaledTensor& x) const {
    return network_.layer(x.layer).type;
  }
  void use_shape(ScaledTensor& x, const network::Shape& shape, const std::string& name);

 private:
  void channels_last(ScaledTensor& x, const std::string& name);
  void affine(ScaledTensor& x, const std::vector<std::int64_t>& scale, int scale_frac_bits,
              const std::vector<std::int64_t>& offset, int offset_frac_bits,
              const std::string& name);
  void clamp_layer(ScaledTensor& x, std::optional<std::int64_t> lower,
                   std::optional<std::int64_t> upper, int frac_bits, const std::string& name);
  std::vector<IntegerMap> integer_maps(const ScaledTensor& x, const OnnxQuantizer& quantizer) const;
  std::vector<fixed::Interval> channel_ranges(const ScaledTensor& x, std::size_t channels) const;
  /// The function that is kept aside, and the quantiser, as a table.
  void quantize_function(ScaledTensor& x, const OnnxQuantizer& quantizer, const std::string& name);
  Rational real_value(const ScaledTensor& x, std::size_t channel, std::int64_t mantissa) const;
  UnaryFunction::Enclosure function_value(const ScaledTensor& x, std::size_t channel,
                                          std::int64_t mantissa) const;
  /// Any function of mantissa and channel, which x.axis counts. What was aside is taken in.
  using TableFunction = std::function<std::int64_t(std::size_t channel, std::int64_t mantissa)>;
  void tabulate(ScaledTensor& x, std::size_t channels, const TableFunction& function,
                bool is_monotonic, int frac_bits, const std::string& name);
  bool quantize_by_shift(ScaledTensor& x, const IntegerMap& map, const std::string& name);
  bool quantize_by_multiplication(ScaledTensor& x, const std::vector<IntegerMap>& maps,
                                  const std::string& name);
  bool quantize_exactly(ScaledTensor& x, const std::vector<IntegerMap>& maps,
                        const std::string& name);
  void append_quantize(ScaledTensor& x, const fixed::Interval& bounds, int frac_bits,
                       fixed::Rounding rounding, const std::string& name);
  std::string unique(const std::string& name);

  network::Network network_;
  std::set<std::string> names_;
  std::vector<std::string> added_;
  std::int64_t elements_ = 0;
  std::int64_t multiplications_ = 0;
};

}  // namespace sluice::frontend
