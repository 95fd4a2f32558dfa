#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sluice/engine/engine.hpp"
#include "sluice/network/network.hpp"

namespace sluice::compiler {

/// Shows what lies between input and output of a network, event by event.
class LayerTracer {
 public:
  explicit LayerTracer(const network::Network& network);

  /// Elements of all inputs of an event.
  std::size_t input_elements() const noexcept { return input_elements_; }

  /// The values of the layers for one event: exact, up to 53 bits.
  class Event {
   public:
    std::span<const double> of(network::LayerId id) const {
      return values_.subspan(offsets_[index(id)], offsets_[index(id) + 1] - offsets_[index(id)]);
    }

   private:
    friend class LayerTracer;
    Event(std::span<const double> values, std::span<const std::size_t> offsets)
        : values_(values), offsets_(offsets) {}
    std::span<const double> values_;
    std::span<const std::size_t> offsets_;
  };

  /// Runs events of real numbers, one after the other, and calls `see` with the number and the
  /// values of each.
  void run(std::span<const double> events,
           const std::function<void(std::int64_t, const Event&)>& see) const;

 private:
  engine::Engine engine_;
  std::vector<std::size_t> offsets_;  // by layer, and the total
  std::size_t input_elements_ = 0;
};

}  // namespace sluice::compiler
