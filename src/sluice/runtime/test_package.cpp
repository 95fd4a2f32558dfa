#include "sluice/runtime/test_package.hpp"

#include <array>
#include <random>

#include "sluice/network/text.hpp"

namespace sluice::runtime::testing {

namespace {

using fixed::Overflow;
using fixed::Quantizer;
using fixed::Rounding;

constexpr std::size_t kInputs = 3;
constexpr std::size_t kOutputs = 2;
const Quantizer kInput{{12, 6, true}, Rounding::rnd_conv, Overflow::sat};
const Quantizer kOutput{{7, 3, true}, Rounding::rnd, Overflow::sat};
constexpr int kWeightFracBits = 2;
constexpr int kBiasFracBits = 4;
constexpr std::array<std::int64_t, kInputs * kOutputs> kWeights{1, -2, 3, 4, -5, 6};
constexpr std::array<std::int64_t, kOutputs> kBias{1, -1};

network::Network make_network() {
  network::Network network("runtime test");
  const network::LayerId x = network.append("x", network::Input{{kInputs}, kInput}, {});
  const network::LayerId sums = network.append("sums",
                                               network::Dense{kInputs,
                                                              kOutputs,
                                                              {kWeights.begin(), kWeights.end()},
                                                              kWeightFracBits,
                                                              {kBias.begin(), kBias.end()},
                                                              kBiasFracBits},
                                               {x});
  network.add_output(network.append("y", network::Quantize{{kOutput}}, {sums}));
  return network;
}

}  // namespace

package::Package write_package(const std::filesystem::path& folder) {
  write_file(folder / "network.txt", network::print(make_network()));
  package::Manifest manifest;
  manifest.name = "three_to_two";
  manifest.sluice_version = "test";
  manifest.source = {"test.h5", std::string(64, '0')};
  manifest.clock_mhz = 200;
  manifest.latency_cycles = 4;
  manifest.input = {"x", {kInputs}, kInput};
  manifest.output = {"y", {kOutputs}, {kOutput.format}};
  package::seal(folder, manifest);
  return package::Package::open(folder);
}

std::vector<std::int8_t> expected_outputs(const std::vector<std::int16_t>& inputs) {
  const int frac_bits = kInput.format.frac_bits + kWeightFracBits;
  std::vector<std::int8_t> outputs;
  for (std::size_t first = 0; first < inputs.size(); first += kInputs) {
    for (std::size_t j = 0; j < kOutputs; ++j) {
      std::int64_t sum = kBias.at(j) << (frac_bits - kBiasFracBits);
      for (std::size_t i = 0; i < kInputs; ++i) {
        sum += inputs[first + i] * kWeights.at(i * kOutputs + j);
      }
      outputs.push_back(static_cast<std::int8_t>(fixed::quantize(sum, frac_bits, kOutput)));
    }
  }
  return outputs;
}

std::vector<std::int16_t> example_inputs(std::size_t events, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::int64_t lowest = kInput.format.min_mantissa();
  const std::int64_t highest = kInput.format.max_mantissa();
  const std::array<std::int64_t, 5> corners{lowest, highest, 0, -1, 1};
  std::uniform_int_distribution<std::int64_t> any(lowest, highest);
  std::vector<std::int16_t> inputs(events * kInputs);
  for (std::int16_t& mantissa : inputs) {
    const std::int64_t value = any(random);
    mantissa = static_cast<std::int16_t>(random() % 4 == 0 ? corners.at(random() % 5) : value);
  }
  return inputs;
}

}  // namespace sluice::runtime::testing
