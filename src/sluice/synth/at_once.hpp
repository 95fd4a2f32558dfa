#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "sluice/base/diagnostics.hpp"
#include "sluice/network/network.hpp"

namespace sluice::synth {

/// Why a layer of a streaming network does not take one position after the other.
enum class Obstacle : std::uint8_t {
  movement,   ///< its operand's elements move as no window does
  positions,  ///< its operands have different positions
  differs,    ///< it is not the same at all positions
  joined,     ///< a dense layer over the positions of several layers
  whole,      ///< a convolution of what comes all at once
};

/// The layers that compute all positions at once, each with the first obstacle on the way to it.
class AtOnce {
 public:
  /// `layer` meets an obstacle that lies in `subject`: itself or an operand.
  void add(const network::Network& network, std::size_t layer, Obstacle obstacle,
           std::size_t subject);
  /// `layer` is computed at once if something it takes is; says whether.
  bool follow(const network::Network& network, std::size_t layer,
              std::span<const std::int32_t> taken);
  /// A layer for which reuse was asked keeps hardware of its own for every position.
  void decline_reuse(std::size_t layer) { declined_.push_back(layer); }

  /// W-SYNTH-001 for every obstacle, W-SYNTH-002 for reuse without effect.
  std::vector<Diagnostic> warnings(const network::Network& network) const;

 private:
  struct Cause {
    Obstacle obstacle;
    std::size_t subject;
    std::size_t first;  ///< layer that meets it
    std::int64_t layers = 0;
    std::int64_t operations = 0;
  };
  void count(const network::Network& network, std::size_t layer, std::size_t cause);

  std::vector<Cause> causes_;
  std::map<std::size_t, std::size_t> cause_of_;  // by layer
  std::vector<std::size_t> declined_;
};

}  // namespace sluice::synth
