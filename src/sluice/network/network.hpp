#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sluice/fixed/format.hpp"
#include "sluice/fixed/interval.hpp"
#include "sluice/fixed/quantize.hpp"

/// The tensor form: a graph of layers close to the model file, in exact fixed point. Every loss of
/// bits is an explicit Quantize (or the quantiser of an Input).
namespace sluice::network {

/// Extents for one event; the batch axis is not part of a shape. Row-major (C order).
using Shape = std::vector<std::int64_t>;
std::int64_t element_count(const Shape& shape) noexcept;

enum class LayerId : std::int32_t {};
constexpr std::size_t index(LayerId id) noexcept { return static_cast<std::size_t>(id); }

/// Real numbers come in, rounded by `quantizer`. No operands.
struct Input {
  Shape shape;
  fixed::Quantizer quantizer;
  friend bool operator==(const Input&, const Input&) = default;
};

/// y[j] = sum_i x[i] * weights[i][j] + bias[j], exact, over the last axis of its operand.
/// Mantissas, row-major [inputs][units]; a weight of 0 costs nothing anywhere.
struct Dense {
  std::int64_t inputs = 0;
  std::int64_t units = 0;
  std::vector<std::int64_t> weights;
  int weight_frac_bits = 0;
  std::vector<std::int64_t> bias;  ///< one per unit
  int bias_frac_bits = 0;
  friend bool operator==(const Dense&, const Dense&) = default;
};

/// y[i] = x[i] * scale[c] + offset[c], exact, with c the index along the last axis.
struct Affine {
  std::vector<std::int64_t> scale;
  int scale_frac_bits = 0;
  std::vector<std::int64_t> offset;
  int offset_frac_bits = 0;
  friend bool operator==(const Affine&, const Affine&) = default;
};

/// y[i] = min(max(x[i], lower), upper), exact; bounds are mantissas with `frac_bits`.
/// A ReLU is {lower = 0}.
struct Clamp {
  std::optional<std::int64_t> lower;
  std::optional<std::int64_t> upper;
  int frac_bits = 0;
  friend bool operator==(const Clamp&, const Clamp&) = default;
};

/// The only layer that loses bits. One quantiser for all elements, or one per element.
struct Quantize {
  std::vector<fixed::Quantizer> quantizers;
  friend bool operator==(const Quantize&, const Quantize&) = default;
  const fixed::Quantizer& of(std::size_t element) const {
    return quantizers.size() == 1 ? quantizers.front() : quantizers.at(element);
  }
};

/// The same elements in the same order under another shape.
struct Reshape {
  Shape shape;
  friend bool operator==(const Reshape&, const Reshape&) = default;
};

/// y[i] = element indices[i] of the operands laid one after the other, or 0 where the index is -1.
/// Takes any number of operands. Carries every movement of data: concatenate, permute, slice, crop,
/// zero padding, up-sampling, sliding windows; movement.hpp makes the indices of those.
struct Gather {
  Shape shape;
  std::vector<std::int64_t> indices;
  friend bool operator==(const Gather&, const Gather&) = default;
};

/// y[i] = a[i] op b[i], exact, of two operands of equal shape (a Gather broadcasts).
struct Merge {
  enum class Kind : std::uint8_t { add, subtract, multiply, maximum, minimum };
  Kind kind = Kind::add;
  friend bool operator==(const Merge&, const Merge&) = default;
};
std::string_view to_string(Merge::Kind kind) noexcept;  ///< "add", "subtract", ...

/// Of all elements along the last axis, which disappears; exact.
struct Reduce {
  enum class Kind : std::uint8_t { sum, maximum, minimum };
  Kind kind = Kind::sum;
  friend bool operator==(const Reduce&, const Reduce&) = default;
};
std::string_view to_string(Reduce::Kind kind) noexcept;  ///< "sum", "maximum", "minimum"

/// Any function of one number, as a table: y = mantissas[mantissa(x) - first], with `frac_bits`.
/// One table for all elements, one per index of the last axis, or one per element (where these
/// counts are equal, it is the same). Each covers the ranges of the elements that it serves.
struct Lookup {
  struct Table {
    std::int64_t first = 0;  ///< the operand's mantissa that entry 0 belongs to
    std::vector<std::int64_t> mantissas;
    friend bool operator==(const Table&, const Table&) = default;
  };
  std::vector<Table> tables;
  int frac_bits = 0;
  friend bool operator==(const Lookup&, const Lookup&) = default;
  const Table& of(std::size_t element) const { return tables.at(element % tables.size()); }
};

using LayerOp =
    std::variant<Input, Dense, Affine, Clamp, Quantize, Reshape, Gather, Merge, Reduce, Lookup>;

/// "input", "dense", ...: the word of the text form and of reports.
std::string_view op_name(const LayerOp& op) noexcept;

/// What is known about the values of a layer. All elements share the binary point; `ranges` has
/// one exact interval per element. `format` holds them all: that of the quantiser where one
/// quantiser made them, else the narrowest.
struct TensorType {
  Shape shape;
  fixed::Format format;
  std::vector<fixed::Interval> ranges;
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

struct Layer {
  std::string name;  ///< unique; the user's own name, with a suffix where one layer becomes several
  LayerOp op;
  std::vector<LayerId> operands;  ///< each before this layer
  TensorType type;                ///< inferred
  friend bool operator==(const Layer&, const Layer&) = default;
};

/// Layers in causal order. A value type: ids survive copies, equality is structural.
class Network {
 public:
  explicit Network(std::string name = "network") : name_(std::move(name)) {}

  const std::string& name() const noexcept { return name_; }
  const std::vector<Layer>& layers() const noexcept { return layers_; }
  const Layer& layer(LayerId id) const { return layers_.at(index(id)); }

  /// Adds a layer and infers its type by exact interval arithmetic. Throws ModelError, with the
  /// layer's name, for wrong shapes, wrong operand counts, a name that is taken, or a result that
  /// needs more than 64 bits.
  LayerId append(std::string name, LayerOp op, std::vector<LayerId> operands);

  /// Declares `id` as the next output of the network.
  void add_output(LayerId id);

  std::vector<LayerId> inputs() const;
  const std::vector<LayerId>& outputs() const noexcept { return outputs_; }
  std::optional<LayerId> find(std::string_view name) const noexcept;

  friend bool operator==(const Network&, const Network&) = default;

 private:
  std::string name_;
  std::vector<Layer> layers_;
  std::vector<LayerId> outputs_;
};

}  // namespace sluice::network
