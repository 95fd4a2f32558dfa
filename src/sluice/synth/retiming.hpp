#pragma once

#include <cstdint>
#include <vector>

namespace sluice::synth {

/// Values in pipeline stages 0 .. stage_count - 1, as a problem of difference constraints.
struct RetimingProblem {
  struct Value {
    std::int64_t width = 0;           ///< register bits per stage boundary that it crosses
    bool fixed = false;               ///< stays where it is
    bool output = false;              ///< is held until after the last stage
    std::vector<std::size_t> users;   ///< is held until the last of their stages
    std::vector<std::size_t> behind;  ///< values that must be at least one stage later
  };

  std::int32_t stage_count = 1;
  std::vector<Value> values;  ///< users and those behind come later
};

/// The stages of fewest register bits in all, exactly: sum of width * (end - stage), where no value
/// is placed before those it uses.
///
/// `earliest` has to hold the least stage of every value. The cost is L-natural-convex in the
/// stages, so raising the best set of values by one stage, again and again, ends at the minimum
/// after at most stage_count steps; a best set is a smallest cut of the constraints that are tight.
std::vector<std::int32_t> retime(const RetimingProblem& problem,
                                 std::vector<std::int32_t> earliest);

}  // namespace sluice::synth
