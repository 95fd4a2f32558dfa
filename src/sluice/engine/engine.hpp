#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/progress.hpp"
#include "sluice/engine/events.hpp"
#include "sluice/fixed/interval.hpp"
#include "sluice/network/network.hpp"

/// Runs a network on the CPU in vectors of events; every result is the exact one.
namespace sluice::engine {

/// How a step computes its sums of products, cheapest first.
enum class MachineType : std::uint8_t {
  int16_pairs,  ///< products of 16-bit pairs summed in 32 bits (pmaddwd)
  int32,        ///< products and sums in 32 bits
  float64,      ///< double, every sum an integer of at most 53 bits
  int64,        ///< 64-bit integers, one event at a time
};
std::string_view to_string(MachineType type) noexcept;

/// One step of the plan: the layers that are computed together and how.
struct PlanRow {
  std::string layers;    ///< names of the fused layers, joined by " + "
  MachineType type;      ///< cheapest that is proven exact
  std::string reason;    ///< why, and why nothing cheaper
  std::size_t units;     ///< elements computed
  std::size_t products;  ///< multiplications per event after leaving out zero weights
  fixed::Interval sums;  ///< exact range of every sum of products
  friend bool operator==(const PlanRow&, const PlanRow&) = default;
};

struct EngineOptions {
  int threads = 1;     ///< 1: the calling thread only; 0: all hardware threads, also the most
  std::string target;  ///< one of supported_targets(); empty: the best
};

/// Vector instruction sets that this build and this CPU support, best first; the last one is
/// portable scalar code.
std::vector<std::string> supported_targets();

/// A planned network. Immutable; copies share the plan; runs may be concurrent.
class Engine {
 public:
  /// Throws UsageError for an unknown target or a negative number of threads, InternalError for a
  /// network that network::verify refuses.
  explicit Engine(const network::Network& network, const EngineOptions& options = {});

  const EventLayout& input() const noexcept;   ///< inputs of the network, in order
  const EventLayout& output() const noexcept;  ///< outputs of the network, in order
  const std::vector<PlanRow>& plan() const noexcept;
  std::string_view target() const noexcept;

  /// Computes the outputs of every event of `inputs` (any number, also 0).
  ///
  /// Integer inputs are mantissas in the container of input(); float and double are reals,
  /// quantised as by fixed::quantize_real. Outputs likewise: mantissas in the container of
  /// output(), or reals (see EventConverter::dequantize).
  ///
  /// Throws UsageError, naming the first event and element concerned, for NaN and for a mantissa
  /// outside of its format, and for wrong types or sizes; `outputs` is unspecified then. Progress
  /// is reported in events; an exception from `progress` stops the run and is passed on.
  void run(const ConstEvents& inputs, const Events& outputs,
           ProgressSink& progress = no_progress()) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace sluice::engine
