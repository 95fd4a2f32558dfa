#include <benchmark/benchmark.h>

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

constexpr std::size_t kBatch = 1 << 14;

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

void run_reals(benchmark::State& state, const std::string& target, std::size_t events) {
  const Network network = muon_sized_network();
  const sluice::engine::Engine engine(network, {.target = target});
  const std::vector<float> inputs = random_reals(network, events);
  std::vector<float> outputs(events * engine.output().elements());
  for (auto _ : state) {
    engine.run(inputs, outputs);
    benchmark::DoNotOptimize(outputs.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events));
}

}  // namespace

int main(int argc, char** argv) {
  for (const std::string& target : sluice::engine::supported_targets()) {
    for (const std::size_t events : {kBatch, std::size_t{1}}) {
      benchmark::RegisterBenchmark(
          ("float_to_float/" + target + "/batch:" + std::to_string(events)).c_str(),
          [target, events](benchmark::State& state) { run_reals(state, target, events); });
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
