#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice::card {

/// What a run of a compute unit was like.
struct RunRecord {
  std::uint64_t events = 0;
  std::uint64_t kernel_cycles = 0;  ///< from start to done; 0 when the unit has no clock
  std::uint64_t busy_cycles = 0;    ///< of these, those since the end of the run before
  double host_seconds = 0;          ///< wall time that the emulation spent since the run before
};

/// A kernel on the card, as its AXI4-Lite control map shows it (ap_ctrl_chain, see
/// sim/registers.hpp). It shares the card's memory. Failures throw DeviceError and end the card.
class ComputeUnit {
 public:
  ComputeUnit() = default;
  ComputeUnit(const ComputeUnit&) = delete;
  ComputeUnit& operator=(const ComputeUnit&) = delete;
  virtual ~ComputeUnit() = default;

  /// One 32-bit access; `offset` is a multiple of 4 inside the unit's range.
  virtual void write_register(std::uint32_t offset, std::uint32_t value) = 0;
  virtual std::uint32_t read_register(std::uint32_t offset) = 0;

  /// Reads the control register as a host that polls does: works on the started runs until there is
  /// something new to tell, for about `budget` at most.
  virtual std::uint32_t poll(std::chrono::milliseconds budget) = 0;

  /// The run whose end the last poll() has told, once.
  virtual std::optional<RunRecord> take_finished() = 0;

  /// Makes the first read (or write) of the next run fail on the bus.
  virtual void inject_bus_error(bool write) = 0;
};

}  // namespace sluice::card
