#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/engine/program.hpp"

/// Between the layers and a machine type. Internal to the planner.
namespace sluice::engine {

/// bias + sum of operand[first] * second, as mantissas of the draft's frac_bits. Only operands that
/// are not constant appear, each with a weight other than 0.
struct DraftRow {
  std::vector<std::pair<std::uint32_t, std::int64_t>> terms;
  std::int64_t bias = 0;
};

/// Layers that one step computes: linear rows, then a clamp, then a quantiser.
struct Draft {
  std::string layers;
  std::size_t operand = 0;  ///< tensor
  std::size_t result = 0;   ///< tensor
  std::vector<DraftRow> rows;
  int frac_bits = 0;
  bool clamps = false;
  std::int64_t lower = std::numeric_limits<std::int64_t>::min();
  std::int64_t upper = std::numeric_limits<std::int64_t>::max();
  std::optional<network::Quantize> quantize;
};

/// Layers that one ElementStep computes; the sources' buffers are tensors.
struct ElementDraft {
  std::string layers;
  std::size_t result = 0;  ///< tensor
  ElementStep step;
};

/// The step of the cheapest machine type that is exact for every row, and its row of the plan.
/// `types` and `buffers` are of all tensors.
std::pair<Step, PlanRow> choose_machine_type(const Draft& draft,
                                             const std::vector<network::TensorType>& types,
                                             const std::vector<Buffer>& buffers);
std::pair<ElementStep, PlanRow> choose_machine_type(const ElementDraft& draft,
                                                    const std::vector<network::TensorType>& types,
                                                    const std::vector<Buffer>& buffers);

}  // namespace sluice::engine
