#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "sluice/synth/cmvm.hpp"
#include "sluice/synth/value_builder.hpp"

namespace sluice::synth {

/// Multipliers, each of which adds its product to what the one before has made: longer chains need
/// more cycles, shorter ones more adders.
inline constexpr std::size_t kLongestChain = 4;

using Values = std::vector<circuit::ValueId>;
using Folded = std::vector<std::optional<FoldedRounding>>;  // by element

/// sum_i x[i] * weights[i] + bias per output, with everything on one output grid.
struct LinearMap {
  std::size_t outputs = 0;
  std::vector<std::int64_t> weights;  ///< [inputs][outputs]; x on the operand's grid
  std::vector<std::int64_t> bias;
  int frac_bits = 0;              ///< of the result
  std::vector<bool> multipliers;  ///< of which weights; those behind the end have none
  circuit::OriginId origin{};
  /// By output: what the layer knows of the sum, and the quantiser that alone reads it, if any.
  std::span<const fixed::Interval> ranges;
  std::span<const fixed::Quantizer* const> quantizers;
};

/// The elements that a map takes.
struct LinearOperand {
  std::span<const circuit::ValueId> values;
  std::span<const fixed::Interval> ranges;  ///< of the tensor
  int frac_bits = 0;                        ///< of the tensor
};

struct LinearValues {
  Values values;  ///< by output
  Folded folded;  ///< what a value holds more than its sum, for the quantiser that reads it
};

/// Builds constant matrix products of adders and multipliers.
class MatrixBuilder {
 public:
  MatrixBuilder(ValueBuilder& builder, const CmvmOptions& options)
      : builder_(builder), options_(options) {}

  /// Maps of the same elements, one result each. Those of the same least depth share adders where
  /// that makes them smaller; shared adders have the origin of the first map.
  std::vector<LinearValues> multiply(std::span<const LinearMap> maps, const LinearOperand& x);

  /// Of values on grids no finer than `frac_bits`.
  circuit::ValueId sum_of(const Values& values, int frac_bits, circuit::OriginId origin);

  /// Forgets solved problems: equal ones are solved once, as those of a convolution's positions.
  void forget() { graphs_.clear(); }

 private:
  /// A product that a multiplier makes.
  struct Product {
    circuit::ValueId value;
    std::int64_t factor;  // on the grid that makes the product one of the map's result
  };
  /// The outputs of all maps, one after the other.
  struct Problem {
    CmvmProblem cmvm;
    Values inputs;
    std::vector<std::vector<Product>> products;  // by output
    Folded folded;                               // by output
  };

  std::vector<LinearValues> built(std::span<const LinearMap> maps, const LinearOperand& x);
  Problem joined(std::span<const LinearMap> maps, const LinearOperand& x) const;
  std::vector<std::int64_t> weights_of(const LinearMap& map, std::size_t i, std::size_t first,
                                       const LinearOperand& x, Problem& problem) const;
  void fold_rounding(const LinearMap& map, std::size_t first, Problem& problem) const;
  bool is_smaller_together(const CmvmProblem& all, std::span<const LinearMap> maps);
  const AdderGraph& solved(const CmvmProblem& problem);

  circuit::ValueId with_products(circuit::ValueId rest, std::span<const Product> products,
                                 const LinearMap& map);
  circuit::ValueId product(const Product& product, const LinearMap& map);

  Values emit_nodes(const AdderGraph& graph, const Values& inputs, circuit::OriginId origin);
  circuit::ValueId emit(const AdderNode& node, const Values& nodes, const Values& inputs, int grid,
                        circuit::OriginId origin);
  circuit::ValueId emit_sum(const AdderNode& node, const Values& nodes, circuit::OriginId origin);
  circuit::ValueId emit_output(const AdderTerm& term, const Values& nodes, int zeros,
                               circuit::OriginId origin);

  ValueBuilder& builder_;
  const CmvmOptions& options_;
  std::map<std::vector<std::int64_t>, AdderGraph> graphs_;  // by problem
};

}  // namespace sluice::synth
