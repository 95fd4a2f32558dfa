#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "sluice/sim/memory.hpp"
#include "sluice/sim/registers.hpp"
#include "sluice/sim/timing.hpp"

namespace sluice::sim {

struct SimulatorOptions {
  /// Device memory; several kernels of one card share it. Empty: a memory of the simulator's own.
  std::shared_ptr<Memory> memory;
  MemoryTiming timing;
  /// A kernel's access outside of every allocated buffer answers DECERR and is recorded. Reads may
  /// run on to the end of the bus word in which a buffer ends.
  bool check_allocations = true;
  std::uint32_t register_seed = 1;  ///< random contents of registers before reset
};

/// A kernel's access that no allocated buffer covers.
struct AccessError {
  bool write = false;
  std::uint64_t address = 0;  ///< of the beat (read) or of the first byte concerned (write)
  std::uint64_t cycle = 0;
};

/// The arguments of one kernel run; addresses are aligned to the bus width.
struct RunArguments {
  std::uint64_t input_address = 0;
  std::uint64_t output_address = 0;
  std::uint32_t events = 0;
};

struct RunReport {
  std::uint64_t cycles = 0;  ///< the kernel's own count, from start accepted to done
  std::uint32_t status = 0;  ///< register kStatus: 0 when all went well
};

/// One Verilated kernel behind simulated memory, clock cycle by clock cycle.
///
/// Construction loads the library, draws random register contents and resets the kernel. Any number
/// of simulators may exist at once, also of the same library; one simulator belongs to one thread
/// at a time. A broken AXI or stream rule throws DeviceError E-SIM-005 with the checker's text from
/// the call that clocks the kernel; after that only the const functions and memory() remain usable.
class Simulator {
 public:
  /// Throws ToolError E-SIM-004 when `library` is not a kernel built by build_kernel_library().
  explicit Simulator(const std::filesystem::path& library, SimulatorOptions options = {});
  ~Simulator();
  Simulator(Simulator&& other) noexcept;
  Simulator& operator=(Simulator&& other) noexcept;

  /// AXI4-Lite transactions on `s_axi_control`; each takes a few clock cycles. `offset` is a
  /// multiple of 4 below 0x1000. Throws DeviceError E-SIM-007 when the kernel answers with an
  /// error.
  void write_register(std::uint32_t offset, std::uint32_t value);
  std::uint32_t read_register(std::uint32_t offset);

  void step(std::uint64_t cycles = 1);

  /// Clocks until register kControl reads done, and returns the cycles that took. Writes no
  /// continue. Throws DeviceError E-SIM-006 after `limit_cycles`.
  std::uint64_t run_until_done(std::uint64_t limit_cycles);

  /// One whole run as a host does it: arguments, start, wait, continue.
  RunReport run(const RunArguments& arguments, std::uint64_t limit_cycles);

  /// Holds ap_rst_n low for some cycles and forgets every transaction in flight; memory stays.
  void reset();

  std::uint64_t cycles() const noexcept;  ///< clock cycles since construction
  bool interrupt() const noexcept;        ///< level of the kernel's interrupt output
  int input_bus_bytes() const noexcept;
  int output_bus_bytes() const noexcept;
  Memory& memory() noexcept;

  /// Take effect from the next burst and clock on. Throws UsageError for a timing out of range.
  void set_timing(const MemoryTiming& timing);
  void set_fault(const MemoryFault& fault);

  /// Accesses outside of allocated buffers, the first 1000 of them, in order.
  const std::vector<AccessError>& access_errors() const noexcept;

  /// Waves in VCD format from now on. Throws ToolError E-SIM-009 when the library was built without
  /// BuildOptions::trace or the file cannot be written.
  void start_trace(const std::filesystem::path& file);
  void stop_trace();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::sim
