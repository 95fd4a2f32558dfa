#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "sluice/base/files.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/network/testing/random_network.hpp"
#include "sluice/network/text.hpp"

// Events per second of the engine on one core, reals in and reals out, for a network of the muon pT
// network's size, or for the network (in text form) that SLUICE_BENCH_NETWORK names.
//   engine_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true

namespace {

using sluice::fixed::Overflow;
using sluice::fixed::Rounding;
using sluice::network::Network;

Network muon_sized_network() {
  if (const char* const path = std::getenv("SLUICE_BENCH_NETWORK")) {
    return sluice::network::parse(sluice::read_file(path), path);
  }
  return sluice::network::testing::random_mlp(
      1, {.activation = {{15, 10, false}, Rounding::rnd_conv, Overflow::sat},
          .output = {{16, 10, true}, Rounding::rnd_conv, Overflow::sat},
          .weight_sigma = 1 << 9});
}

std::vector<float> random_reals(const Network& network, std::size_t events) {
  sluice::network::testing::Generator generator(2);
  const std::size_t elements = network.layer(network.inputs().front()).type.ranges.size();
  std::vector<float> reals(events * elements);
  for (float& real : reals) {
    constexpr float kUnit = 1 << 20;
    real =
        static_cast<float>(sluice::network::testing::draw(generator, -(8 << 20), 8 << 20)) / kUnit;
  }
  return reals;
}

/// Arguments: number of the target in supported_targets(), events of a batch.
void float_to_float(benchmark::State& state) {
  const std::string target =
      sluice::engine::supported_targets().at(static_cast<std::size_t>(state.range(0)));
  const auto events = static_cast<std::size_t>(state.range(1));
  const Network network = muon_sized_network();
  const sluice::engine::Engine engine(network, {.target = target});
  const std::vector<float> inputs = random_reals(network, events);
  std::vector<float> outputs(events * engine.output().elements());
  while (state.KeepRunning()) {
    engine.run(inputs, outputs);
    benchmark::DoNotOptimize(outputs.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events));
  state.SetLabel(target);
}

void every_target(benchmark::internal::Benchmark* benchmark) {
  const auto targets = static_cast<std::int64_t>(sluice::engine::supported_targets().size());
  for (const std::int64_t batch : {1, 1 << 14}) {
    for (std::int64_t target = 0; target < targets; ++target) benchmark->Args({target, batch});
  }
}

}  // namespace

BENCHMARK(float_to_float)->Apply(every_target)->ArgNames({"target", "batch"});
BENCHMARK_MAIN();
