// Runs random events through a network, by the SIMD engine, and through the circuit that synthesis
// makes of it, by the interpreter; prints how many differ as a JSON object. Exit code 1 if any
// does.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/base/files.hpp"
#include "sluice/base/json.hpp"
#include "sluice/compiler/test_vectors.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/network/text.hpp"
#include "sluice/synth/lower.hpp"

namespace {

using namespace sluice;

constexpr std::int64_t kEventsPerBatch = 16'384;

struct Options {
  std::string network;
  std::string effort = "normal";
  std::int64_t dsps = 0;
  std::int64_t events = 1'000'000;
  std::uint64_t seed = 1;
};

std::vector<std::byte> pack(const std::vector<std::int64_t>& mantissas, int container_bits) {
  const auto bytes = static_cast<std::size_t>(container_bits / 8);
  std::vector<std::byte> packed(mantissas.size() * bytes);
  for (std::size_t i = 0; i < mantissas.size(); ++i) {
    std::memcpy(packed.data() + i * bytes, &mantissas[i], bytes);
  }
  return packed;
}

std::int64_t differing_events(const engine::Engine& network, const circuit::Circuit& circuit,
                              std::int64_t events, std::uint64_t seed) {
  const std::vector<std::int64_t> inputs = compiler::make_inputs(circuit, events, seed);
  const std::vector<std::byte> expected =
      pack(compiler::interpret(circuit, inputs), network.output().container_bits());
  const std::vector<std::byte> packed = pack(inputs, network.input().container_bits());
  std::vector<std::byte> found(expected.size());
  network.run(
      engine::as_mantissas(std::span<const std::byte>(packed), network.input().container_bits()),
      engine::as_mantissas(std::span<std::byte>(found), network.output().container_bits()));
  const std::size_t event_bytes = network.output().event_bytes();
  std::int64_t differing = 0;
  for (std::size_t at = 0; at < found.size(); at += event_bytes) {
    differing += std::memcmp(&found[at], &expected[at], event_bytes) == 0 ? 0 : 1;
  }
  return differing;
}

Json compare(const Options& options) {
  const std::map<std::string, synth::Effort> efforts{{"fast", synth::Effort::fast},
                                                     {"normal", synth::Effort::normal},
                                                     {"max", synth::Effort::max}};
  const network::Network network = network::parse(read_file(options.network), options.network);
  const circuit::Circuit circuit = synth::lower(
      network, {.cmvm = {.effort = efforts.at(options.effort)}, .multipliers = options.dsps});
  const engine::Engine engine(network);
  std::int64_t differing = 0;
  for (std::int64_t done = 0; done < options.events; done += kEventsPerBatch) {
    const std::int64_t count = std::min(kEventsPerBatch, options.events - done);
    const auto batch = static_cast<std::uint64_t>(done / kEventsPerBatch);
    differing += differing_events(engine, circuit, count, options.seed + batch);
  }
  return {{"events", options.events},
          {"differing", differing},
          {"seed", options.seed},
          {"engine", std::string(engine.target())}};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares a network with the circuit that synthesis makes of it");
  app.add_option("network", options.network, "Network in text form")->required();
  app.add_option("--effort", options.effort)->check(CLI::IsMember({"fast", "normal", "max"}));
  app.add_option("--dsp", options.dsps)->check(CLI::NonNegativeNumber);
  app.add_option("--events", options.events)->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, argc, argv);
  try {
    const Json result = compare(options);
    fmt::print("{}\n", result.dump());
    return result["differing"] == 0 ? 0 : 1;
  } catch (const Error& error) {
    fmt::print(stderr, "{}: {}\n", error.code(), error.what());
    return 2;
  }
}
