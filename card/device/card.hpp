#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "card/device/compute_unit.hpp"
#include "card/device/log.hpp"
#include "card/image/card_image.hpp"
#include "card/settings/settings.hpp"
#include "sluice/base/json.hpp"
#include "sluice/sim/memory.hpp"

namespace sluice::card {

/// The card behind the wire protocol: memory, compute units at their addresses, faults on demand.
class Card {
 public:
  /// How long the answer to a status read is held back while a kernel runs. The host polls without
  /// pause, so this saves messages and costs no latency: the answer goes out when there is news.
  static constexpr std::chrono::milliseconds kStatusHold{200};
  /// Largest transfer in one message; XRT's own chunks are 8 MiB unless xrt.ini says otherwise.
  static constexpr std::uint64_t kMaxTransferBytes = std::uint64_t{256} << 20;

  Card(CardSettings settings, CardLog& log);

  const CardSettings& settings() const { return settings_; }
  CardLog& log() { return log_; }
  const std::shared_ptr<sim::Memory>& memory() const { return memory_; }

  void add_unit(const CardUnit& place, std::unique_ptr<ComputeUnit> unit);
  void remove_units() { units_.clear(); }

  /// The host's transfers. False: refused and reported, because no allocated buffer covers them.
  bool write_memory(std::uint64_t address, std::string_view bytes);
  /// A refused read fills `bytes` with kPoison.
  bool read_memory(std::uint64_t address, std::string& bytes);
  static constexpr char kPoison = '\xdb';

  bool allocate(std::uint64_t address, std::uint64_t size_bytes);
  bool free(std::uint64_t address);

  /// Register access of whole 32-bit words. False: refused and reported (no unit there, not
  /// aligned). A block that starts at the control register is applied with that register last.
  bool write_control(std::uint64_t address, std::string_view words);
  bool read_control(std::uint64_t address, std::string& words);

  /// Kills this process when the fault of that kind is due: `count` calls or runs have begun.
  void die_if_due(CardFault kind, std::uint64_t count) const;

  /// Runs so far: totals, and kernel cycles of each run.
  Json statistics() const;

 private:
  struct PlacedUnit {
    CardUnit place;
    std::unique_ptr<ComputeUnit> unit;
    bool hanging = false;
  };

  PlacedUnit* unit_at(std::uint64_t address, std::uint64_t size_bytes);
  void write_word(PlacedUnit& placed, std::uint32_t offset, std::uint32_t value);
  void start_run(PlacedUnit& placed, std::uint32_t value);
  std::uint32_t read_status(PlacedUnit& placed);

  CardSettings settings_;
  CardLog& log_;
  std::shared_ptr<sim::Memory> memory_;
  std::vector<PlacedUnit> units_;
  std::uint64_t runs_started_ = 0;
  std::vector<RunRecord> runs_;
};

}  // namespace sluice::card
