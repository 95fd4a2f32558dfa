#pragma once

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

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
  /// New is the end of a run, and that the kernel has taken the newest run's arguments: the host
  /// may queue the next one. The latter is told kReadyHoldCycles after the start, once. A run that
  /// got a bus error throws DeviceError E-CARD-030, as a real card's firewall stops it.
  std::uint32_t poll(std::chrono::milliseconds budget) override;
  std::optional<RunRecord> take_finished() override { return std::exchange(finished_, {}); }
  /// The first access after the next start fails, that of an earlier run if one is under way.
  void inject_bus_error(bool write) override;

  /// A run that ends before costs its host one message, and cannot gain from a queued one.
  static constexpr std::uint64_t kReadyHoldCycles = 64;
  /// While a host queues runs, an answer without news: XRT lets no other thread of it through
  /// before.
  static constexpr std::uint64_t kQueueHoldCycles = 32;

 private:
  bool answers(std::uint32_t control, std::uint64_t polled_cycles) const;
  std::uint64_t read_pair(std::uint32_t offset);
  void finish_run();
  [[noreturn]] void fail_run(std::uint32_t status) const;

  sim::Simulator simulator_;
  struct Started {
    std::uint32_t events;
    std::uint64_t cycle;
  };
  std::deque<Started> started_;  // the runs that have not ended, oldest first
  std::uint64_t last_end_cycle_ = 0;
  bool ready_told_ = true;
  bool queues_ = false;     // the newest run was started while another one was under way
  bool done_told_ = false;  // and not continued since
  double unaccounted_seconds_ = 0;
  std::optional<RunRecord> finished_;
};

}  // namespace sluice::card
