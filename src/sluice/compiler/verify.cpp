#include "sluice/compiler/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "sluice/base/check.hpp"
#include "sluice/base/files.hpp"
#include "sluice/circuit/text.hpp"
#include "sluice/compiler/test_vectors.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/network/text.hpp"
#include "sluice/runtime/device.hpp"

namespace sluice::compiler {

namespace {

/// Events of a port as they lie in memory: mantissas in little-endian containers.
std::vector<std::byte> pack(std::span<const std::int64_t> mantissas, int container_bits) {
  const auto bytes = static_cast<std::size_t>(container_bits / 8);
  std::vector<std::byte> packed(mantissas.size() * bytes);
  for (std::size_t i = 0; i < mantissas.size(); ++i) {
    std::memcpy(packed.data() + i * bytes, &mantissas[i], bytes);
  }
  return packed;
}

constexpr std::int64_t kFewestSamples = 64;
constexpr std::int64_t kFewestRtlSamples = 16;

/// How many events an engine gets.
struct Share {
  std::int64_t asked = 0;
  std::int64_t events = 0;
  std::string limited;  ///< why they are fewer than asked for
};

/// As many as a budget allows, but `fewest`.
Share share_of(std::int64_t asked, std::int64_t budget, std::int64_t each, std::int64_t fewest,
               std::string_view spent) {
  const std::int64_t events = std::min(asked, std::max(budget / each, fewest));
  if (events == asked) return {asked, events, {}};
  return {asked, events, fmt::format("{} {} each, of {}", each, spent, budget)};
}

/// The first `share.asked` of what `whole` allows.
Share within(const Share& whole, const Share& share) {
  if (share.events <= whole.events) return share;
  return {share.asked, whole.events, whole.limited};
}

class Comparer {
 public:
  Comparer(const package::Manifest& manifest, const circuit::Circuit& circuit,
           const VerifyOptions& options)
      : manifest_(manifest),
        options_(options),
        interpreted_(share_of(options.samples, options.interpreted_operations,
                              operations_per_event(circuit), kFewestSamples,
                              "operations of the interpreter")),
        simulated_(within(interpreted_,
                          share_of(std::min(options.samples, options.rtl_samples),
                                   options.simulated_cycles, manifest.initiation_interval_cycles,
                                   kFewestRtlSamples, "cycles to simulate"))),
        inputs_(make_inputs(circuit, interpreted_.events, options.seed)),
        expected_(interpret(circuit, inputs_)),
        packed_inputs_(pack(inputs_, manifest.input.container_bits())),
        packed_expected_(pack(expected_, manifest.output.container_bits())) {}

  Comparison compare_engine(const network::Network& network, const std::string& target) const {
    engine::EngineOptions engine_options;
    engine_options.target = target;
    const engine::Engine engine(network, engine_options);
    std::vector<std::byte> found(packed_expected_.size());
    engine.run(
        engine::as_mantissas(std::span<const std::byte>(packed_inputs_),
                             manifest_.input.container_bits()),
        engine::as_mantissas(std::span<std::byte>(found), manifest_.output.container_bits()));
    return judge("engine " + target, found, interpreted_);
  }

  Comparison compare_device(const package::Package& package, const std::string& uri,
                            ProgressSink& progress) const {
    const Share& share = uri == "engine" ? interpreted_ : simulated_;
    const std::int64_t events = share.events;
    runtime::DeviceOptions device_options;
    device_options.memory_seed = options_.seed;
    const runtime::Device device = runtime::Device::open(package, uri, device_options);
    const runtime::Kernel kernel = device.kernel();
    const std::int64_t most = std::min<std::int64_t>(events, 4096);
    runtime::AnyBuffer input = kernel.allocate_input(most);
    runtime::AnyBuffer output = kernel.allocate_output(most);
    runtime::Run run = kernel.make_run();
    const auto input_bytes = static_cast<std::size_t>(manifest_.input.event_bytes());
    const auto output_bytes = static_cast<std::size_t>(manifest_.output.event_bytes());
    std::vector<std::byte> found(static_cast<std::size_t>(events) * output_bytes);
    for (std::int64_t first = 0; first < events; first += most) {
      const std::int64_t count = std::min(most, events - first);
      const auto at = static_cast<std::size_t>(first);
      std::memcpy(input.bytes().data(), packed_inputs_.data() + at * input_bytes,
                  static_cast<std::size_t>(count) * input_bytes);
      input.sync_to_device(0, count);
      run.start(input, output, count);
      run.wait();
      output.sync_from_device(0, count);
      std::memcpy(found.data() + at * output_bytes, output.bytes().data(),
                  static_cast<std::size_t>(count) * output_bytes);
      progress.update("verify " + uri, static_cast<std::uint64_t>(first + count),
                      static_cast<std::uint64_t>(events));
    }
    const std::string& emulation = device.info().emulation;
    const bool plain = emulation.empty() || emulation == uri;
    return judge(plain ? uri : fmt::format("{} ({})", uri, emulation), found, share);
  }

 private:
  Comparison judge(std::string name, const std::vector<std::byte>& found,
                   const Share& share) const {
    const std::int64_t events = share.events;
    Comparison comparison{std::move(name), share.asked, events, share.limited, 0, {}, {}};
    const auto event_bytes = static_cast<std::size_t>(manifest_.output.event_bytes());
    SLUICE_CHECK(found.size() == static_cast<std::size_t>(events) * event_bytes,
                 "{} returned {} bytes", comparison.engine, found.size());
    for (std::int64_t event = 0; event < events; ++event) {
      const std::size_t at = static_cast<std::size_t>(event) * event_bytes;
      if (std::memcmp(found.data() + at, packed_expected_.data() + at, event_bytes) == 0) continue;
      if (comparison.differing++ == 0) comparison.first_difference = describe(event, found);
    }
    return comparison;
  }

  std::string describe(std::int64_t event, const std::vector<std::byte>& found) const {
    const auto elements = static_cast<std::size_t>(manifest_.output.elements());
    const auto bytes = static_cast<std::size_t>(manifest_.output.container_bits() / 8);
    for (std::size_t element = 0; element < elements; ++element) {
      const std::size_t at = (static_cast<std::size_t>(event) * elements + element);
      std::uint64_t bits = 0;
      std::memcpy(&bits, found.data() + at * bytes, bytes);
      const int unused = 64 - manifest_.output.container_bits();
      const auto value = static_cast<std::int64_t>(bits << unused) >> unused;
      if (value != expected_[at]) {
        return fmt::format("event {}, element {}: expected {}, found {} (seed {})", event, element,
                           expected_[at], value, options_.seed);
      }
    }
    return "padding bytes differ";
  }

  const package::Manifest& manifest_;
  const VerifyOptions& options_;
  Share interpreted_, simulated_;
  std::vector<std::int64_t> inputs_, expected_;
  std::vector<std::byte> packed_inputs_, packed_expected_;
};

}  // namespace

bool Verification::passed() const noexcept {
  return std::ranges::all_of(comparisons, [](const Comparison& c) { return c.differing == 0; });
}

Json to_json(const Verification& verification) {
  Json rows = Json::array();
  for (const Comparison& row : verification.comparisons) {
    rows.push_back({{"engine", row.engine},
                    {"asked", row.asked},
                    {"events", row.events},
                    {"limited", row.limited},
                    {"differing", row.differing},
                    {"first_difference", row.first_difference},
                    {"skipped", row.skipped}});
  }
  return {{"passed", verification.passed()}, {"seed", verification.seed}, {"engines", rows}};
}

Verification verify(const package::Package& package, const VerifyOptions& options,
                    ProgressSink& progress) {
  if (options.samples < 1 || options.rtl_samples < 1) {
    throw UsageError("E-COMPILER-002", "samples", "at least one event is needed");
  }
  if (options.interpreted_operations < 1 || options.simulated_cycles < 1) {
    throw UsageError("E-COMPILER-002", "operations or cycles", "at least one is needed");
  }
  const circuit::Circuit circuit =
      circuit::parse(read_file(package.circuit_file()), package.circuit_file().string()).circuit;
  const network::Network network =
      network::parse(read_file(package.network_file()), package.network_file().string());
  progress.update("interpret", 0, 0);
  const Comparer comparer(package.manifest(), circuit, options);
  Verification verification{options.seed, {}};
  for (const std::string& target : engine::supported_targets()) {
    progress.update("verify engine " + target, 0, 0);
    verification.comparisons.push_back(comparer.compare_engine(network, target));
  }
  for (const std::string& uri : options.devices) {
    try {
      verification.comparisons.push_back(comparer.compare_device(package, uri, progress));
    } catch (const ToolError& error) {
      verification.comparisons.push_back({uri, options.rtl_samples, 0, {}, 0, {}, error.message()});
    }
  }
  return verification;
}

}  // namespace sluice::compiler
