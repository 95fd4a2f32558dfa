#pragma once

#include <cstdint>

/// What one import may hold in memory and compute, whatever the file's kind; far above any network
/// that fits a card.
namespace sluice::frontend {

/// Elements of all layers, and of any one of them.
inline constexpr std::int64_t kMostElements = std::int64_t{1} << 24;
/// Multiplications of an event: the engine's plan holds some 16 bytes for each while it is made.
inline constexpr std::int64_t kMostMultiplications = std::int64_t{1} << 26;

}  // namespace sluice::frontend
