#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace sluice::card {

/// What goes wrong on purpose on the card. Runs are counted from 1 over the card's life.
enum class CardFault {
  none,
  die,          ///< the card process is killed when run `at` starts
  die_at_call,  ///< the card process is killed at message `at` from the host
  hang,         ///< run `at` never ends
  read_error,   ///< the kernel's first read of run `at` answers with a bus error
  write_error   ///< the same for its first write
};

/// How an emulated card behaves; see card/README.md for the variables.
struct CardSettings {
  std::uint64_t seed = 1;        ///< SLUICE_CARD_SEED: of stalls and latencies
  double stall_probability = 0;  ///< SLUICE_CARD_STALLS: per clock and channel, 0 to 0.95
  int min_latency_cycles = 8;    ///< SLUICE_CARD_LATENCY: `N` or `MIN:MAX`
  int max_latency_cycles = 8;
  std::filesystem::path log;          ///< SLUICE_CARD_LOG
  std::filesystem::path waves;        ///< SLUICE_CARD_WAVES: VCD file, hw_emu
  std::filesystem::path stats;        ///< SLUICE_CARD_STATS: JSON, written when the card closes
  CardFault fault = CardFault::none;  ///< SLUICE_CARD_FAULT: `KIND:AT`
  std::uint64_t fault_at = 1;
};

using VariableLookup = std::function<std::optional<std::string>(const std::string& name)>;

/// `name` in this process's environment.
std::optional<std::string> environment_variable(const std::string& name);

/// Reads the SLUICE_CARD_... variables; `%p` in a file name becomes the number of this process.
/// Throws UsageError E-CARD-004 that names the variable.
CardSettings read_card_settings(const VariableLookup& variable = environment_variable);

}  // namespace sluice::card
