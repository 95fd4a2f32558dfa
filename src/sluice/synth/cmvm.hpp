#pragma once

#include <cstdint>
#include <vector>

#include "sluice/fixed/interval.hpp"
#include "sluice/synth/adder_graph.hpp"

namespace sluice::synth {

/// Constant matrix-vector multiplication over integers:
/// y[j] = sum_i x[i] * matrix[i * outputs + j] + bias[j].
struct CmvmProblem {
  std::vector<fixed::Interval> inputs;  ///< what is proven about each x[i]
  std::size_t outputs = 0;
  std::vector<std::int64_t> matrix;  ///< row-major [inputs][outputs]
  std::vector<std::int64_t> bias;    ///< one per output
};

/// How long the optimiser searches; every effort is deterministic.
enum class Effort : std::uint8_t {
  fast,    ///< one solution
  normal,  ///< also along differences of columns, where they promise fewer adders, and a few
           ///< variations of small matrices
  max,     ///< all depths of such differences, and many variations of the best solution
};

/// Operands of an adder.
enum class Adders : std::uint8_t {
  two,
  three,  ///< of two and of three: one LUT per bit in families that can add three bits in a LUT
};

struct CmvmOptions {
  /// Adder levels that sharing may add to the smallest depth that the matrix allows.
  int extra_depth = 0;
  Effort effort = Effort::normal;
  Adders adders = Adders::three;
};

/// Builds an adder graph: spanning trees over the columns, canonical signed digits, greedy sharing
/// of two-term patterns by the area they save, then one balanced tree per output; of several
/// such graphs the smallest. Deterministic; the result has passed prove_equal().
/// Throws ModelError E-FIXED-003 when an exact sum needs more than 64 bits.
AdderGraph solve_cmvm(const CmvmProblem& problem, const CmvmOptions& options = {});

/// Adder levels of two operands that the widest sum of the matrix needs.
int least_depth(const CmvmProblem& problem);

/// Compares the coefficients of every output, and the range of every node, with the problem by
/// exact algebra. Throws InternalError that names the first difference.
void prove_equal(const CmvmProblem& problem, const AdderGraph& graph);

}  // namespace sluice::synth
