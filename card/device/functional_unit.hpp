#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "card/device/compute_unit.hpp"
#include "sluice/sim/memory.hpp"
#include "sluice/sim/registers.hpp"
#include "sluice/sim/simulator.hpp"

namespace sluice::card {

/// Computes a whole run on device memory, with no notion of time.
using KernelFunction = std::function<void(const sim::RunArguments&, sim::Memory&)>;

/// A compute unit whose control map is emulated and whose work is a function.
///
/// Counters of cycles read as zero: this unit has no clock.
class FunctionalUnit : public ComputeUnit {
 public:
  FunctionalUnit(KernelFunction function, std::shared_ptr<sim::Memory> memory);

  void write_register(std::uint32_t offset, std::uint32_t value) override;
  std::uint32_t read_register(std::uint32_t offset) override;
  std::uint32_t poll(std::chrono::milliseconds budget) override;
  std::optional<RunRecord> take_finished() override { return std::exchange(finished_, {}); }
  void inject_bus_error(bool write) override { injected_ = write ? "write" : "read"; }

 private:
  static constexpr std::uint32_t kMapBytes = 0x60;

  std::uint64_t pointer(std::uint32_t offset) const;
  std::uint32_t read_control();
  void run();

  KernelFunction function_;
  std::shared_ptr<sim::Memory> memory_;
  std::array<std::uint32_t, kMapBytes / 4> registers_{};
  bool started_ = false;
  bool done_ = false;               ///< until the host writes continue
  bool ready_ = false;              ///< until the host reads it
  const char* injected_ = nullptr;  ///< the access that is to fail
  std::optional<RunRecord> finished_;
};

}  // namespace sluice::card
