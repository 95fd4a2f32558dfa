#pragma once

#include <filesystem>
#include <memory>

#include "card/device/compute_unit.hpp"
#include "card/settings/settings.hpp"
#include "sluice/sim/simulator.hpp"

namespace sluice::card {

/// A Verilated kernel behind the card's memory. Simulated time passes only in the register accesses
/// and while a run advances.
class RtlUnit : public ComputeUnit {
 public:
  /// Stalls, latencies and waves as `settings` says; two units of a card get different seeds when
  /// `index` differs. Throws what sim::Simulator throws.
  RtlUnit(const std::filesystem::path& kernel_library, std::shared_ptr<sim::Memory> memory,
          const CardSettings& settings, std::uint64_t index);

  void write_register(std::uint32_t offset, std::uint32_t value) override;
  std::uint32_t read_register(std::uint32_t offset) override;
  /// Ends when the kernel is idle. A run that got a bus error throws DeviceError E-CARD-030, as a
  /// real card's firewall stops it.
  bool advance(std::chrono::milliseconds budget) override;
  void inject_bus_error(bool write) override;
  RunRecord last_run() const override { return last_run_; }

 private:
  std::uint64_t read_pair(std::uint32_t offset);
  void finish_run();
  [[noreturn]] void fail_run(std::uint32_t status) const;

  sim::Simulator simulator_;
  double run_seconds_ = 0;
  RunRecord last_run_;
};

}  // namespace sluice::card
