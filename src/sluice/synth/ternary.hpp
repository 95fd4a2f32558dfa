#pragma once

#include <optional>
#include <span>

#include "sluice/synth/adder_graph.hpp"

namespace sluice::synth {

/// The outputs of a graph of two-operand adders, in adders of two and three operands.
///
/// An adder with one user joins that user's sum. So does one with several users wherever this
/// saves area: three operands take as many LUTs as two, so a sum of an even number of terms takes
/// one more for nothing. Then every sum becomes a tree. No output is ready later than `deadline`,
/// in the times of sum_tree.hpp; nothing when that is not possible.
///
/// Throws ModelError E-FIXED-003 when a partial sum needs more than 64 bits.
std::optional<AdderGraph> with_ternary_adders(const AdderGraph& graph,
                                              std::span<const fixed::Interval> inputs,
                                              int deadline);

}  // namespace sluice::synth
