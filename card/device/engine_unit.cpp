#include "card/device/engine_unit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "sluice/base/error.hpp"
#include "sluice/engine/engine.hpp"
#include "sluice/network/text.hpp"

namespace sluice::card {

namespace {

// Bounds the card's own memory however many events a run has.
constexpr std::uint64_t kEventsAtATime = 65536;

void check_covered(const sim::Memory& memory, std::string_view access, std::uint64_t address,
                   std::uint64_t size_bytes) {
  if (size_bytes == 0 || memory.is_allocated(address, size_bytes)) return;
  throw DeviceError(
      "E-CARD-030", "kernel",
      fmt::format("{} of {} bytes at {:#x}, which no buffer covers", access, size_bytes, address),
      "check buffer sizes against n, and that the buffers still exist");
}

void run_engine(const engine::Engine& engine, const sim::RunArguments& arguments,
                sim::Memory& memory) {
  const std::uint64_t in_bytes = engine.input().event_bytes();
  const std::uint64_t out_bytes = engine.output().event_bytes();
  check_covered(memory, "read", arguments.input_address, in_bytes * arguments.events);
  check_covered(memory, "write", arguments.output_address, out_bytes * arguments.events);
  std::vector<std::byte> inputs, outputs;
  for (std::uint64_t done = 0; done < arguments.events; done += kEventsAtATime) {
    const std::uint64_t count = std::min(kEventsAtATime, arguments.events - done);
    inputs.resize(count * in_bytes);
    outputs.resize(count * out_bytes);
    memory.read(arguments.input_address + done * in_bytes, inputs);
    engine.run(
        engine::as_mantissas(std::span<const std::byte>(inputs), engine.input().container_bits()),
        engine::as_mantissas(std::span<std::byte>(outputs), engine.output().container_bits()));
    memory.write(arguments.output_address + done * out_bytes, outputs);
  }
}

}  // namespace

KernelFunction make_engine_kernel(std::string_view network_text, std::string_view origin) {
  const engine::Engine engine(network::parse(network_text, origin), {.threads = 0});
  return [engine](const sim::RunArguments& arguments, sim::Memory& memory) {
    run_engine(engine, arguments, memory);
  };
}

}  // namespace sluice::card
