#pragma once

#include <optional>
#include <vector>

#include "sluice/circuit/circuit.hpp"

namespace sluice::circuit {

/// What one multiplier of a device, a DSP48E2, makes by itself:
/// value * factor + addend * 2^addend_shift, on the grid of the product.
struct MultiplyAdd {
  ValueId product;  ///< the `multiply`
  ValueId value;    ///< its operand that varies, the wider one if both do
  std::int64_t factor = 0;
  std::optional<ValueId> varying_factor;  ///< instead of `factor`
  std::optional<ValueId> addend;
  int addend_shift = 0;
};

/// Whether a product of a value by a constant is worth a multiplier, and fits its two ports of 27
/// and 18 bits.
bool suits_multiplier(const fixed::Format& value, std::int64_t factor) noexcept;
/// The same of two values.
bool suits_multiplier(const fixed::Format& a, const fixed::Format& b) noexcept;

/// The multipliers of a function: one for every sum with a product that it can make itself, and one
/// for a product that something else reads. Sums do not share a product, as each
/// would then need an adder of its own.
class Multipliers {
 public:
  explicit Multipliers(const Function& function);

  /// The multiplier whose output `id` is.
  const std::optional<MultiplyAdd>& behind(std::size_t id) const { return units_[id]; }
  /// Whether `id` is a product that no wire carries, as all its readers make it themselves.
  bool is_inside(std::size_t id) const { return inside_[id]; }

 private:
  std::vector<std::optional<MultiplyAdd>> units_;
  std::vector<bool> inside_;
};

}  // namespace sluice::circuit
