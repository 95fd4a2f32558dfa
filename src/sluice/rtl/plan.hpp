#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/circuit/circuit.hpp"
#include "sluice/circuit/multipliers.hpp"

namespace sluice::rtl {

/// Which hardware stands for a value.
struct Carrier {
  /// A value that never varies is a literal wherever it is used.
  std::optional<std::int64_t> constant;
  /// Otherwise the value whose bits it has: itself, or what it only renames (a `scale`, or a
  /// `quantize` that changes no mantissa).
  circuit::ValueId value{};
};

/// What of a circuit becomes hardware, and how long it is kept.
struct Plan {
  static constexpr int kDead = -1;
  std::vector<Carrier> carriers;  ///< one per value
  /// The last stage in which a carrier is read; `output_stage` for outputs; kDead for values that
  /// reach no output, for those that another value carries, and inside of multipliers.
  std::vector<int> last_stage;
  /// The first stage in which a carrier is read; of no meaning for the dead.
  std::vector<int> first_stage;
};

Plan make_plan(const circuit::Function& function, const circuit::Schedule& schedule,
               const circuit::Multipliers& multipliers, int output_stage);

}  // namespace sluice::rtl
