#include "sluice/calibrate/generated_events.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "sluice/calibrate/real_network.hpp"

namespace sluice::calibrate {

namespace {

constexpr std::int64_t kMostEvents = 1000;
constexpr std::int64_t kFewestEvents = 16;
// Multiplications in float64, of all events and all formats: about a second.
constexpr double kWork = 2e8;
constexpr std::uint64_t kSeed = 1;

/// The sum of twelve uniform numbers: near normal, and the same with every standard library.
double normal(std::mt19937_64& generator) {
  constexpr int kTerms = 12;
  double sum = -kTerms / 2.0;
  for (int i = 0; i < kTerms; ++i) {
    sum += std::ldexp(static_cast<double>(generator() >> 11), -53);
  }
  return sum;
}

}  // namespace

NpyArray generate_events(const frontend::Imported& model) {
  const RealNetwork net(model);
  const double evaluations = static_cast<double>(model.formats.size()) + 2;
  const auto affordable = static_cast<std::int64_t>(kWork / (net.work() * evaluations));
  const std::int64_t events = std::clamp(affordable, kFewestEvents, kMostEvents);
  std::mt19937_64 generator(kSeed);
  std::vector<double> values;
  for (std::int64_t event = 0; event < events; ++event) {
    for (const network::LayerId id : model.network.inputs()) {
      const network::TensorType& type = model.network.layer(id).type;
      for (const fixed::Interval& range : type.ranges) {
        values.push_back(std::clamp(normal(generator),
                                    fixed::to_double(range.min, type.format.frac_bits),
                                    fixed::to_double(range.max, type.format.frac_bits)));
      }
    }
  }
  const auto width = static_cast<std::int64_t>(net.input_elements());
  return NpyArray::from<double>(values, {events, width});
}

}  // namespace sluice::calibrate
