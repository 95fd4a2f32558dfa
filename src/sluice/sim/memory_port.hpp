#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "sluice/sim/kernel_abi.h"
#include "sluice/sim/memory.hpp"
#include "sluice/sim/simulator.hpp"
#include "sluice/sim/timing.hpp"

namespace sluice::sim {

/// Throws UsageError when `timing` is out of range.
void require_valid(const MemoryTiming& timing);

/// What both directions of the memory share: the time, the rules and the record of bad accesses.
struct MemoryContext {
  static constexpr std::size_t kMaxAccessErrors = 1000;

  Memory* memory = nullptr;
  MemoryTiming timing;
  MemoryFault fault;
  bool check_allocations = true;
  std::uint64_t cycle = 0;
  std::vector<AccessError> access_errors;
  std::mt19937_64 random{1};

  bool stalls();
  std::uint64_t draw_ready_cycle();
  void record(bool write, std::uint64_t address);
};

/// The slave side of m_axi_gmem0: addresses in, data out in order. Each clock: drive(), the
/// kernel's cycle, then advance() with the values that stood on the wires before the edge.
class ReadPort {
 public:
  explicit ReadPort(unsigned bus_bytes) : bus_bytes_(bus_bytes) {}

  void drive(MemoryContext& context, SluiceKernelInputs& in);
  void advance(MemoryContext& context, const SluiceKernelInputs& in,
               const SluiceKernelOutputs& out);
  void restart_fault() noexcept { beats_ = 0; }

 private:
  struct Burst {
    std::uint64_t address;
    unsigned beats;
    std::uint64_t ready_cycle;  ///< first cycle in which data may show
  };

  void offer(MemoryContext& context, SluiceKernelInputs& in);

  unsigned bus_bytes_;
  std::deque<Burst> bursts_;
  bool offered_ = false;
  std::uint64_t beats_ = 0;  ///< offered since the fault was set
};

/// The slave side of m_axi_gmem1. Data are written when their burst is complete, and the response
/// follows in order.
class WritePort {
 public:
  explicit WritePort(unsigned bus_bytes) : bus_bytes_(bus_bytes) {}

  void drive(MemoryContext& context, SluiceKernelInputs& in);
  void advance(MemoryContext& context, const SluiceKernelInputs& in,
               const SluiceKernelOutputs& out);
  void restart_fault() noexcept { answers_ = 0; }

 private:
  struct Beat {
    std::uint64_t strobe;
    std::byte data[SLUICE_KERNEL_MAX_BUS_BYTES];
  };
  struct Answer {
    std::uint8_t response;
    std::uint64_t ready_cycle;
  };

  void complete_burst(MemoryContext& context);
  std::uint8_t commit(MemoryContext& context, std::uint64_t address);

  unsigned bus_bytes_;
  std::deque<std::uint64_t> addresses_;  ///< of bursts whose data are not complete
  std::vector<Beat> beats_;              ///< of the oldest of them
  std::deque<Answer> pending_;
  bool offered_ = false;
  std::uint64_t answers_ = 0;  ///< bursts completed since the fault was set
};

}  // namespace sluice::sim
