#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "sluice/network/network.hpp"

/// Support for tests: networks and events drawn from a seed, the same on every machine.
namespace sluice::network::testing {

using Generator = std::mt19937_64;

/// From `min` to `max`; unlike the standard's distributions the same with every standard library.
std::int64_t draw(Generator& generator, std::int64_t min, std::int64_t max);

struct RandomNetworkOptions {
  int layers = 10;         ///< after the inputs
  int largest_extent = 7;  ///< of any axis; odd and prime extents occur
  int widest_bits = 24;    ///< a wider tensor is quantised before it is used again
  int zero_percent = 40;   ///< of the weights; whole rows and columns of zeros occur too
};

/// A network of every layer operation: one or two inputs, branches, one to three outputs, matrices
/// over the last axis of two, quantisers per tensor and per element in every rounding and overflow
/// mode. Satisfies network::verify().
Network random_network(std::uint64_t seed, const RandomNetworkOptions& options = {});

struct RandomMlpOptions {
  std::vector<std::int64_t> units{27, 35, 20, 25, 40, 20, 15, 1};  ///< the inputs first
  fixed::Quantizer input{{16, 10, true}, fixed::Rounding::rnd_conv, fixed::Overflow::sat};
  fixed::Quantizer activation{{15, 9, false}, fixed::Rounding::rnd_conv, fixed::Overflow::sat};
  fixed::Quantizer output{{16, 9, true}, fixed::Rounding::rnd_conv, fixed::Overflow::sat};
  fixed::Format weight{16, 10, true};
  std::int64_t weight_sigma = 1 << 13;  ///< mantissa
  int zero_percent = 50;
};

/// A multi-layer perceptron as a trigger would use: dense, ReLU and quantiser per layer, weights
/// drawn from a normal distribution. By default of the size of the muon pT network.
Network random_mlp(std::uint64_t seed, const RandomMlpOptions& options = {});

/// Events that are legal for `network`, event-major, the elements of its inputs one after the
/// other: every element at its least, its greatest, -1, 0 and 1 (clamped to its range), then
/// random.
std::vector<std::int64_t> corner_and_random_events(const Network& network, std::uint64_t seed,
                                                   int random_events);

}  // namespace sluice::network::testing
