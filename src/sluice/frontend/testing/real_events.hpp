#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sluice/base/npy.hpp"
#include "sluice/frontend/testing/evaluate.hpp"
#include "sluice/network/network.hpp"

namespace sluice::frontend::testing {

struct Differences {
  std::int64_t events = 0;  ///< with any output that is not equal
  double largest = 0;
};

/// Compares the first output of the network with `expected`, event by event.
inline Differences differences(const network::Network& net, const NpyArray& x,
                               const NpyArray& expected, std::int64_t most_events = 1 << 30) {
  const std::vector<double> inputs = x.to_double();
  const std::vector<double> outputs = expected.to_double();
  const auto events = static_cast<std::size_t>(x.shape[0]);
  const std::size_t width = inputs.size() / events;
  const network::TensorType& type = net.layer(net.outputs().front()).type;
  if (type.ranges.size() * events != outputs.size() ||
      !std::ranges::all_of(outputs, [](double y) { return std::isfinite(y); })) {
    ADD_FAILURE() << "the expected outputs are of another size, or not all finite";
    return {static_cast<std::int64_t>(events), HUGE_VAL};
  }
  Differences result;
  for (std::size_t event = 0; event < std::min<std::size_t>(events, most_events); ++event) {
    const auto got = evaluate_reals(net, std::span(inputs).subspan(event * width, width));
    double largest = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      largest = std::max(largest, std::abs(fixed::to_double(got[i], type.format.frac_bits) -
                                           outputs[event * got.size() + i]));
    }
    result.events += largest == 0 ? 0 : 1;
    result.largest = std::max(result.largest, largest);
  }
  return result;
}

/// Tests that need third-party model files; skipped where there are none.
class ModelFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const variable = std::getenv("SLUICE_MODELS_DIR");
    folder_ = variable != nullptr ? variable : SLUICE_MODELS_DIR;
    if (!std::filesystem::is_directory(folder_)) {
      GTEST_SKIP() << "no model files in " << folder_ << "; set SLUICE_MODELS_DIR";
    }
  }

  std::filesystem::path folder_;
};

}  // namespace sluice::frontend::testing
