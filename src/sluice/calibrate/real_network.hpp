#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sluice/fixed/quantize.hpp"
#include "sluice/frontend/import.hpp"
#include "sluice/network/network.hpp"

namespace sluice::calibrate {

/// A rounding at some layers of a real network: a format that is tried alone.
struct Rounding {
  std::vector<network::LayerId> at;
  fixed::Quantizer to;
  std::int64_t saturated = 0;  ///< counts the elements that the format's range cuts
};

/// What a model computes before the configuration's formats round it: an imported network evaluated
/// in float64, with the roundings of its FormatUses left out and its TabulatedFunctions computed.
/// Quantisers of the model's own act as they do. Weights are those of the network: a caller that
/// wants the model's gives them a format with bits to spare.
class RealNetwork {
 public:
  explicit RealNetwork(frontend::Imported imported);

  const network::Network& network() const noexcept { return imported_.network; }
  const std::vector<frontend::FormatUse>& formats() const noexcept { return imported_.formats; }

  /// Elements of all inputs, and of all outputs, of one event.
  std::size_t input_elements() const noexcept { return input_elements_; }
  std::size_t output_elements() const noexcept { return output_elements_; }
  /// Multiplications of one event, weights of 0 included.
  double work() const noexcept { return work_; }

  /// Evaluates one event; then values() and outputs() are those of the event.
  void run(std::span<const double> event, Rounding* rounding = nullptr);
  std::span<const double> values(network::LayerId id) const { return values_[index(id)]; }
  std::vector<double> outputs() const;

 private:
  using Values = std::vector<double>;

  Values evaluate(const network::Layer& layer, std::span<const double>& event) const;
  Values dense(const network::Layer& layer, const network::Dense& dense) const;
  Values affine(const network::Layer& layer, const network::Affine& affine) const;
  Values gather(const network::Layer& layer, const network::Gather& gather) const;
  Values merge(const network::Layer& layer, const network::Merge& merge) const;
  Values reduce(const network::Layer& layer, const network::Reduce& reduce) const;
  Values lookup(const network::Layer& layer, const network::Lookup& lookup) const;
  std::size_t number_of(const network::Layer& layer) const {
    return static_cast<std::size_t>(&layer - network().layers().data());
  }
  const Values& operand(const network::Layer& layer, std::size_t i = 0) const {
    return values_[index(layer.operands[i])];
  }

  frontend::Imported imported_;
  std::vector<bool> left_out_;                                   // by layer
  std::vector<const std::function<double(double)>*> functions_;  // by layer; null: none
  std::vector<std::vector<double>> weights_;                     // by layer; of Dense alone
  std::vector<Values> values_;                                   // by layer
  std::size_t input_elements_ = 0;
  std::size_t output_elements_ = 0;
  double work_ = 0;
};

}  // namespace sluice::calibrate
